"""What guest.v1.Git tells of a repository's past and of what changed in it, against git's plumbing."""
import base64
import os
import random
import re
import time
from datetime import datetime, timezone

import pytest
from agent import RpcError, wait_for
from git_host import GIT, NAMES, USER, change, clone, commit, failure, git, reason
from steady import rss

CHANGES = {"A": "CHANGE_ADDED", "M": "CHANGE_MODIFIED", "D": "CHANGE_DELETED", "R": "CHANGE_RENAMED", "C": "CHANGE_COPIED",
           "T": "CHANGE_TYPE", "U": "CHANGE_UNMERGED"}


def b64(data):
    return base64.b64encode(data).decode()


def unb64(text):
    return base64.b64decode(text or "")


def history(rng, repo, count):
    """Commits at random, some of them merges, on files whose names are hard."""
    for i in range(count):
        if i == 0 or rng.random() < 0.7:
            for _ in range(rng.randrange(1, 6)):
                change(rng, repo)
        git(repo, "add", "-A")
        who = {"GIT_AUTHOR_NAME": rng.choice(["Ann", "Zoë <x", "\u0301"]), "GIT_AUTHOR_EMAIL": "a@x", "GIT_AUTHOR_DATE": f"{10**9 + i} +0130",
               "GIT_COMMITTER_DATE": f"{10**9 + 10 * i} -0800"}
        git(repo, "commit", "-q", "--allow-empty", "-F", "-", input=rng.choice(MESSAGES), **who)
        if rng.random() < 0.3:
            git(repo, "branch", "-f", f"b{i}")
        if rng.random() < 0.2:
            git(repo, "tag", rng.choice([f"t{i}", f"v/{i},x"]), *rng.choice([[], ["-a", "-m", "x"]]))
        if i > 0 and rng.random() < 0.3:
            git(repo, "commit", "-q", "--amend", "--allow-empty", "-m", "beside", **who)
            git(repo, "merge", "-q", "--no-edit", "-s", "ours", f"HEAD@{{{1}}}", **who)


MESSAGES = [b"a subject\n", b"two\nlines\n\na body\n\nof paragraphs\n", b"\xc3\xa9 \xff \x01\n", b"x\n\n" + b"long " * 30000, b"-x\t\\\n"]


# --- Log

def pages(agent, repo, **fields):
    """All commits, page by page."""
    commits, page = [], None
    while page != "":
        r = agent.call(f"{GIT}/Log", {"path": str(repo), **fields, **({"page": page} if page else {})})
        commits += r.get("commits", [])
        page = r.get("nextPage", "")
    return commits


def identity(line):
    name, email, at = re.fullmatch(rb"\w+ (.*) <(.*)> (\d+) [+-]\d+", line, re.S).groups()
    at = datetime.fromtimestamp(int(at), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"name": name.decode(), "email": email.decode(), "time": at}


def expected_commit(repo, name):
    """The commit as its object has it, and the refs that point at it."""
    headers, _, message = git(repo, "cat-file", "commit", name).partition(b"\n\n")
    lines = headers.split(b"\n")
    subject, _, body = message.partition(b"\n\n")
    refs = git(repo, "for-each-ref", "--points-at", name, "--format=%(refname:short)", "refs/heads", "refs/tags", "refs/remotes")
    return {"commit": name, "parents": [x[7:].decode() for x in lines if x.startswith(b"parent ")], "tree": lines[0][5:].decode(),
            "author": identity(next(x for x in lines if x.startswith(b"author "))),
            "committer": identity(next(x for x in lines if x.startswith(b"committer "))),
            "subject": b" ".join(subject.split(b"\n")).strip(), "body": body.strip(b"\n"), "refs": sorted(refs.decode().split("\n")[:-1])}


def answered_commit(m):
    return {"parents": [], **m, "subject": unb64(m.get("subject")), "body": unb64(m.get("body")).strip(b"\n"),
            "refs": sorted(m.get("refs", []))}


