"""The methods of guest.v1.Git that write a repository and its configuration, against git's own plumbing."""
import base64
import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest
from agent import RpcError
from git_host import GIT, NAMES, QUIET, TOKEN, USER, Server, basic, commit, failure, git, reason

ANN = {"name": "Ann Ö", "email": "ann@example.com"}
BEN = {"name": "Ben", "email": "ben@example.com"}
WHEN = {"time": "2001-02-03T04:05:06Z"}


def b64(*names):
    return [base64.b64encode(os.fsencode(name)).decode() for name in names]


def call(agent, method, path="", headers=None, **fields):
    message = {"path": str(path), **fields} if path else fields
    return agent.call(f"{GIT}/{method}", message, **(headers or {}))


def refused(agent, method, path="", headers=None, **fields):
    """(the code, the reason) that a call ends with."""
    with pytest.raises(RpcError) as e:
        call(agent, method, path, headers, **fields)
    return e.value.code, reason(e.value)


def text(repo, *args, **kwargs):
    return git(repo, *args, **kwargs).decode().rstrip("\n")


def head(repo, name="HEAD"):
    return text(repo, "rev-parse", name)


def tree(repo, *args):
    """{path: (mode, object)} of the index, or of a commit."""
    words = git(repo, "ls-tree", "-r", "-z", *args) if args else git(repo, "ls-files", "-s", "-z")
    out = {}
    for word in words.split(b"\0")[:-1]:
        about, path = word.split(b"\t", 1)
        fields = about.decode().split()
        out[path] = (fields[0], fields[2] if args else fields[1])
    return out


