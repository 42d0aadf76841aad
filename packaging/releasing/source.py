"""What is released: the tree's version and commit, and whether it may be called a release."""
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?")
MUST_KNOW = "### What a host must know"
UNRELEASED = "not yet released"


class ReleaseError(Exception):
    """Why there is no release, in one line."""


class Source(NamedTuple):
    version: str
    commit: str  # all 40 digits
    epoch: int  # the commit's time, in seconds: the time of everything in the release
    notes: str  # the version's section of CHANGELOG.md
    final: bool  # HEAD is tagged with the version


def git(*words):
    return subprocess.run(["git", "-C", ROOT, *words], stdout=subprocess.PIPE, check=True, text=True).stdout.strip()


def section(changes, version):
    """The section of a version in CHANGELOG.md, with its title."""
    found = re.search(rf"^## {re.escape(version)}(?=[ ,\n]).*?(?=^## |\Z)", changes, re.M | re.S)
    if not found:
        raise ReleaseError(f"CHANGELOG.md has no section '## {version}'")
    if MUST_KNOW not in found[0]:
        raise ReleaseError(f"CHANGELOG.md, {version}: there is no '{MUST_KNOW}'")
    return found[0].strip() + "\n"


def check_protos(final):
    """Nothing that was released of the protos is broken; and a release's list of them is the one that the next is held to."""
    command = [sys.executable, ROOT / "tests/lint/released.py", *(["--current"] if final else [])]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if run.returncode != 0:
        raise ReleaseError(f"the protos are not what was released:\n{run.stdout.rstrip()}")


def read():
    """The Source of this tree, or ReleaseError."""
    version = (ROOT / "VERSION").read_text().strip()
    if not SEMVER.fullmatch(version):
        raise ReleaseError(f"VERSION: '{version}' is not a semantic version")
    changed = git("status", "--porcelain")
    if changed:
        raise ReleaseError(f"what is not committed is not released:\n{changed}")
    final = f"v{version}" in git("tag", "--points-at", "HEAD").split()
    notes = section((ROOT / "CHANGELOG.md").read_text(), version)
    if final and UNRELEASED in notes.splitlines()[0]:
        raise ReleaseError(f"CHANGELOG.md says of {version} that it is {UNRELEASED}")
    check_protos(final)
    return Source(version, git("rev-parse", "HEAD"), int(git("log", "-1", "--format=%ct")), notes, final)