@pytest.mark.parametrize("seed", range(3))
def test_log_of_random_histories(agent, repo, seed):
    rng = random.Random(seed)
    history(rng, repo, 25)
    names = git(repo, "rev-list", "HEAD").decode().split()
    answered = [answered_commit(m) for m in pages(agent, repo, limit=rng.randrange(1, 9))]
    assert answered == [expected_commit(repo, name) for name in names]
    for path in NAMES:
        commits = pages(agent, repo, paths=[b64(path)], limit=3)
        assert [m["commit"] for m in commits] == git(repo, "--literal-pathspecs", "rev-list", "HEAD", "--", path).decode().split()


@pytest.mark.parametrize("revision", ["HEAD~3", "side", "main..side", "side..main", "main...side", "HEAD~2^!", "v1", ":/fix", "HEAD^@"])
def test_log_of_a_revision(agent, repo, revision):
    for i in range(5):
        git(repo, "commit", "-q", "--allow-empty", "-m", f"fix {i}", GIT_COMMITTER_DATE=f"{10**9 + i} +0000")
    git(repo, "checkout", "-q", "-b", "side", "HEAD~2")
    git(repo, "commit", "-q", "--allow-empty", "-m", "aside", GIT_COMMITTER_DATE=f"{10**9 + 9} +0000")
    git(repo, "tag", "-a", "-m", "x", "v1")
    git(repo, "checkout", "-q", "main")
    commits = pages(agent, repo, revision=revision, limit=1)
    assert [m["commit"] for m in commits] == git(repo, "rev-list", revision).decode().split()


def test_log_goes_on_where_it_began(agent, repo):
    for i in range(4):
        git(repo, "commit", "-q", "--allow-empty", "-m", f"{i}")
    first = agent.call(f"{GIT}/Log", {"path": str(repo), "limit": 2})
    git(repo, "commit", "-q", "--allow-empty", "-m", "new")
    second = agent.call(f"{GIT}/Log", {"path": str(repo), "limit": 2, "page": first["nextPage"]})
    assert [unb64(m["subject"]) for m in first["commits"] + second["commits"]] == [b"3", b"2", b"1", b"0"]
    assert "nextPage" not in second


def test_log_of_large_messages(agent, repo):
    """A page ends where it is large, and a message is cut where it is huge."""
    for size in (3 << 20, 900000, 900000, 900000, 900000, 900000, 900000):
        git(repo, "commit", "-q", "--allow-empty", "-F", "-", input=b"x\n\n" + b"y" * size)
    first = agent.call(f"{GIT}/Log", {"path": str(repo)}, codec="proto")
    assert 1 < len(first["commits"]) < 7 and first["nextPage"]
    commits = pages(agent, repo)
    assert [len(unb64(m["body"])) for m in commits] == [900001] * 6 + [1 << 20]
    assert [m.get("truncated", False) for m in commits] == [False] * 6 + [True]


def test_log_in_another_encoding(agent, repo):
    git(repo, "-c", "i18n.commitEncoding=ISO-8859-1", "commit", "-q", "--allow-empty", "-F", "-", input=b"caf\xe9\n")
    git(repo, "-c", "i18n.commitEncoding=nonsense", "commit", "-q", "--allow-empty", "-F", "-", input=b"caf\xe9\n")
    assert [unb64(m["subject"]) for m in pages(agent, repo)] == [b"caf\xe9", "café".encode()]


def test_log_of_a_shallow_clone(agent, bare, tmp_path):
    git(tmp_path, "clone", "-q", "--depth=1", bare.as_uri(), str(tmp_path / "c"))
    [m] = pages(agent, tmp_path / "c")
    assert sorted(m["refs"]) == ["main", "origin/HEAD", "origin/main", "v1"] and "parents" not in m