def write_names(repo, content=b"x"):
    for name in NAMES:
        path = os.path.join(os.fsencode(repo), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(content + name)


def do(agent, repo, message="a commit", **fields):
    return call(agent, "Commit", repo, message=message, author=ANN, committer=BEN, **fields)


def conflict(repo, name="a"):
    """Leaves the repository within a merge that has come to a conflict."""
    commit(repo, **{name: "base\n"})
    git(repo, "checkout", "-q", "-b", "side")
    commit(repo, **{name: "theirs\n"})
    git(repo, "checkout", "-q", "main")
    commit(repo, **{name: "ours\n"})
    git(repo, "merge", "side", check=False)


AS_USER = {"user": 1000, "group": 1000, "env": {"HOME": "/home/user", "PATH": os.environ["PATH"], "LC_ALL": "C",
                                                "GIT_TERMINAL_PROMPT": "0"}}


@pytest.fixture
def home():
    """The user's home, which is the namespace's own, without any configuration of git's."""
    assert os.path.ismount("/home")
    for name in (".gitconfig", ".git-credentials"):
        Path("/home/user", name).unlink(missing_ok=True)
    return Path("/home/user")


@pytest.fixture
def mine(shared, home):
    """A repository of the user's."""
    path = home / "mine"
    shutil.rmtree(path, ignore_errors=True)
    call(shared, "Init", path, USER, initialBranch="main")
    return path


@pytest.fixture
def etc():
    """A copy of /etc over /etc, in the namespace, for as long as the test takes."""
    assert os.path.ismount("/run")
    copy = Path("/run/etc")
    shutil.copytree("/etc", copy, symlinks=True, ignore=shutil.ignore_patterns("ssl", "alternatives"))
    (copy / "gitconfig").unlink(missing_ok=True)
    subprocess.run(["mount", "--bind", copy, "/etc"], check=True)
    yield
    subprocess.run(["umount", "/etc"], check=True)
    shutil.rmtree(copy)


def own(repo, *args, check=True):
    """The user's own git, with his and the machine's configuration."""
    r = subprocess.run(["git", "-C", str(repo), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **AS_USER)
    assert not check or r.returncode == 0, r.stderr
    return r.stdout


# --- Add

@pytest.mark.parametrize("name", NAMES)
def test_add_one(shared, repo, name):
    write_names(repo)
    assert call(shared, "Add", repo, paths=b64(name)) == {}
    assert list(tree(repo)) == [name]


def test_add_all_that_there_is(shared, repo):
    write_names(repo)
    call(shared, "Add", repo, all=True)
    assert set(tree(repo)) == set(NAMES)
    os.unlink(repo / "plain")
    call(shared, "Add", repo, paths=b64("plain"))
    assert set(tree(repo)) == set(NAMES) - {b"plain"}


def test_add_below(shared, repo):
    write_names(repo)
    call(shared, "Add", repo / "deep", paths=b64("er"))
    assert list(tree(repo)) == [b"deep/er/file"]
    call(shared, "Add", repo / "deep", paths=b64("../plain"))
    assert list(tree(repo)) == [b"deep/er/file", b"plain"]


def test_add_takes_names_and_not_patterns(shared, repo):
    for name in ("a", "b", "*", "?", ":!a", ":(top)b"):
        (repo / name).write_text("x")
    call(shared, "Add", repo, paths=b64("*", ":!a"))
    assert set(tree(repo)) == {b"*", b":!a"}


def test_add_many(shared, repo):
    """More paths than a command line would hold."""
    directory = "/".join(["d" * 250] * 12)
    (repo / directory).mkdir(parents=True)
    for i in range(800):
        (repo / directory / f"{i}").touch()
    call(shared, "Add", repo, paths=b64(*(f"{directory}/{i}" for i in range(800))))
    assert len(tree(repo)) == 800


def test_add_what_is_ignored(shared, repo):
    (repo / ".gitignore").write_text("*.o\n")
    (repo / "a.o").write_text("x")
    assert refused(shared, "Add", repo, paths=b64("a.o")) == ("failed_precondition", "IGNORED")
    call(shared, "Add", repo, paths=b64("a.o"), force=True)
    assert list(tree(repo)) == [b"a.o"]


def test_add_wrong(shared, repo, tmp_path):
    assert refused(shared, "Add", repo) == ("invalid_argument", "UNSPECIFIED")
    assert refused(shared, "Add", repo, paths=b64("")) == ("invalid_argument", "UNSPECIFIED")
    assert refused(shared, "Add", repo, paths=b64("a\0b")) == ("invalid_argument", "UNSPECIFIED")
    assert refused(shared, "Add", repo, paths=b64("none")) == ("not_found", "UNKNOWN_REF")
    assert refused(shared, "Add", tmp_path, all=True) == ("failed_precondition", "NOT_A_REPOSITORY")
    git(tmp_path, "init", "-q", "--bare", "b.git")
    assert refused(shared, "Add", tmp_path / "b.git", all=True) == ("failed_precondition", "NOT_A_REPOSITORY")
    (repo / "a").write_text("x")
    (repo / ".git/index.lock").touch()
    with pytest.raises(RpcError) as e:
        call(shared, "Add", repo, all=True)
    assert (e.value.code, reason(e.value)) == ("aborted", "LOCKED")
    assert failure(e.value).paths == [os.fsencode(repo / ".git/index.lock")]
    assert failure(e.value).exit_code == 128 and "index.lock" in failure(e.value).stderr


# --- Commit

def test_commit(shared, repo):
    write_names(repo)
    git(repo, "add", "-A")
    message = "Subject ü\n\nBody\n# no comment\n\n-- x\n"
    r = call(shared, "Commit", repo, message=message, author={**ANN, **WHEN}, committer=BEN)
    assert r == {"commit": head(repo), "branch": "main"}
    assert text(repo, "log", "-1", "--format=%an|%ae|%at|%cn|%ce|%B") == \
        f"Ann Ö|ann@example.com|981173106|Ben|ben@example.com|{message}".rstrip()
    assert tree(repo, "HEAD") == tree(repo)
    git(repo, "checkout", "-q", "--detach")
    r = do(shared, repo, allowEmpty=True)
    assert r == {"commit": head(repo)}
    assert text(repo, "log", "-1", "--format=%T") == text(repo, "log", "-1", "--format=%T", "HEAD~1")


def test_commit_of_what_is_tracked(shared, repo):
    commit(repo, a="1\n", b="1\n")
    (repo / "a").write_text("2\n")
    os.unlink(repo / "b")
    (repo / "c").write_text("new\n")
    do(shared, repo, all=True)
    assert list(tree(repo, "HEAD")) == [b"a"] and git(repo, "show", "HEAD:a") == b"2\n"


def test_commit_amended(shared, repo):
    commit(repo, a="1\n")
    do(shared, repo, "first", allowEmpty=True)
    parent = head(repo, "HEAD~1")
    (repo / "a").write_text("2\n")
    r = call(shared, "Commit", repo, amend=True, all=True, committer={**BEN, **WHEN})
    assert r["commit"] == head(repo) and head(repo, "HEAD~1") == parent
    assert text(repo, "log", "-1", "--format=%an|%cn|%ct|%B") == "Ann Ö|Ben|981173106|first"
    call(shared, "Commit", repo, amend=True, message="second", author={**BEN, **WHEN}, committer=BEN)
    assert text(repo, "log", "-1", "--format=%an|%ae|%at|%B") == "Ben|ben@example.com|981173106|second"
    assert refused(shared, "Commit", repo, amend=True, author={"name": "x"}, committer=BEN)[0] == "invalid_argument"


def test_commit_as_configured(shared, repo):
    for key, value in (("user.name", "C"), ("user.email", "c@example.com")):
        call(shared, "SetConfig", repo, key=key, value=value)
    call(shared, "Commit", repo, message="x", allowEmpty=True, author={"name": "Only a name"})
    assert text(repo, "log", "-1", "--format=%an|%ae|%cn|%ce") == "Only a name|c@example.com|C|c@example.com"


def test_commit_wrong(shared, repo):
    assert refused(shared, "Commit", repo, message="x", amend=True, committer=BEN) == \
        ("failed_precondition", "NOTHING_TO_COMMIT")
    with pytest.raises(RpcError) as e:
        do(shared, repo)
    assert (e.value.code, reason(e.value)) == ("failed_precondition", "NOTHING_TO_COMMIT")
    assert "nothing to commit" in e.value.message
    (repo / "untracked").touch()
    assert refused(shared, "Commit", repo, message="x", author=ANN, committer=BEN)[1] == "NOTHING_TO_COMMIT"
    commit(repo, a="1\n")
    (repo / "a").write_text("2\n")
    assert refused(shared, "Commit", repo, message="x", author=ANN, committer=BEN)[1] == "NOTHING_TO_COMMIT"
    for message in ("", " \n\t"):
        assert refused(shared, "Commit", repo, message=message, allowEmpty=True)[0] == "invalid_argument"
    before = head(repo)
    for identity in ({"name": "a\nb"}, {"name": "<"}, {"name": " .,"}, {"email": "a>"}, {"email": "\x7f"},
                     {"time": "1969-12-31T23:59:59Z"}):
        assert refused(shared, "Commit", repo, message="x", allowEmpty=True, author={**ANN, **identity},
                       committer=BEN)[0] == "invalid_argument"
    assert head(repo) == before


def test_commit_of_nobody(shared, mine):
    """Nobody is made up of the user's and the host's names, where git itself would."""
    for fields in ({}, {"author": ANN}, {"committer": BEN}, {"author": {"name": "x"}, "committer": {"name": "x"}}):
        assert refused(shared, "Commit", mine, USER, message="x", allowEmpty=True, **fields) == \
            ("failed_precondition", "NO_IDENTITY")


def test_commit_within_a_conflict(shared, repo):
    conflict(repo, 'new\nline "')
    (repo / "sub").mkdir()
    with pytest.raises(RpcError) as e:
        do(shared, repo / "sub")
    assert (e.value.code, reason(e.value)) == ("aborted", "CONFLICT")
    assert failure(e.value).paths == [b'new\nline "']
    assert failure(e.value).exit_code == 128 and "unmerged files" in failure(e.value).stderr
    call(shared, "Add", repo, all=True)
    do(shared, repo)
    assert text(repo, "log", "-1", "--format=%P").split() == [head(repo, "HEAD^1"), head(repo, "side")]


def test_commit_runs_no_hooks_and_signs_nothing(shared, repo, tmp_path):
    mark, program = tmp_path / "mark", tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho $0 >>{mark}\n")
    program.chmod(0o755)
    for key, value in (("commit.gpgSign", "true"), ("gpg.program", str(program)), ("commit.verbose", "true"),
                       ("diff.external", str(program)), ("core.editor", str(program)), ("commit.status", "true")):
        git(repo, "config", key, value)
    for hook in ("pre-commit", "commit-msg", "prepare-commit-msg", "post-commit", "post-rewrite"):
        os.symlink(program, repo / ".git/hooks" / hook)
    commit_file = repo / "a"
    commit_file.write_text("1")
    call(shared, "Add", repo, all=True)
    do(shared, repo)
    refused(shared, "Commit", repo, message="x", author=ANN, committer=BEN)
    do(shared, repo, "", amend=True)
    assert not mark.exists()
    call(shared, "Commit", repo, message="x", author=ANN, committer=BEN, allowEmpty=True, options={"allowHooks": True})
    assert "pre-commit" in mark.read_text() and "program" not in mark.read_text().replace("hooks", "")


def test_commit_of_a_long_message(shared, repo):
    message = "subject\n\n" + "line of text\n" * 100000
    do(shared, repo, message, allowEmpty=True)
    assert text(repo, "log", "-1", "--format=%B") == message.rstrip()


# --- branches

FORMAT = "%(refname)%00%(HEAD)%00%(objectname)%00%(upstream:short)%00%(upstream:track)%00%(committerdate:iso-strict)%00%(subject)"


def expected_branches(repo, *where):
    out = []
    for line in git(repo, "for-each-ref", f"--format={FORMAT}", *where).split(b"\n")[:-1]:
        name, star, oid, upstream, track, time, subject = line.split(b"\0")
        if name.endswith(b"/HEAD"):
            continue
        track = track.decode().strip("[]")
        counts = dict(part.split(" ") for part in track.split(", ") if " " in part)
        here = bool(upstream) and track != "gone"
        out.append({"name": name.decode(errors="replace").split("/", 2)[2].replace("\ufffd", "?"), "current": star == b"*",
                    "remote": name.startswith(b"refs/remotes/"), "commit": oid.decode(), "upstream": upstream.decode(),
                    "ahead": int(counts.get("ahead", 0)) if here else None,
                    "behind": int(counts.get("behind", 0)) if here else None, "gone": track == "gone", "subject": subject})
    return out


def answered_branches(r):
    return [{"name": b["name"], "current": b.get("current", False), "remote": b.get("remote", False), "commit": b["commit"],
             "upstream": b.get("upstream", ""), "ahead": b.get("ahead"), "behind": b.get("behind"),
             "gone": b.get("upstreamGone", False), "subject": base64.b64decode(b.get("subject", ""))}
            for b in r.get("branches", [])]


@pytest.fixture
def branchy(repo, tmp_path):
    """A clone with branches that are ahead, behind, both, level, gone, and without an upstream."""
    commit(repo, a="1\n")
    for name in ("ahead", "behind", "both", "gone", "lével", "-dash", "a/b/c"):
        git(repo, "update-ref", f"refs/heads/{name}", "HEAD")
    git(repo, "update-ref", os.fsdecode(b"refs/heads/\xff\xfe"), "HEAD")
    path = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repo), str(path))
    for name in ("ahead", "behind", "both", "gone", "lével"):
        git(path, "branch", "-q", "--track", name, f"origin/{name}")
    for name in ("behind", "both"):
        git(repo, "checkout", "-q", name)
        git(repo, "commit", "-q", "--allow-empty", "-m", "theirs\tü")
    for name in ("ahead", "both"):
        git(path, "checkout", "-q", name)
        git(path, "commit", "-q", "--allow-empty", "-m", "one")
        git(path, "commit", "-q", "--allow-empty", "-m", "x" * 3000)
    git(repo, "branch", "-q", "-D", "gone")
    git(path, "fetch", "-q", "--prune")
    git(path, "branch", "-q", "--no-track", "free")
    git(path, "branch", "-q", "--track", "local", "free")
    return path


