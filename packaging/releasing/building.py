"""A build from nothing for one architecture, in an environment that says nothing of the machine."""
import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from .source import ROOT, ReleaseError

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
PROGRAMS = {"guestd": "sbin", "guestctl": "bin"}


class Built(NamedTuple):
    architecture: str
    folder: Path  # the build's own
    installed: Path  # what `cmake --install` put below a prefix

    def debug(self, program):
        return self.folder / f"{program}.debug"

    def map(self, program):
        return (self.folder / f"{program}.map").read_text()


def toolchain(architecture):
    """CMake's options for another machine's architecture; None when this tree cannot be built for it."""
    if MACHINES[architecture] == platform.machine():
        return []
    file = ROOT / f"cmake/{architecture}.cmake"
    return [f"-DCMAKE_TOOLCHAIN_FILE={file}"] if file.exists() else None


def architectures():
    """Those that this tree can be built for here."""
    return [a for a in MACHINES if toolchain(a) is not None]


def build(architecture, epoch):
    """Builds both programs, their pages and their descriptors from nothing. A Built. The place is always below the tree: only
    paths below it are kept out of the programs (cmake/flags.cmake)."""
    options = toolchain(architecture)
    if options is None:
        raise ReleaseError(f"there is no way to build for {architecture}")
    work = ROOT / "build/dist-work" / architecture
    folder, installed = work / "build", work / "installed"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    # No ccache, whose base directory would be in the symbols; no flags of the caller's.
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC", "CCACHE_DISABLE": "1",
                   "SOURCE_DATE_EPOCH": str(epoch)}
    log = work / "build.log"
    for words in ([ROOT / "tools/setup", f"{architecture}-build" if options else "build"],
                  ["cmake", "--preset", "release", "-B", folder, "-DGUESTD_TESTS=OFF", *options],
                  ["cmake", "--build", folder],
                  ["cmake", "--install", folder, "--prefix", installed]):
        with open(log, "ab") as out:
            if subprocess.run(words, cwd=ROOT, env=environment, stdout=out, stderr=out).returncode != 0:
                raise ReleaseError(f"{' '.join(map(str, words[:2]))} for {architecture} failed:\n"
                                   + "\n".join(log.read_text().splitlines()[-30:]))
    return Built(architecture, folder, installed)