@pytest.mark.parametrize("fields, code, why", [
    ({"revision": "nothing"}, "not_found", "UNKNOWN_REF"), ({"revision": "--all"}, "invalid_argument", "UNSPECIFIED"),
    ({"revision": "--output=/tmp/x"}, "invalid_argument", "UNSPECIFIED"), ({"limit": 1001}, "invalid_argument", "UNSPECIFIED"),
    ({"page": "1"}, "invalid_argument", "UNSPECIFIED"), ({"page": "1 --all"}, "invalid_argument", "UNSPECIFIED"),
    ({"page": f"x {'0' * 40}"}, "invalid_argument", "UNSPECIFIED"), ({"page": f"0 {'0' * 40}"}, "not_found", "UNKNOWN_REF"),
    ({"paths": [""]}, "invalid_argument", "UNSPECIFIED"), ({"path": "/tmp"}, "failed_precondition", "NOT_A_REPOSITORY")])
def test_log_of_nothing(agent, repo, fields, code, why):
    commit(repo, a="1\n")
    with pytest.raises(RpcError) as e:
        agent.call(f"{GIT}/Log", {"path": str(repo), **fields})
    assert (e.value.code, reason(e.value)) == (code, why)


def test_log_of_an_unborn_branch(agent, repo):
    with pytest.raises(RpcError) as e:
        agent.call(f"{GIT}/Log", {"path": str(repo)})
    assert (e.value.code, reason(e.value)) == ("not_found", "UNKNOWN_REF")


# --- Diff

def diff(agent, repo, codec="json", **fields):
    with agent.stream(f"{GIT}/Diff", {"path": str(repo), **fields}, codec) as s:
        return b"".join(unb64(m.get("patch")) for m in s)


def targets(repo):
    """What may be compared, with git's words for it."""
    yield {}, []
    yield {"staged": True}, ["--cached"]
    yield {"from": "HEAD~1"}, ["HEAD~1"]
    yield {"from": "HEAD~2", "to": "HEAD"}, ["HEAD~2", "HEAD"]


@pytest.mark.parametrize("seed", range(3))
def test_diff_and_changes_of_random_histories(agent, repo, seed):
    rng = random.Random(seed)
    history(rng, repo, 12)
    for _ in range(8):
        change(rng, repo)
        for target, args in targets(repo):
            assert diff(agent, repo, target=target) == git(repo, "diff", *args, "--")
            assert changes(agent, repo, target) == expected_changes(repo, *args)
        path = rng.choice(NAMES)
        assert diff(agent, repo, target={"paths": [b64(path)], "from": "HEAD~1"}, context=0) == \
            git(repo, "--literal-pathspecs", "diff", "-U0", "HEAD~1", "--", path)
        assert changes(agent, repo, {"paths": [b64(path)], "from": "HEAD~1"}) == expected_changes(repo, "HEAD~1", "--", path)


def test_diff_with_context(agent, repo):
    commit(repo, a="".join(f"{i}\n" for i in range(100)))
    (repo / "a").write_text("".join(f"{i if i != 50 else 'x'}\n" for i in range(100)))
    for context in (0, 1, 10, 4294967295):
        patch = diff(agent, repo, context=context)
        assert patch == git(repo, "diff", f"--unified={min(context, 1000)}")
    assert diff(agent, repo) == git(repo, "diff")


def test_diff_of_a_conflict(agent, repo):
    commit(repo, a="1\n", b="1\n")
    git(repo, "checkout", "-q", "-b", "side")
    commit(repo, a="2\n")
    git(repo, "checkout", "-q", "main")
    commit(repo, a="3\n")
    git(repo, "merge", "side", check=False)
    (repo / "b").write_text("2\n")
    assert diff(agent, repo) == git(repo, "diff")
    assert changes(agent, repo) == [{"path": b"a", "change": "CHANGE_UNMERGED", "added": 4, "deleted": 0},
                                    {"path": b"b", "change": "CHANGE_MODIFIED", "added": 1, "deleted": 1}]
    assert changes(agent, repo, {"staged": True}) == [{"path": b"a", "change": "CHANGE_UNMERGED", "added": 0, "deleted": 0}]