def cut(branches):
    return [{**b, "subject": b["subject"][:1024]} for b in branches]


def test_branches(shared, branchy):
    r = call(shared, "Branches", branchy)
    assert answered_branches(r) == cut(expected_branches(branchy, "refs/heads"))
    r = call(shared, "Branches", branchy, remotes=True)
    assert answered_branches(r) == cut(expected_branches(branchy, "refs/heads", "refs/remotes"))
    [both] = [b for b in r["branches"] if b["name"] == "both"]
    assert (both["ahead"], both["behind"], both["upstream"], both["current"]) == (2, 1, "origin/both", True)
    assert {b["commitTime"][-1] for b in r["branches"]} == {"Z"}


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_branches_by_pages(shared, branchy, limit):
    all_of_them, page = [], ""
    while True:
        r = call(shared, "Branches", branchy, remotes=True, limit=limit, page=page)
        all_of_them += answered_branches(r)
        assert len(r["branches"]) <= limit
        page = r.get("nextPage")
        if not page:
            break
    assert all_of_them == cut(expected_branches(branchy, "refs/heads", "refs/remotes"))


def test_branches_of_none(shared, repo, tmp_path):
    assert call(shared, "Branches", repo) == {}
    assert refused(shared, "Branches", repo, limit=10001)[0] == "invalid_argument"
    assert refused(shared, "Branches", repo, page="!")[0] == "invalid_argument"
    assert refused(shared, "Branches", tmp_path) == ("failed_precondition", "NOT_A_REPOSITORY")


