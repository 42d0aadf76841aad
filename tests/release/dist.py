"""A release made from the tree as it stands, and its files taken apart by other programs than those that made them."""
import contextlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

from agent import ROOT

sys.path.insert(0, str(ROOT / "rootfs"))
sys.path.insert(0, str(ROOT / "packaging"))

WHO = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER")
       for what, value in (("NAME", "Test"), ("EMAIL", "test@guestd.example"), ("DATE", "2026-02-03T04:05:06Z"))}
NATIVE = subprocess.run(["dpkg", "--print-architecture"], stdout=subprocess.PIPE, check=True, text=True).stdout.strip()
ARCHITECTURES = sorted({NATIVE, "arm64"})  # what a release is for: cmake/arm64.cmake builds for that on any machine
MACHINES = {"amd64": 62, "arm64": 183}  # e_machine (elf.h)
CROSS = {"arm64": "aarch64-linux-gnu-"}  # how the names of another architecture's tools begin
EMULATORS = {"arm64": "qemu-aarch64"}
VERSION = (ROOT / "VERSION").read_text().strip()
DEBIAN_VERSION = VERSION.replace("-", "~", 1) + "-1"
PROGRAMS = {"guestd": "sbin/guestd", "guestctl": "bin/guestctl"}


def run(*words, **options):
    """What a program prints, which must succeed."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, **options}
    r = subprocess.run(list(map(os.fspath, words)), **options)
    assert r.returncode == 0, f"{words}: {r.returncode}\n{r.stdout}"
    return r.stdout


def git(folder, *words):
    return run("git", "-C", folder, *words, env={**os.environ, **WHO, "GIT_CONFIG_GLOBAL": "/dev/null"}).strip()


def commit(folder, why="what is not committed"):
    git(folder, "add", "--all")
    if git(folder, "status", "--porcelain"):
        git(folder, "commit", "--quiet", "-m", why)


def clone_of_tree(folder):
    """A clone in which the tree as it stands is committed."""
    git(ROOT, "clone", "--quiet", ROOT, folder)
    for file in git(folder, "ls-files").splitlines():
        (folder / file).unlink()
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            stdout=subprocess.PIPE, check=True).stdout
    for name in filter(None, listed.split(b"\0")):
        source = ROOT / os.fsdecode(name)
        if source.exists():
            target = folder / os.fsdecode(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    commit(folder)
    return folder


def release(folder, *words, prefix=(), env=None, umask=-1, check=True):
    """tools/release in a clone."""
    r = subprocess.run([*prefix, folder / "tools/release", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True, cwd="/", env={**os.environ, **(env or {})}, umask=umask)
    assert not check or r.returncode == 0, r.stdout
    assert "Traceback" not in r.stdout, r.stdout
    return r


class Release:
    """The files of a release, each archive unpacked when it is asked for, and the folder in which it was built."""

    def __init__(self, folder, scratch, work):
        self.folder, self.scratch, self.work = folder, scratch, work
        self.image = folder / f"guestd-{VERSION}-oci.tar"

    def tar(self, name):
        """The folder with what is in a tar."""
        place = self.scratch / name
        if not place.exists():
            place.mkdir()
            run("tar", "-C", place, "-xf", self.folder / name)
        return place

    def target(self, architecture):
        return Target(self, architecture)


class Target:
    """What of a release is for one architecture."""

    def __init__(self, made, architecture):
        self.release, self.architecture = made, architecture
        self.name = f"guestd-{VERSION}-linux-{architecture}"
        self.emulator = [] if architecture == NATIVE else [EMULATORS[architecture]]  # words before a program's own

    def file(self, end):
        return self.release.folder / f"{self.name}{end}"

    @property
    def main(self):
        return self.release.tar(f"{self.name}.tar.gz") / self.name

    def program(self, name):
        return self.main / PROGRAMS[name]

    def deb(self, name):
        return self.release.folder / f"{name}_{DEBIAN_VERSION}_{self.architecture}.deb"

    def sbom(self):
        return json.loads(self.file(".spdx.json").read_text())

    def built(self, name):
        """A file of the build's own."""
        return self.release.work / self.architecture / "build" / name

    def tool(self, name):
        """The compiler, or the tool of binutils, that knows the architecture."""
        return name if self.architecture == NATIVE else CROSS[self.architecture] + name

    def run(self, program, *words):
        return run(*self.emulator, program, *words)

    @contextlib.contextmanager
    def serving(self, guestd, guestctl, folder):
        """A guestd that serves in a folder; a function that calls it: the words of a command line, and what is printed."""
        agent = subprocess.Popen([*self.emulator, guestd, "--listen", f"unix:{folder}/s", "--run-dir", folder / "run"],
                                 stderr=subprocess.DEVNULL)
        call = [*self.emulator, guestctl, "-t", f"unix:{folder}/s", "--wait", "10s"]
        try:
            yield lambda *words: run(*call, *words, stderr=None)
        finally:
            agent.terminate()
            assert agent.wait(10) == 0


def machine(program):
    """The architecture of an ELF file, as its header has it (e_machine)."""
    return struct.unpack_from("<H", Path(program).read_bytes(), 18)[0]


def build_id(program):
    return re.search(r"Build ID: ([0-9a-f]{40})", run("readelf", "-nW", program))[1]


def linked_packages(map_file):
    """The names, as dpkg knows them here, of whose files the linker took something from: by its map, and dpkg."""
    text = Path(map_file).read_text()
    members, loads = text.partition("\n\n")[2].partition("\n\n")[0], re.findall(r"^LOAD (/\S+)", text, re.M)
    used = [p for p in loads if p.endswith(".o") or f"\n{p}(" in f"\n{members}"]
    used += ["/usr/share/llhttp/llhttp.c", "/usr/include/google/protobuf/timestamp.proto"]
    said = run("dpkg", "-S", *{os.path.realpath(p) for p in used})
    return sorted({line.rpartition(": ")[0] for line in said.splitlines()})


def package_facts(packages, form):
    """The set of what dpkg says of each."""
    return set(run("dpkg-query", "-W", "-f", f"{form}\\n", *packages).splitlines())