def test_diff_obeys_nobodys_configuration(agent, repo, tmp_path):
    """What a repository or its user would have git do to a patch does not happen, and no program runs."""
    mark, program = tmp_path / "mark", tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho \"$0 $@\" >>{mark}\n")
    program.chmod(0o755)
    commit(repo, a="1\n", b="x\n" * 20)
    (repo / "a").write_text("2\n")
    (repo / "b").rename(repo / "c")
    git(repo, "add", "-A")
    patch, files = git(repo, "diff", "HEAD"), expected_changes(repo, "HEAD")
    for key, value in {"diff.noprefix": "true", "diff.external": program, "diff.renames": "false", "color.ui": "always", "diff.relative": "true",
                       "diff.mnemonicPrefix": "true", "diff.x.command": program, "diff.x.textconv": program, "core.pager": program,
                       "diff.wsErrorHighlight": "all", "diff.context": "9", "log.showSignature": "true", "gpg.program": program,
                       "log.follow": "true", "log.excludeDecoration": "refs/*", "format.pretty": "oneline"}.items():
        git(repo, "config", key, str(value))
    (repo / ".git/info/attributes").write_text("* diff=x\n")
    assert diff(agent, repo, target={"from": "HEAD"}) == patch
    assert changes(agent, repo, {"from": "HEAD"}) == files
    [m] = pages(agent, repo, paths=[b64(b"a")])
    assert m["refs"] == ["main"]
    assert not mark.exists(), mark.read_text()


def test_a_filter_runs(agent, repo, tmp_path):
    """What a repository's own configuration does to files is done: a diff without it would be wrong."""
    git(repo, "config", "filter.x.clean", "tr a-z A-Z")
    (repo / ".gitattributes").write_text("* filter=x\n")
    commit(repo, a="hello\n")
    (repo / "a").write_text("world\n")
    assert b"\n-HELLO\n+WORLD\n" in diff(agent, repo)


def test_a_submodule_that_is_a_path(agent, repo, bare, tmp_path):
    git(repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(bare), "sub")
    git(repo, "commit", "-q", "-m", "x")
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "c", tmp_path / "empty"):
        with pytest.raises(RpcError) as e:
            clone(agent, repo.as_uri(), path, recurseSubmodules=True)
        assert "transport 'file' not allowed" in failure(e.value).stderr, (e.value, failure(e.value))
        assert clone(agent, repo.as_uri(), path)[0]["branch"] == "main"  # what was made is gone, and another may come
    for path in (tmp_path / "d", tmp_path / "c"):
        with pytest.raises(RpcError) as e:
            clone(agent, repo.as_uri(), path, recurseSubmodules=True)
    wait_for(lambda: not (tmp_path / "d").exists(), 10, "the directory is gone")
    assert (tmp_path / "c/.git").exists() and reason(e.value) == "ALREADY_EXISTS"


def test_diff_takes_no_lock(agent, repo):
    """Files whose times alone changed are none of the changes, and the index is left as it is."""
    commit(repo, a="1\n", b="1\n")
    os.utime(repo / "a", (1, 1))
    (repo / "b").write_text("2\n")
    index = (repo / ".git/index").read_bytes()
    (repo / ".git/index.lock").write_text("")
    assert [m["path"] for m in changes(agent, repo)] == [b"b"]
    assert diff(agent, repo).count(b"diff --git") == 1
    assert (repo / ".git/index").read_bytes() == index


def test_diff_of_files_elsewhere(agent, repo, tmp_path):
    """git compares two files that lie outside as if it were diff(1): not here, nor without a repository."""
    commit(repo, a="1\n")
    for name in ("x", "y"):
        (tmp_path / name).write_text(name)
    for path in (repo, tmp_path):
        for names in ([b"../x", b"../y"], [b"x", b"y"]):
            if path == repo and names == [b"x", b"y"]:
                assert diff(agent, repo, target={"paths": [b64(n) for n in names]}) == b""
                continue
            with pytest.raises(RpcError) as e:
                diff(agent, path, target={"paths": [b64(n) for n in names]})
            assert e.value.code == ("unknown" if path == repo else "failed_precondition")