def test_create_branch(shared, branchy):
    git(branchy, "checkout", "-q", "free")
    assert call(shared, "CreateBranch", branchy, name="n/1") == {"commit": head(branchy)}
    assert head(branchy, "refs/heads/n/1") == head(branchy) and text(branchy, "symbolic-ref", "HEAD") == "refs/heads/free"
    first = head(branchy, "both~2")
    assert call(shared, "CreateBranch", branchy, name="n/1", start="both~2", force=True) == {"commit": first}
    assert call(shared, "CreateBranch", branchy, name="ü", start="origin/behind", checkout=True)["commit"] == head(branchy)
    assert text(branchy, "rev-parse", "--symbolic-full-name", "@{upstream}") == "refs/remotes/origin/behind"
    call(shared, "CreateBranch", branchy, name="free", start=first, checkout=True, force=True)
    assert text(branchy, "symbolic-ref", "HEAD") == "refs/heads/free" and head(branchy) == first


def test_create_branch_where_there_is_no_commit(shared, repo):
    assert refused(shared, "CreateBranch", repo, name="x") == ("not_found", "UNKNOWN_REF")
    assert call(shared, "CreateBranch", repo, name="x", checkout=True) == {}
    assert text(repo, "symbolic-ref", "HEAD") == "refs/heads/x"


def test_create_branch_wrong(shared, branchy):
    assert refused(shared, "CreateBranch", branchy, name="free") == ("already_exists", "ALREADY_EXISTS")
    assert refused(shared, "CreateBranch", branchy, name="free/x") == ("already_exists", "ALREADY_EXISTS")
    assert refused(shared, "CreateBranch", branchy, name="free", checkout=True) == ("already_exists", "ALREADY_EXISTS")
    assert refused(shared, "CreateBranch", branchy, name="both", force=True) == ("failed_precondition", "CHECKED_OUT")
    assert refused(shared, "CreateBranch", branchy, name="n", start="nothing") == ("not_found", "UNKNOWN_REF")
    assert refused(shared, "CreateBranch", branchy, name="n", start="nothing", checkout=True) == ("not_found", "UNKNOWN_REF")
    for start in ("-f", "--help"):
        assert refused(shared, "CreateBranch", branchy, name="n", start=start)[0] == "invalid_argument"


