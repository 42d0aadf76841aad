"""The methods of guest.v1.Git that write trees, commits and branches, against git's own plumbing."""
import base64
import os
import subprocess

import pytest
from agent import RpcError
from git_host import ANN, BEN, NAMES, QUIET, USER, b64, call, commit, failure, git, head, reason, refused, text

WHEN = {"time": "2001-02-03T04:05:06Z"}


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
