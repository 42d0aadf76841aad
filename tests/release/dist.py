"""A release made from the tree as it stands, and its files taken apart by other programs than those that made them."""
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from agent import ROOT

sys.path.insert(0, str(ROOT / "rootfs"))
sys.path.insert(0, str(ROOT / "packaging"))

WHO = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER")
       for what, value in (("NAME", "Test"), ("EMAIL", "test@guestd.example"), ("DATE", "2026-02-03T04:05:06Z"))}
ARCHITECTURE = subprocess.run(["dpkg", "--print-architecture"], stdout=subprocess.PIPE, check=True, text=True).stdout.strip()
VERSION = (ROOT / "VERSION").read_text().strip()
NAME = f"guestd-{VERSION}-linux-{ARCHITECTURE}"
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
    r = subprocess.run([*prefix, folder / "tools/release", "--arch", ARCHITECTURE, *words], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, cwd="/", env={**os.environ, **(env or {})}, umask=umask)
    assert not check or r.returncode == 0, r.stdout
    assert "Traceback" not in r.stdout, r.stdout
    return r


class Unpacked:
    """The files of a release, each archive unpacked when it is asked for."""

    def __init__(self, folder, scratch, built):
        self.folder, self.scratch, self.built = folder, scratch, built

    def file(self, pattern):
        found, = self.folder.glob(pattern)
        return found

    def tar(self, name):
        """The folder with what is in a tar."""
        place = self.scratch / name
        if not place.exists():
            place.mkdir()
            run("tar", "-C", place, "-xf", self.folder / name)
        return place

    @property
    def main(self):
        return self.tar(f"{NAME}.tar.gz") / NAME

    def program(self, name):
        return self.main / PROGRAMS[name]

    def deb(self, name):
        return self.file(f"{name}_*_{ARCHITECTURE}.deb")

    def sbom(self):
        return json.loads((self.folder / f"{NAME}.spdx.json").read_text())


@contextlib.contextmanager
def serving(guestd, guestctl, folder):
    """A guestd that serves in a folder; a function that calls it: the words of a command line, and what is printed."""
    agent = subprocess.Popen([guestd, "--listen", f"unix:{folder}/s", "--run-dir", folder / "run"], stderr=subprocess.DEVNULL)
    try:
        yield lambda *words: run(guestctl, "-t", f"unix:{folder}/s", "--wait", "10s", *words, stderr=None)
    finally:
        agent.terminate()
        assert agent.wait(10) == 0


def build_id(program):
    return re.search(r"Build ID: ([0-9a-f]{40})", run("readelf", "-nW", program))[1]


def linked_packages(map_file):
    """{(package, version)} of each file of others that the linker took something from: by its map, and dpkg."""
    text = Path(map_file).read_text()
    members, loads = text.partition("\n\n")[2].partition("\n\n")[0], re.findall(r"^LOAD (/\S+)", text, re.M)
    used = [p for p in loads if p.endswith(".o") or f"\n{p}(" in f"\n{members}"]
    used += ["/usr/share/llhttp/llhttp.c", "/usr/include/google/protobuf/timestamp.proto"]
    said = run("dpkg", "-S", *{os.path.realpath(p) for p in used})
    names = {line.rpartition(": ")[0] for line in said.splitlines()}
    return {tuple(run("dpkg-query", "-W", "-f", "${Package} ${Version}", name).split()) for name in names}