BAD_NAMES = ["", "-x", "a..b", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[", "/a", "a/", "a//b", "a.", ".a", "a/.b", "a.lock",
             "a.lock/b", "@", "@{-1}", "a@{1}", "a\\b", "a\nb", "a\x7f", "HEAD"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_git_does_not_take(shared, repo, name):
    commit(repo, a="1\n")
    said = subprocess.run(["git", "check-ref-format", "--branch", name], cwd=repo, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout
    assert said == b"" or name == "@"  # which git makes, and then takes for HEAD
    for method in ("CreateBranch", "DeleteBranch"):
        assert refused(shared, method, repo, name=name) == ("invalid_argument", "UNSPECIFIED")
    for method in ("AddRemote", "SetRemote"):
        assert refused(shared, method, repo, name=name, url="/x") == ("invalid_argument", "UNSPECIFIED")


@pytest.mark.parametrize("name", ["a", "a.b", "a/b", "ü", "a@b", "a{b", "@a", "a@", "head", "a-", "heads/x", "lock", "'", '"', "$(x)"])
def test_names_that_git_takes(shared, repo, name):
    commit(repo, a="1\n")
    assert call(shared, "CreateBranch", repo, name=name) == {"commit": head(repo)}
    assert head(repo, f"refs/heads/{name}") == head(repo)
    assert call(shared, "Checkout", repo, target=name) == {"commit": head(repo), "branch": name}
    call(shared, "Checkout", repo, target="main")
    assert call(shared, "DeleteBranch", repo, name=name) == {}
    assert text(repo, "for-each-ref", "--format=%(refname)") == "refs/heads/main"


def test_delete_branch(shared, branchy):
    assert refused(shared, "DeleteBranch", branchy, name="ahead") == ("failed_precondition", "NOT_MERGED")
    assert call(shared, "DeleteBranch", branchy, name="ahead", force=True) == {}
    assert git(branchy, "rev-parse", "-q", "--verify", "refs/heads/ahead", check=False) == b""
    assert refused(shared, "DeleteBranch", branchy, name="ahead") == ("not_found", "UNKNOWN_REF")
    assert refused(shared, "DeleteBranch", branchy, name="both", force=True) == ("failed_precondition", "CHECKED_OUT")
    git(branchy, "worktree", "add", "-q", str(branchy.parent / "other"), "free")
    assert refused(shared, "DeleteBranch", branchy, name="free", force=True) == ("failed_precondition", "CHECKED_OUT")


# --- Checkout

def test_checkout(shared, branchy):
    git(branchy, "tag", "v1", "both~2")
    assert call(shared, "Checkout", branchy, target="free") == {"commit": head(branchy, "free"), "branch": "free"}
    assert call(shared, "Checkout", branchy, target="v1") == {"commit": head(branchy, "v1")}
    assert call(shared, "Checkout", branchy, target="free", detach=True) == {"commit": head(branchy, "free")}
    r = call(shared, "Checkout", branchy, target="a/b/c")
    assert r == {"commit": head(branchy, "origin/a/b/c"), "branch": "a/b/c"}
    assert text(branchy, "config", "branch.a/b/c.merge") == "refs/heads/a/b/c"
    assert call(shared, "Checkout", branchy, target="both~1") == {"commit": head(branchy, "both~1")}
    (branchy / "free").write_text("a file of a branch's name")
    call(shared, "Checkout", branchy, target="free")
    assert (branchy / "free").exists() and text(branchy, "symbolic-ref", "HEAD") == "refs/heads/free"


def test_checkout_wrong(shared, repo):
    commit(repo, a="1\n")
    git(repo, "checkout", "-q", "-b", "side")
    commit(repo, a="2\n", b="x\n")
    git(repo, "checkout", "-q", "main")
    for target in ("nothing", "a", "main:a"):
        assert refused(shared, "Checkout", repo, target=target) == ("not_found", "UNKNOWN_REF")
    for target in ("", "-", "--detach"):
        assert refused(shared, "Checkout", repo, target=target)[0] == "invalid_argument"
    (repo / "a").write_text("mine\n")
    assert refused(shared, "Checkout", repo, target="side") == ("failed_precondition", "LOCAL_CHANGES")
    assert (repo / "a").read_text() == "mine\n"
    assert call(shared, "Checkout", repo, target="main", force=True)["branch"] == "main"
    assert (repo / "a").read_text() == "1\n"
    (repo / "b").write_text("untracked\n")
    assert refused(shared, "Checkout", repo, target="side") == ("failed_precondition", "LOCAL_CHANGES")
    os.unlink(repo / "b")
    git(repo, "worktree", "add", "-q", str(repo.parent / "other"), "side")
    assert refused(shared, "Checkout", repo, target="side") == ("failed_precondition", "CHECKED_OUT")


def test_checkout_within_a_conflict(shared, repo):
    conflict(repo)
    with pytest.raises(RpcError) as e:
        call(shared, "Checkout", repo, target="side")
    assert (e.value.code, reason(e.value), failure(e.value).paths) == ("aborted", "CONFLICT", [b"a"])
    call(shared, "Checkout", repo, target="side", force=True)
    assert git(repo, "ls-files", "-u") == b""


def test_checkout_of_hostile_names(shared, repo):
    write_names(repo)
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "x")
    git(repo, "checkout", "-q", "--orphan", "empty")
    git(repo, "rm", "-rfq", ".")
    git(repo, "commit", "-q", "--allow-empty", "-m", "x")
    call(shared, "Checkout", repo, target="main")
    for name in NAMES:
        assert open(os.path.join(os.fsencode(repo), name), "rb").read() == b"x" + name


def test_checkout_runs_hooks_only_when_allowed(shared, repo, tmp_path):
    commit(repo, a="1\n")
    mark = tmp_path / "mark"
    hook = repo / ".git/hooks/post-checkout"
    hook.write_text(f"#!/bin/sh\necho x >>{mark}\n")
    hook.chmod(0o755)
    call(shared, "Checkout", repo, target="HEAD", detach=True)
    assert not mark.exists()
    call(shared, "Checkout", repo, target="main", options={"allowHooks": True})
    assert mark.exists()


# --- Reset and Restore

def state(repo):
    return head(repo), tree(repo), git(repo, "status", "--porcelain=v1", "-z"), (repo / "a").read_text()


def prepare(path):
    """Two commits; a change that is staged, and one that is not."""
    subprocess.run(["git", "init", "-q", "-b", "main", path], check=True, env={**os.environ, **QUIET})
    dates = {"GIT_AUTHOR_DATE": "@1 +0000", "GIT_COMMITTER_DATE": "@1 +0000"}
    for i in (1, 2):
        (path / "a").write_text(f"{i}\n")
        (path / "b").write_text("b\n")
        (path / "c").write_text("c\n")
        git(path, "add", "-A")
        git(path, "commit", "-q", "-m", f"{i}", **dates)
    (path / "b").write_text("staged\n")
    git(path, "add", "b")
    (path / "c").write_text("not staged\n")


MODES = ["SOFT", "MIXED", "HARD", "MERGE", "KEEP"]


@pytest.mark.parametrize("target", ["", "HEAD", "HEAD~1", "main"])
@pytest.mark.parametrize("mode", ["UNSPECIFIED", *MODES])
def test_reset(shared, tmp_path, mode, target):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    prepare(ours)
    prepare(theirs)
    assert state(ours) == state(theirs)
    option = f"--{mode.lower()}" if mode != "UNSPECIFIED" else "--mixed"
    wanted = subprocess.run(["git", "-C", str(theirs), "reset", "-q", option, *([target] if target else [])],
                            env={**os.environ, **QUIET}, stderr=subprocess.PIPE)
    if wanted.returncode == 0:
        assert call(shared, "Reset", ours, mode=f"MODE_{mode}", target=target) == {"commit": head(theirs)}
    else:
        assert refused(shared, "Reset", ours, mode=f"MODE_{mode}", target=target) == \
            ("failed_precondition", "LOCAL_CHANGES")
    assert state(ours) == state(theirs)


def test_reset_of_paths(shared, repo):
    commit(repo, keep="1\n")
    write_names(repo)
    git(repo, "add", "-A")
    call(shared, "Reset", repo, paths=b64(*NAMES[:-1]))
    assert set(tree(repo)) == {b"keep", NAMES[-1]}
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "x")
    call(shared, "Reset", repo, paths=b64(NAMES[2]), target="HEAD~1")
    assert set(tree(repo)) == {b"keep", *NAMES} - {NAMES[2]}
    assert refused(shared, "Reset", repo, paths=b64("keep"), mode="MODE_HARD")[0] == "invalid_argument"


def test_reset_wrong(shared, repo):
    assert call(shared, "Reset", repo) == {}  # there is no commit
    commit(repo, a="1\n")
    for mode in MODES:
        assert refused(shared, "Reset", repo, mode=f"MODE_{mode}", target="nothing") == ("not_found", "UNKNOWN_REF")
    assert refused(shared, "Reset", repo, target="a") == ("not_found", "UNKNOWN_REF")
    assert refused(shared, "Reset", repo, target="--hard")[0] == "invalid_argument"
    assert refused(shared, "Reset", repo, mode=9)[0] == "invalid_argument"
    conflict(repo)
    with pytest.raises(RpcError) as e:
        call(shared, "Reset", repo, mode="MODE_SOFT")
    assert (e.value.code, reason(e.value), failure(e.value).paths) == ("aborted", "CONFLICT", [b"a"])
    call(shared, "Reset", repo, mode="MODE_MERGE")
    assert git(repo, "ls-files", "-u") == b""


@pytest.mark.parametrize("fields", [{}, {"staged": True}, {"worktree": True}, {"staged": True, "worktree": True},
                                    {"source": "HEAD~1"}, {"staged": True, "source": "HEAD~1"}])
def test_restore(shared, tmp_path, fields):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    prepare(ours)
    prepare(theirs)
    options = [f"--source={v}" if k == "source" else f"--{k}" for k, v in fields.items()]
    git(theirs, "restore", *options, "--", "a", "b", "c")
    assert call(shared, "Restore", ours, paths=b64("a", "b", "c"), **fields) == {}
    assert state(ours) == state(theirs)


def test_restore_of_hostile_names(shared, repo):
    write_names(repo, b"1")
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "x")
    write_names(repo, b"2")
    call(shared, "Restore", repo, paths=b64(*NAMES[1:]))
    for name in NAMES:
        assert open(os.path.join(os.fsencode(repo), name), "rb").read() == (b"2" if name == NAMES[0] else b"1") + name


