"""Histories at random: each step by guest.v1.Git on one repository, and by git itself on another of the same content."""
import os
import random
import shutil
import subprocess

import pytest
from git_host import ANN, NAMES, QUIET, b64, call, change, commit, git, head, refused, text

MODES = ["SOFT", "MIXED", "HARD", "MERGE", "KEEP"]


def copy_of(repo, path):
    shutil.copytree(repo, path, symlinks=True)
    return path


def whole(repo):
    """All that git's plumbing knows of a repository: references, HEAD, index, work tree, settings."""
    return {"refs": git(repo, "for-each-ref", "--format=%(refname) %(objectname) %(upstream)"),
            "head": (repo / ".git/HEAD").read_text(), "index": git(repo, "ls-files", "-s", "-z"),
            "status": git(repo, "status", "--porcelain=v2", "-z"), "config": git(repo, "config", "--local", "--list", "-z"),
            "tree": git(repo, "rev-parse", "-q", "--verify", "HEAD^{tree}", check=False)}


def both(rng):
    """A step at random: (our method, its fields, git's words for the same)."""
    some = rng.sample(NAMES, rng.randrange(1, 5))
    branch = rng.choice(["main", "a", "b/c", "ü", "b"])
    target = rng.choice(["HEAD", "HEAD~1", "HEAD~3", "main", "a", "b/c", "nothing"])
    mode = rng.choice(MODES)
    force = rng.random() < 0.5
    yes = ["-f"] if force else []
    when = {"time": "2001-02-03T04:05:06Z"}
    commit_words = ["commit", "-q", "-m", "m"] + rng.choice([[], ["-a"], ["--allow-empty"], ["--amend", "--allow-empty"]])
    commit_fields = {"message": "m", "author": {**ANN, **when}, "committer": {**ANN, **when}, "all": "-a" in commit_words,
                     "allowEmpty": "--allow-empty" in commit_words, "amend": "--amend" in commit_words}
    commit_words += ["--author=Ann Ö <ann@example.com>", "--date=2001-02-03T04:05:06Z"]
    return rng.choice([
        ("Add", {"all": True}, ["add", "-A"]),
        ("Add", {"paths": b64(*some), "force": force}, ["add", *yes, "--", *some]),
        ("Commit", commit_fields, commit_words), ("Commit", commit_fields, commit_words),
        ("CreateBranch", {"name": branch, "start": target, "force": force}, ["branch", *yes, "--", branch, target]),
        ("CreateBranch", {"name": branch, "checkout": True, "force": force}, ["checkout", "-q", "-B" if force else "-b", branch]),
        ("DeleteBranch", {"name": branch, "force": force}, ["branch", "-D" if force else "-d", "--", branch]),
        ("Checkout", {"target": target, "force": force}, ["checkout", "-q", *yes, target, "--"]),
        ("Checkout", {"target": branch, "detach": True}, ["checkout", "-q", "--detach", branch, "--"]),
        ("Reset", {"mode": f"MODE_{mode}", "target": target}, ["reset", "-q", f"--{mode.lower()}", target, "--"]),
        ("Reset", {"paths": b64(*some)}, ["reset", "-q", "--", *some]),
        ("Restore", {"paths": b64(*some), "staged": force, "worktree": True},
         ["restore", *(["--staged", "--worktree"] if force else []), "--", *some])])


@pytest.mark.parametrize("seed", range(6))
def test_random_histories(shared, repo, tmp_path, seed):
    """The same steps by us and by git itself: each does the same, or fails in both and leaves the same behind."""
    rng = random.Random(seed)
    commit(repo, keep="1\n")
    theirs = copy_of(repo, tmp_path / "theirs")
    done = failed = 0
    for _ in range(60):
        seeds = rng.random()
        for path in (repo, theirs):
            change(random.Random(seeds), path)
        method, fields, words = both(rng)
        literal = {"GIT_LITERAL_PATHSPECS": "1", "GIT_AUTHOR_DATE": "@981173106 +0000", "GIT_COMMITTER_DATE": "@981173106 +0000",
                   "GIT_COMMITTER_NAME": ANN["name"], "GIT_COMMITTER_EMAIL": ANN["email"]}
        wanted = subprocess.run(["git", "-C", os.fsencode(theirs), *map(os.fsencode, words)], env={**os.environ, **QUIET, **literal},
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if wanted.returncode == 0:
            r = call(shared, method, repo, **fields)
            assert "commit" not in r or r["commit"] in (head(theirs), git(theirs, "rev-parse", "-q", "--verify", fields.get(
                "name", "HEAD"), check=False).decode().strip())
        else:
            code, why = refused(shared, method, repo, **fields)
            assert (code, why) != ("unknown", "UNSPECIFIED"), (words, wanted.stderr)
        done, failed = done + (wanted.returncode == 0), failed + (wanted.returncode != 0)
        assert whole(repo) == whole(theirs), words
        listed = {b["name"]: b["commit"] for b in call(shared, "Branches", repo).get("branches", [])}
        assert listed == dict(line.split() for line in text(repo, "for-each-ref", "--format=%(refname:lstrip=2) %(objectname)",
                                                            "refs/heads").splitlines())
    assert done > 5 and failed > 5