@pytest.mark.parametrize("method", ["Diff", "Changes"])
@pytest.mark.parametrize("target, code, why", [
    ({"from": "nothing"}, "not_found", "UNKNOWN_REF"), ({"from": "-x"}, "invalid_argument", "UNSPECIFIED"),
    ({"to": "HEAD"}, "invalid_argument", "UNSPECIFIED"), ({"from": "HEAD", "staged": True}, "invalid_argument", "UNSPECIFIED"),
    ({"from": "HEAD~1..HEAD"}, "invalid_argument", "UNSPECIFIED"), ({"from": "^HEAD"}, "invalid_argument", "UNSPECIFIED"),
    ({"from": "HEAD", "to": "HEAD~1...HEAD"}, "invalid_argument", "UNSPECIFIED"), ({"from": "a"}, "not_found", "UNKNOWN_REF")])
def test_targets_that_are_none(agent, repo, method, target, code, why):
    commit(repo, a="1\n")
    commit(repo, a="2\n")
    with pytest.raises(RpcError) as e:
        if method == "Diff":
            diff(agent, repo, target=target)
        else:
            agent.call(f"{GIT}/Changes", {"path": str(repo), "target": target})
    assert (e.value.code, reason(e.value)) == (code, why)


def test_diff_of_a_client_that_does_not_read(agent, repo):
    """A patch of 200 MB waits in git, not in guestd; another call goes on meanwhile, and a writer as well."""
    with open(repo / "big", "wb") as f:
        for i in range(200):
            f.write((b"%07d" % i + b"x" * 92 + b"\n") * 10000)
    git(repo, "add", "-A")
    git(repo, "config", "core.bigFileThreshold", "1g")
    before = rss(agent.pid)
    with agent.stream(f"{GIT}/Diff", {"path": str(repo), "target": {"staged": True}}) as s:
        first = next(iter(s))
        time.sleep(0.5)
        assert rss(agent.pid) - before < 4 << 20
        assert agent.call(f"{GIT}/Status", {"path": str(repo)})["branch"] == "main"
    assert unb64(first["patch"]).startswith(b"diff --git a/big b/big\nnew file mode 100644\n")
    wait_for(lambda: not [p for p in os.listdir("/proc") if p.isdigit() and b"--cached" in cmdline(p)], 5, "git is gone")