def test_restore_wrong(shared, repo):
    assert refused(shared, "Restore", repo)[0] == "invalid_argument"
    assert refused(shared, "Restore", repo, paths=b64("a"), staged=True) == ("not_found", "UNKNOWN_REF")
    commit(repo, a="1\n")
    assert refused(shared, "Restore", repo, paths=b64("none")) == ("not_found", "UNKNOWN_REF")
    assert refused(shared, "Restore", repo, paths=b64("a"), source="none") == ("not_found", "UNKNOWN_REF")
    conflict(repo)
    with pytest.raises(RpcError) as e:
        call(shared, "Restore", repo, paths=b64("a"))
    assert (e.value.code, reason(e.value), failure(e.value).paths) == ("aborted", "CONFLICT", [b"a"])


# --- remotes

def test_remotes(shared, repo, tmp_path):
    assert call(shared, "Remotes", repo) == {}
    call(shared, "AddRemote", repo, name="origin", url="https://h/x.git")
    call(shared, "AddRemote", repo, name="a.b/c", url=str(tmp_path / "dir with space"))
    git(repo, "remote", "set-url", "--push", "origin", "ssh://git@h/x.git")
    git(repo, "remote", "set-url", "--add", "origin", "https://other/x.git")
    assert text(repo, "remote", "get-url", "a.b/c") == str(tmp_path / "dir with space")
    here = {"name": "a.b/c", "fetchUrl": str(tmp_path / "dir with space"), "pushUrl": str(tmp_path / "dir with space")}
    assert call(shared, "Remotes", repo) == {
        "remotes": [{"name": "origin", "fetchUrl": "https://h/x.git", "pushUrl": "ssh://git@h/x.git"}, here]}
    assert call(shared, "Remotes", repo, name="a.b/c") == {"remotes": [here]}
    assert refused(shared, "Remotes", repo, name="b/c") == ("not_found", "UNKNOWN_REF")
    assert refused(shared, "Remotes", tmp_path) == ("failed_precondition", "NOT_A_REPOSITORY")


@pytest.mark.parametrize("url, told", [("https://ann:secret@h/x", "https://h/x"), ("https://secret@h/x", "https://h/x"),
                                       ("ssh://git:secret@h/x", "ssh://git@h/x"), ("ssh://git@h/x", "ssh://git@h/x"),
                                       ("git@h:x", "git@h:x"), ("ext::x https://a:secret@h/", "ext::x https://h/"),
                                       ("https://h/x@y", "https://h/x@y"), ("https://a:b@secret@h/x", "https://h/x")])
def test_remotes_tell_no_credentials(shared, repo, url, told):
    git(repo, "config", "remote.o.url", url)
    git(repo, "config", "remote.o.pushurl", url)
    assert call(shared, "Remotes", repo) == {"remotes": [{"name": "o", "fetchUrl": told, "pushUrl": told}]}


def test_set_and_remove_remote(shared, repo):
    commit(repo, a="1\n")
    call(shared, "AddRemote", repo, name="o", url="/x")
    git(repo, "update-ref", "refs/remotes/o/main", "HEAD")
    git(repo, "remote", "set-url", "--push", "o", "/push")
    git(repo, "remote", "set-url", "--add", "o", "/more")
    assert call(shared, "SetRemote", repo, name="o", url="/y") == {}
    assert text(repo, "config", "--get-all", "remote.o.url") == "/y" and text(repo, "config", "remote.o.pushurl") == "/push"
    assert refused(shared, "AddRemote", repo, name="o", url="/z") == ("already_exists", "ALREADY_EXISTS")
    assert call(shared, "AddRemote", repo, name="o", url="/z", overwrite=True) == {}
    assert text(repo, "config", "--get-regexp", "remote.o.*url") == "remote.o.url /z"
    assert call(shared, "AddRemote", repo, name="new", url="/z", overwrite=True) == {}
    assert call(shared, "RemoveRemote", repo, name="o") == {}
    assert text(repo, "remote") == "new" and text(repo, "for-each-ref", "refs/remotes") == ""
    assert refused(shared, "RemoveRemote", repo, name="o") == ("not_found", "UNKNOWN_REF")
    assert refused(shared, "SetRemote", repo, name="o", url="/y") == ("not_found", "UNKNOWN_REF")
    assert refused(shared, "RemoveRemote", repo, name="-v")[0] == "invalid_argument"


@pytest.mark.parametrize("url", ["", "-x", "ext::sh -c x", f"https://ann:{TOKEN}@h/x", f"https://{TOKEN}@h/x",
                                 f"ssh://git:{TOKEN}@h/x"])
def test_remotes_that_are_refused(shared, repo, url):
    assert refused(shared, "AddRemote", repo, name="o", url=url) == ("invalid_argument", "BAD_URL")
    git(repo, "remote", "add", "o", "/x")
    assert refused(shared, "SetRemote", repo, name="o", url=url) == ("invalid_argument", "BAD_URL")
    assert text(repo, "config", "remote.o.url") == "/x"
    assert TOKEN not in shared.log


