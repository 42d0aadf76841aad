"""Requests to git that are complete in themselves and can be made again, and the repositories for them."""
import contextlib
import itertools
import shutil
import subprocess
from pathlib import Path

import git_host
import git_remote
import pytest
from agent import RpcError
from git_host import ANN, GIT, TOKEN, Server, b64, basic, commit, git

TIMEOUT = 8


class Place:
    """A repository with a past and with changes, the bare one that it was cloned from, and a server of that which wants the token."""

    def __init__(self, folder):
        self.root, self.clones = Path(folder), itertools.count()
        self.ours, self.bare, self.new = self.root / "ours", self.root / "served/x.git", self.root / "new"
        subprocess.run(["git", "init", "-q", "-b", "main", self.ours], check=True)
        (self.ours / "dir").mkdir()
        commit(self.ours, a="1\n", **{"dir/b": "2\n"})
        commit(self.ours, a="2\n")
        git(self.ours, "branch", "side", "HEAD~1")
        git(self.ours, "tag", "-m", "x", "v1")
        git(self.root, "clone", "-q", "--bare", self.ours, self.bare)
        git(self.ours, "remote", "add", "origin", self.bare)
        git(self.ours, "fetch", "-q")
        git(self.ours, "branch", "-q", "-u", "origin/main")
        for key, value in (("user.name", "T"), ("user.email", "t@example.com")):
            git(self.ours, "config", key, value)
        (self.ours / "a").write_text("3\n")
        (self.ours / "untracked").write_text("4\n")
        git(self.ours, "mv", "dir/b", "dir/c")
        self.server = Server(self.bare.parent, basic("ann", TOKEN))
        self.url = f"{self.server.url}/x.git"


def call(agent, method, **fields):
    with agent.connect() as c:
        c.sock.settimeout(TIMEOUT)
        return c.call(f"{GIT}/{method}", {"path": str(agent.place.ours), **fields})


def last(agent, method, **fields):
    """The result of a stream."""
    with agent.connect() as c:
        c.sock.settimeout(TIMEOUT)
        messages = list(c.stream(f"{GIT}/{method}", {"path": str(agent.place.ours), **fields}))
    assert "result" in messages[-1], messages
    return messages[-1]["result"]


@contextlib.contextmanager
def ends_with(code, status, reason):
    """The call does; where the memory was short the error is that one."""
    with pytest.raises(RpcError) as e:
        yield
    if (e.value.code, str(e.value), e.value.status) == ("http", "http: ", status):
        return  # there was no memory for the body
    if e.value.code != code:
        raise e.value
    # Where there was no memory for the detail, the code and the text are there all the same.
    told = [d for d in e.value.details if d["type"].endswith("GitFailure")]
    assert not told or git_host.reason(e.value) == reason


# --- what stays in the repository

def status(agent):
    paths = {entry["path"] for entry in call(agent, "Status", ignored=True, untrackedFiles=True)["entries"]}
    assert paths == set(b64("a", "dir/c", "untracked"))


def log(agent):
    assert len(call(agent, "Log", limit=1, paths=b64("a"))["commits"]) == 1


def diff(agent):
    with agent.connect() as c:
        c.sock.settimeout(TIMEOUT)
        assert list(c.stream(f"{GIT}/Diff", {"path": str(agent.place.ours), "target": {"from": "HEAD~1", "to": "HEAD"}}))


def changes(agent):
    files = call(agent, "Changes", target={"staged": True})["files"]
    assert [f["change"] for f in files] == ["CHANGE_RENAMED"]


def branches(agent):
    names = {b["name"] for b in call(agent, "Branches", remotes=True)["branches"]}
    assert {"main", "side", "origin/main"} <= names


def branch(agent):
    assert call(agent, "CreateBranch", name="made", start="HEAD~1", force=True)["commit"]
    call(agent, "DeleteBranch", name="made", force=True)