def cmdline(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read()
    except OSError:
        return b""


def test_a_patch_that_applies(agent, repo, tmp_path):
    rng = random.Random(7)
    history(rng, repo, 6)
    git(tmp_path, "clone", "-q", str(repo), str(tmp_path / "c"))
    for _ in range(6):
        change(rng, repo)
    git(repo, "add", "-A")
    patch = diff(agent, repo, codec="proto", target={"staged": True})
    if patch:
        git(tmp_path / "c", "apply", "--index", "-", input=patch)
    assert git(tmp_path / "c", "write-tree") == git(repo, "write-tree")


# --- Changes

def expected_changes(repo, *args):
    """From two other formats than the one that guestd reads."""
    words = iter(git(repo, "--literal-pathspecs", "diff", "--name-status", "-z", *args).split(b"\0")[:-1])
    out, by_path = [], {}
    for letter in words:
        m = {"change": CHANGES[letter[:1].decode()], "added": 0, "deleted": 0}
        if letter[:1] in b"RC":
            m["original"] = next(words)
        m["path"] = next(words)
        out.append(m)
        by_path[m["path"]] = m
    words = iter(git(repo, "--literal-pathspecs", "diff", "--numstat", "-z", *args).split(b"\0")[:-1])
    for word in words:
        added, deleted, path = word.split(b"\t", 2)
        if not path:
            next(words)
            path = next(words)
        m = by_path[path]
        if added == b"-":
            m["binary"] = True
        else:
            m["added"], m["deleted"] = int(added), int(deleted)
    return out


def changes(agent, repo, target=None, **fields):
    r = agent.call(f"{GIT}/Changes", {"path": str(repo), **({"target": target} if target else {}), **fields})
    out = []
    for m in r.get("files", []):
        x = {"path": unb64(m["path"]), "change": m["change"], "added": int(m.get("addedLines", 0)), "deleted": int(m.get("deletedLines", 0))}
        out.append({**x, **({"original": unb64(m["originalPath"])} if "originalPath" in m else {}), **({"binary": True} if "binary" in m else {})})
    return out


def test_changes(agent, repo):
    commit(repo, text="1\n2\n", moved="x\n" * 30, gone="1\n", mode="1\n", kind="1\n", same="1\n")
    (repo / "text").write_text("1\n3\n4\n")
    (repo / "gone").unlink()
    (repo / "moved").rename(repo / "new\nplace")
    (repo / "mode").chmod(0o755)
    (repo / "kind").unlink()
    (repo / "kind").symlink_to("text")
    (repo / "binary").write_bytes(b"\0\1\2")
    git(repo, "add", "-A")
    assert sorted(changes(agent, repo, {"staged": True}), key=lambda m: m["path"]) == [
        {"path": b"binary", "change": "CHANGE_ADDED", "added": 0, "deleted": 0, "binary": True},
        {"path": b"gone", "change": "CHANGE_DELETED", "added": 0, "deleted": 1},
        {"path": b"kind", "change": "CHANGE_TYPE", "added": 1, "deleted": 1},
        {"path": b"mode", "change": "CHANGE_MODIFIED", "added": 0, "deleted": 0},
        {"path": b"new\nplace", "change": "CHANGE_RENAMED", "added": 0, "deleted": 0, "original": b"moved"},
        {"path": b"text", "change": "CHANGE_MODIFIED", "added": 2, "deleted": 1}]
    assert changes(agent, repo, {"staged": True}) == expected_changes(repo, "--cached")


def test_changes_of_some(agent, repo):
    for i in range(20):
        (repo / f"f{i:02}").write_text("1\n")
    git(repo, "add", "-A")
    r = agent.call(f"{GIT}/Changes", {"path": str(repo), "target": {"staged": True}, "limit": 5})
    assert [unb64(m["path"]) for m in r["files"]] == [b"f00", b"f01", b"f02", b"f03", b"f04"] and r["truncated"]
    r = agent.call(f"{GIT}/Changes", {"path": str(repo), "target": {"staged": True}, "limit": 20})
    assert len(r["files"]) == 20 and "truncated" not in r
    paths = [b64(b"f03"), b64(b"f1*")]  # names, not patterns
    r = agent.call(f"{GIT}/Changes", {"path": str(repo), "target": {"staged": True, "paths": paths}})
    assert [unb64(m["path"]) for m in r["files"]] == [b"f03"]
    with pytest.raises(RpcError) as e:
        agent.call(f"{GIT}/Changes", {"path": str(repo), "limit": 10001})
    assert e.value.code == "invalid_argument"


def test_changes_of_very_many(agent, repo):
    """More names than are held, and more than an answer takes: it says that there are more."""
    blob = git(repo, "hash-object", "-w", "--stdin", input=b"").strip()
    folder = b"/".join([b"n" * 250] * 5)
    git(repo, "update-index", "--index-info", input=b"".join(b"100644 %s\t%s/%d\n" % (blob, folder, i) for i in range(15000)))
    r = agent.call(f"{GIT}/Changes", {"path": str(repo), "target": {"staged": True}})
    assert sum(len(unb64(m["path"])) for m in r["files"]) // (1 << 20) == 4 and r["truncated"]


def test_changes_of_a_submodule(agent, repo, bare):
    git(repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(bare), "sub")
    git(repo, "commit", "-q", "-m", "x")
    assert changes(agent, repo) == []
    (repo / "sub/a").write_text("dirty\n")
    assert changes(agent, repo) == expected_changes(repo) != []
    assert diff(agent, repo) == git(repo, "diff")


def test_reading_is_the_users_own(agent, repo):
    agent.call(f"{GIT}/Init", {"path": "/home/user/r"}, **USER)
    (repo.parent / "private").mkdir(0o700)
    repo.rename(repo.parent / "private/repo")
    with pytest.raises(RpcError) as e:
        agent.call(f"{GIT}/Log", {"path": str(repo.parent / "private/repo")}, **USER)
    assert e.value.code == "permission_denied"
    with agent.stream(f"{GIT}/Diff", {"path": "/home/user/r"}, **USER) as s:
        assert list(s) == []