def test_add_remote_and_fetch(shared, repo, bare):
    with Server(bare.parent, basic("ann", TOKEN)) as server:
        url = f"{server.url}/x.git"
        call(shared, "AddRemote", repo, name="o", url=url, fetch=True,
             credentials={"basic": {"username": "ann", "password": TOKEN}})
        assert head(repo, "refs/remotes/o/side") == head(bare, "side")
        assert refused(shared, "AddRemote", repo, name="p", url=url, fetch=True) == ("permission_denied", "AUTH_FAILED")
    assert subprocess.run(["grep", "-rq", TOKEN, repo]).returncode == 1
    assert TOKEN not in shared.log


@pytest.mark.parametrize("in_url", [False, True])
def test_credentials_that_are_to_be_stored(shared, bare, mine, home, in_url):
    """They lie in the user's store, and nowhere else; his own git finds them there."""
    store = home / ".git-credentials"
    with Server(bare.parent, basic("ann@x", TOKEN)) as server:
        url, credentials = f"{server.url}/x.git", {"storeCredentials": True}
        if in_url:
            url = url.replace("http://", f"http://ann%40x:{TOKEN}@")
        else:
            credentials["basic"] = {"username": "ann@x", "password": TOKEN}
        call(shared, "AddRemote", mine, USER, name="o", url=url, fetch=True, credentials=credentials)
        assert unquote(store.read_text()) == f"{server.url.replace('http://', f'http://ann@x:{TOKEN}@')}\n"
        assert (store.stat().st_uid, store.stat().st_mode & 0o777) == (1000, 0o600)
        assert subprocess.run(["grep", "-rq", TOKEN, mine, home / ".gitconfig"]).returncode == 1
        call(shared, "AddRemote", mine, USER, name="p", url=url, credentials=credentials)
        assert own(mine, "config", "--get-all", "credential.helper") == b"store\n"
        assert own(mine, "config", "remote.p.url").decode() == f"{server.url}/x.git\n"
        own(mine, "fetch", "p")


def test_credentials_that_cannot_be_stored(shared, repo):
    for fields in ({"credentials": {"storeCredentials": True}}, {"credentials": {"storeCredentials": True, "bearer": "x"}}):
        assert refused(shared, "AddRemote", repo, name="o", url="https://h/x", **fields)[0] == "invalid_argument"
    assert text(repo, "remote") == ""


# --- configuration

SCOPES = {"LOCAL": "--local", "GLOBAL": "--global", "SYSTEM": "--system"}



def values(agent, repo, key, **fields):
    return [base64.b64decode(v) for v in call(agent, "GetConfig", repo, USER, key=key, **fields)["values"]]


@pytest.mark.parametrize("scope", SCOPES)
def test_config(shared, mine, etc, scope):
    where, at = {"scope": f"CONFIG_SCOPE_{scope}"}, mine if scope == "LOCAL" else ""
    who = {} if scope == "SYSTEM" else USER
    assert refused(shared, "GetConfig", at, USER, key="a.b", **where) == ("not_found", "UNSPECIFIED")
    assert refused(shared, "UnsetConfig", at, who, key="a.b", **where) == ("not_found", "UNSPECIFIED")
    assert call(shared, "SetConfig", at, who, key="A.B", value="1", **where) == {}
    assert own(mine, "config", SCOPES[scope], "a.b") == b"1\n"
    for value in ("-x", "", 'new\nline "\\\t', " space ", "ü"):
        call(shared, "SetConfig", at, who, key="a.b", value=value, **where)
        assert values(shared, at, "a.B", **where) == [value.encode()]
        assert own(mine, "config", SCOPES[scope], "-z", "a.b") == value.encode() + b"\0"
    call(shared, "SetConfig", at, who, key="a.b", value="second", add=True, **where)
    assert values(shared, at, "a.b", **where) == ["ü".encode(), b"second"]
    call(shared, "SetConfig", at, who, key="a.b", value="only", **where)
    assert values(shared, mine, "a.b") == [b"only"]
    call(shared, "SetConfig", at, who, key="sec.Sub.Section with = .x", value="v", **where)
    assert values(shared, mine, "SEC.Sub.Section with = .X") == [b"v"]
    assert refused(shared, "GetConfig", mine, USER, key="sec.sub.section with = .x")[0] == "not_found"
    assert call(shared, "UnsetConfig", at, who, key="a.b", **where) == {}
    assert own(mine, "config", SCOPES[scope], "a.b", check=False) == b""


def test_config_of_several_scopes(shared, mine, etc):
    for scope in ("GLOBAL", "SYSTEM", "LOCAL"):
        call(shared, "SetConfig", mine, {} if scope == "SYSTEM" else USER, key="x.y", value=scope,
             scope=f"CONFIG_SCOPE_{scope}")
    assert values(shared, mine, "x.y") == [b"SYSTEM", b"GLOBAL", b"LOCAL"]
    assert values(shared, "", "x.y") == [b"SYSTEM", b"GLOBAL"]
    call(shared, "UnsetConfig", mine, USER, key="x.y")
    assert values(shared, mine, "x.y") == [b"SYSTEM", b"GLOBAL"]
    listed = call(shared, "ListConfig", mine, USER)["entries"]
    assert [f"{e['key']}\n{base64.b64decode(e.get('value', '')).decode()}" for e in listed] == \
        own(mine, "config", "--list", "-z").decode().split("\0")[:-1]
    assert [e["scope"] for e in listed if e["key"] == "x.y"] == ["CONFIG_SCOPE_SYSTEM", "CONFIG_SCOPE_GLOBAL"]
    assert {"key": "core.bare", "value": b64("false")[0], "scope": "CONFIG_SCOPE_LOCAL"} in listed


@pytest.mark.parametrize("scope", SCOPES)
def test_config_of_one_scope(shared, mine, etc, scope):
    fields = {"scope": f"CONFIG_SCOPE_{scope}"}
    if scope != "LOCAL":
        assert call(shared, "ListConfig", mine, USER, **fields) == {}
    call(shared, "SetConfig", mine, {} if scope == "SYSTEM" else USER, key="x.y", value="1", **fields)
    entries = call(shared, "ListConfig", mine, USER, **fields)["entries"]
    assert {"key": "x.y", "value": "MQ==", "scope": f"CONFIG_SCOPE_{scope}"} in entries
    assert len(entries) == 1 or scope == "LOCAL"