def no_branch(agent):
    with ends_with("not_found", 404, "UNKNOWN_REF"):
        call(agent, "DeleteBranch", name="no-such")


def checkout(agent):
    assert call(agent, "Checkout", target="main")["branch"] == "main"


def add(agent):
    call(agent, "Add", paths=b64("dir/c"))


def make_commit(agent):
    r = call(agent, "Commit", message="x", author=ANN, committer=ANN, amend=True, allowEmpty=True)
    assert r["branch"] == "main"


def reset(agent):
    assert call(agent, "Reset", mode="MODE_SOFT")["commit"]


def restore(agent):
    call(agent, "Restore", paths=b64("a"), staged=True)


def remotes(agent):
    assert [r["name"] for r in call(agent, "Remotes")["remotes"]] == ["origin"]


def remote(agent):
    call(agent, "AddRemote", name="other", url="/no/such", overwrite=True)
    call(agent, "SetRemote", name="other", url="/no/other")
    call(agent, "RemoveRemote", name="other")


def config(agent):
    call(agent, "SetConfig", key="x.y", value="1")
    assert call(agent, "GetConfig", key="x.y")["values"] == b64("1")
    call(agent, "UnsetConfig", key="x.y")


def configs(agent):
    assert len(call(agent, "ListConfig", scope="CONFIG_SCOPE_LOCAL")["entries"]) > 5


def user(agent):
    call(agent, "ConfigureUser", name="T", email="t@example.com", scope="CONFIG_SCOPE_LOCAL")


def init(agent):
    """The first makes it, the second finds it."""
    assert call(agent, "Init", path=str(agent.place.new), bare=True)["gitDir"] == str(agent.place.new)


def no_repository(agent):
    with ends_with("failed_precondition", 400, "NOT_A_REPOSITORY"):
        call(agent, "Status", path=str(agent.place.root))


# --- with a server

def credentials(secret=TOKEN):
    return git_remote.secrets_of("basic", secret)


def fresh(agent):
    """A path that no call has used: of one that ended with an error git may still be there for a moment."""
    return agent.place.root / f"clone{next(agent.place.clones)}"


def clone(agent):
    path = fresh(agent)
    assert last(agent, "Clone", path=str(path), url=agent.place.url, credentials=credentials())["branch"] == "main"
    shutil.rmtree(path)


def clone_refused(agent):
    path = fresh(agent)
    with ends_with("permission_denied", 403, "AUTH_FAILED"):
        last(agent, "Clone", path=str(path), url=agent.place.url, credentials=credentials("wrong"))
    assert not path.exists()


def fetch(agent):
    git(agent.place.ours, "update-ref", "-d", "refs/remotes/origin/side")
    updates = last(agent, "Fetch", remote=agent.place.url, refspecs=["+refs/heads/*:refs/remotes/origin/*"], credentials=credentials())
    assert [u["ref"] for u in updates["updates"]] == ["refs/remotes/origin/side"]


def pull(agent):
    last(agent, "Pull")


def push(agent):
    git(agent.place.bare, "update-ref", "-d", "refs/heads/pushed")
    updates = last(agent, "Push", remote=str(agent.place.bare), refspecs=["main:refs/heads/pushed"])
    assert [u["ref"] for u in updates["updates"]] == ["refs/heads/pushed"]


def run(agent):
    with agent.connect() as c:
        c.sock.settimeout(TIMEOUT)
        message = {"path": str(agent.place.ours), "args": ["ls-remote", agent.place.url], "credentials": credentials(),
                   "options": {"env": {"A": "1"}}}
        messages = list(c.stream(f"{GIT}/Run", message))
    assert messages[-1]["result"].get("exitCode", 0) == 0, messages


STEPS = (status, log, diff, changes, branches, branch, no_branch, checkout, add, reset, restore, remotes, remote, config, configs,
         user, init, no_repository, clone, clone_refused, fetch, push, run, make_commit, pull)