@pytest.mark.parametrize("key, told", [("http.https://h/.extraHeader", "http.https://h/.extraheader"),
                                       (f"url.https://{TOKEN}@h/.insteadOf", "url.https://h/.insteadof"),
                                       ("sendemail.smtpPass", "sendemail.smtppass"), ("github.token", "github.token")])
def test_config_tells_no_credentials(shared, repo, key, told):
    git(repo, "config", key, TOKEN)
    git(repo, "config", "remote.o.url", f"https://a:{TOKEN}@h/x")
    git(repo, "config", "remote.p.url", "https://h/x")
    entries = {e["key"]: e.get("value") for e in call(shared, "ListConfig", repo)["entries"]}
    assert entries["remote.o.url"] is None and entries["remote.p.url"] == b64("https://h/x")[0]
    if "url." not in key:
        assert entries[told] is None
    else:
        assert told in entries
    assert TOKEN not in "".join(entries)


def test_config_wrong(shared, repo, tmp_path):
    for key in ("", "a", "a.", ".a", "a.1", "a.b c", "a b.c", "a.b\n", "a.x\ny.b"):
        assert refused(shared, "GetConfig", repo, key=key)[0] == "invalid_argument"
        assert refused(shared, "SetConfig", repo, key=key, value="x")[0] == "invalid_argument"
        assert refused(shared, "UnsetConfig", repo, key=key)[0] == "invalid_argument"
    assert refused(shared, "SetConfig", repo, key="-a.b", value="x")[0] == "invalid_argument"
    for method in ("GetConfig", "SetConfig", "UnsetConfig"):
        assert refused(shared, method, tmp_path, key="a.b", scope="CONFIG_SCOPE_LOCAL") == \
            ("failed_precondition", "NOT_A_REPOSITORY")
        assert refused(shared, method, key="a.b", scope="CONFIG_SCOPE_LOCAL")[0] == "invalid_argument"
        assert refused(shared, method, repo, key="a.b", scope=9)[0] == "invalid_argument"
    (repo / ".git/config.lock").touch()
    assert refused(shared, "SetConfig", repo, key="a.b", value="x") == ("aborted", "LOCKED")


def test_configure_user(shared, repo, home):
    assert call(shared, "ConfigureUser", repo, name="Ann", email="ann@example.com") == {}
    assert text(repo, "config", "--local", "user.name") == "Ann"
    call(shared, "ConfigureUser", repo, email="b@example.com")
    assert text(repo, "config", "--local", "user.email") == "b@example.com"
    r = call(shared, "Commit", repo, message="x", allowEmpty=True)
    assert text(repo, "log", "-1", "--format=%an <%ae>", r["commit"]) == "Ann <b@example.com>"
    assert call(shared, "ConfigureUser", name="U", email="u@x", scope="CONFIG_SCOPE_GLOBAL", headers=USER) == {}
    assert (home / ".gitconfig").read_text() == "[user]\n\tname = U\n\temail = u@x\n"
    for fields in ({}, {"name": "<"}, {"email": "a\nb"}):
        assert refused(shared, "ConfigureUser", repo, **fields)[0] == "invalid_argument"


# --- whose repository

def test_everything_is_the_users_own(shared):
    repo = "/home/user/own"
    call(shared, "Init", repo, USER)
    with open(f"{repo}/a", "w") as f:
        f.write("x")
    call(shared, "Add", repo, USER, all=True)
    call(shared, "Commit", repo, USER, message="x", author=ANN, committer=ANN)
    call(shared, "CreateBranch", repo, USER, name="b", checkout=True)
    call(shared, "SetConfig", repo, USER, key="a.b", value="x")
    owners = {os.stat(os.path.join(d, f)).st_uid for d, _, files in os.walk(f"{repo}/.git") for f in files}
    assert owners == {1000}


def test_what_a_user_may_not_write(shared, etc):
    assert refused(shared, "SetConfig", "", USER, key="a.b", value="x", scope="CONFIG_SCOPE_SYSTEM") == \
        ("permission_denied", "NO_PERMISSION")
    path = "/home/user/roots"
    subprocess.run(["git", "init", "-q", "-b", "main", path], check=True, env={**os.environ, **QUIET})
    with open(f"{path}/a", "w") as f:
        f.write("x")
    assert refused(shared, "Add", path, USER, all=True) == ("permission_denied", "NO_PERMISSION")


CALLS = [("Add", {"all": True}), ("Commit", {"message": "x"}), ("Branches", {}), ("CreateBranch", {"name": "x"}),
         ("DeleteBranch", {"name": "x"}), ("Checkout", {"target": "x"}), ("Remotes", {}),
         ("AddRemote", {"name": "x", "url": "/x"}), ("SetRemote", {"name": "x", "url": "/x"}), ("RemoveRemote", {"name": "x"}),
         ("Reset", {}), ("Restore", {"paths": ["YQ=="]}), ("SetConfig", {"key": "a.b", "value": "x"}),
         ("UnsetConfig", {"key": "a.b"}), ("ListConfig", {"scope": "CONFIG_SCOPE_LOCAL"}), ("ConfigureUser", {"name": "x"})]


@pytest.mark.parametrize("method, fields", CALLS)
def test_a_directory_above_is_not_trusted(shared, method, fields):
    call(shared, "Init", "/home/user/planted", USER)
    os.makedirs("/home/user/planted/below", exist_ok=True)
    assert refused(shared, method, "/home/user/planted/below", **fields) == ("permission_denied", "DUBIOUS_OWNERSHIP")


@pytest.mark.parametrize("method, fields", CALLS)
def test_no_such_path(shared, method, fields):
    assert refused(shared, method, "/nowhere", **fields) == ("not_found", "UNSPECIFIED")
