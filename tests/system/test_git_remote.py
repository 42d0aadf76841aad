"""guest.v1.Git against servers: Fetch, Pull and Push over each transport, and what goes wrong on the way."""
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from agent import Agent, RpcError, wait_for
from git_host import GIT, TOKEN, USER, Server, clone, commit, failure, git, reason, slow_git
from git_remote import CLONE, Scripted, Sshd, call, field_of, hang, refs, rejected, rev, secrets_of, status, updates

# --- Fetch

def test_fetch(agent, pair):
    ours, theirs = pair
    before = refs(ours)
    commit(theirs, a="3\n")
    git(theirs, "branch", "new/deep")
    git(theirs, "tag", "-m", "x", "v2")
    git(theirs, "branch", "-f", "side", "HEAD~2")
    git(theirs, "push", "-q", "-f", "origin", "main", "side", "new/deep", "v2")
    r = call(agent, "Fetch", ours)
    after = refs(ours)
    assert updates(r) == {
        "refs/remotes/origin/main": ("FAST_FORWARD", before["refs/remotes/origin/main"], after["refs/remotes/origin/main"]),
        "refs/remotes/origin/side": ("FORCED", before["refs/remotes/origin/side"], after["refs/remotes/origin/side"]),
        "refs/remotes/origin/new/deep": ("NEW", "", after["refs/remotes/origin/new/deep"]),
        "refs/tags/v2": ("NEW", "", after["refs/tags/v2"])}
    assert after["refs/remotes/origin/main"] == rev(theirs) and after["refs/tags/v2"] == rev(theirs, "v2")
    assert call(agent, "Fetch", ours, remote="origin") == {}


def test_fetch_prunes(agent, pair):
    ours, theirs = pair
    git(theirs, "push", "-q", "origin", ":side")
    assert call(agent, "Fetch", ours) == {}
    assert updates(call(agent, "Fetch", ours, prune=True)) == {"refs/remotes/origin/side": ("DELETED", rev(theirs, "side"), "")}


def test_fetch_with_refspecs(agent, pair):
    ours, theirs = pair
    git(theirs, "push", "-q", "origin", "HEAD~1:refs/odd/x", "HEAD:refs/heads/one")
    r = call(agent, "Fetch", ours, refspecs=["refs/odd/*:refs/mine/*", "one:refs/heads/two"])
    assert updates(r)["refs/mine/x"] == ("NEW", "", rev(theirs, "HEAD~1"))
    assert updates(r)["refs/heads/two"] == ("NEW", "", rev(theirs))
    with pytest.raises(RpcError) as e:
        call(agent, "Fetch", ours, refspecs=["none"])
    assert (e.value.code, reason(e.value)) == ("not_found", "UNKNOWN_REF")


def test_fetch_of_what_is_rejected(agent, pair):
    """The others are fetched, the answer says which was not, and the error says why."""
    ours, theirs = pair
    old = rev(ours, "v1")
    git(ours, "branch", "behind", "HEAD~1")
    git(ours, "commit", "-q", "--allow-empty", "-m", "x")
    git(ours, "branch", "apart")
    commit(theirs, a="3\n")
    git(theirs, "push", "-q")
    git(theirs, "push", "-q", "-f", "origin", "HEAD:refs/tags/v1")
    fields = {"refspecs": ["main:refs/heads/behind", "main:refs/heads/apart", "refs/tags/v1:refs/tags/v1"]}
    seen, error = rejected(agent, "Fetch", ours, **fields)
    assert (error.code, reason(error), failure(error).exit_code) == ("failed_precondition", "NON_FAST_FORWARD", 1)
    assert updates(seen)["refs/heads/behind"] == ("FAST_FORWARD", rev(theirs, "HEAD~2"), rev(theirs))
    assert updates(seen)["refs/heads/apart"][0] == "REJECTED"
    assert updates(seen)["refs/tags/v1"] == ("REJECTED", old, old)
    assert {u["ref"]: u.get("reason") for u in seen["updates"]}["refs/heads/apart"] == "non-fast-forward"
    fields["refspecs"][2] = "+refs/tags/v1:refs/tags/v1"
    seen, _ = rejected(agent, "Fetch", ours, **fields)
    assert updates(seen)["refs/tags/v1"] == ("TAG", old, rev(theirs))


def test_fetch_deepens(agent, bare, tmp_path):
    ours = tmp_path / "shallow"
    clone(agent, f"file://{bare}", ours, depth=1)
    assert git(ours, "rev-list", "--count", "HEAD") == b"1\n"
    call(agent, "Fetch", ours, depth=2)
    assert git(ours, "rev-list", "--count", "HEAD") == b"2\n"
    call(agent, "Fetch", ours, unshallow=True)
    assert git(ours, "rev-parse", "--is-shallow-repository") == b"false\n"


def test_fetch_of_all(agent, pair, bare):
    ours, theirs = pair
    git(ours, "remote", "add", "second", str(bare))
    assert set(updates(call(agent, "Fetch", ours, all=True, tags=True))) == {"refs/remotes/second/main", "refs/remotes/second/side"}
    with pytest.raises(RpcError) as e:
        call(agent, "Fetch", ours, all=True, remote="origin")
    assert e.value.code == "invalid_argument"


@pytest.mark.parametrize("remote, code, why", [("none", "not_found", "REPOSITORY_NOT_FOUND"), ("-x", "invalid_argument", "UNSPECIFIED"),
                                               ("ext::sh", "invalid_argument", "BAD_URL"), ("/none", "not_found", "REPOSITORY_NOT_FOUND")])
@pytest.mark.parametrize("verb", ["Fetch", "Pull", "Push"])
def test_remotes_that_are_not_there(agent, pair, remote, code, why, verb):
    fields = {"branch": "main"} if verb == "Pull" else {}
    with pytest.raises(RpcError) as e:
        call(agent, verb, pair[0], remote=remote, **fields)
    assert (e.value.code, reason(e.value)) == (code, why)


@pytest.mark.parametrize("refspec", ["", "--upload-pack=touch /tmp/x"])
@pytest.mark.parametrize("verb", ["Fetch", "Push"])
def test_refspecs_that_are_options(agent, pair, verb, refspec):
    with pytest.raises(RpcError) as e:
        call(agent, verb, pair[0], refspecs=[refspec])
    assert e.value.code == "invalid_argument"


# --- Push

def test_push(agent, pair, bare):
    """To the upstream, with old and new ids; again, there is nothing to do."""
    ours, theirs = pair
    old = rev(ours)
    commit(ours, a="ours\n")
    assert updates(call(agent, "Push", ours)) == {"refs/heads/main": ("FAST_FORWARD", old, rev(ours))}
    assert rev(bare, "main") == rev(ours)
    assert updates(call(agent, "Push", ours)) == {"refs/heads/main": ("UP_TO_DATE", rev(ours), rev(ours))}


def test_push_of_a_new_branch(agent, pair, bare):
    ours, _ = pair
    git(ours, "checkout", "-q", "-b", "topic/a")
    commit(ours, a="t\n")
    assert updates(call(agent, "Push", ours, setUpstream=True)) == {"refs/heads/topic/a": ("NEW", "", rev(ours))}
    assert git(ours, "rev-parse", "--abbrev-ref", "@{upstream}") == b"origin/topic/a\n"
    commit(ours, a="t2\n")
    git(ours, "branch", "-q", "-m", "renamed")  # it still follows topic/a
    assert list(updates(call(agent, "Push", ours))) == ["refs/heads/topic/a"]
    git(ours, "branch", "-q", "--unset-upstream")
    assert updates(call(agent, "Push", ours, remote="origin")) == {"refs/heads/renamed": ("NEW", "", rev(ours))}


def test_push_with_refspecs_and_tags(agent, pair, bare):
    ours, _ = pair
    old = rev(ours, "origin/side")
    git(ours, "tag", "light")
    git(ours, "tag", "-m", "x", "heavy")
    r = call(agent, "Push", ours, remote="origin", refspecs=["HEAD~1:refs/heads/x", "+HEAD~1:refs/heads/side"], tags=True)
    assert updates(r) == {"refs/heads/x": ("NEW", "", rev(ours, "HEAD~1")), "refs/heads/side": ("FORCED", old, rev(ours, "HEAD~1")),
                          "refs/tags/light": ("NEW", "", rev(ours, "light")), "refs/tags/heavy": ("NEW", "", rev(ours, "heavy")),
                          "refs/tags/v1": ("UP_TO_DATE", rev(ours, "v1"), rev(ours, "v1"))}
    assert refs(bare)["refs/tags/heavy"] == rev(ours, "heavy")
    r = call(agent, "Push", ours, refspecs=["x", "light"], delete=True)
    assert updates(r) == {"refs/heads/x": ("DELETED", "", ""), "refs/tags/light": ("DELETED", "", "")}
    git(ours, "checkout", "-q", "--detach")
    git(ours, "tag", "third")
    assert updates(call(agent, "Push", ours, tags=True))["refs/tags/third"][0] == "NEW"
    with pytest.raises(RpcError) as e:
        call(agent, "Push", ours)
    assert (e.value.code, reason(e.value)) == ("failed_precondition", "NO_UPSTREAM")


def test_push_that_is_rejected(agent, pair, bare):
    ours, theirs = pair
    commit(theirs, a="theirs\n")
    git(theirs, "push", "-q")
    commit(ours, a="ours\n")
    git(ours, "tag", "new")
    seen, error = rejected(agent, "Push", ours, tags=True)
    assert (error.code, reason(error)) == ("failed_precondition", "NON_FAST_FORWARD")
    assert updates(seen)["refs/heads/main"] == ("REJECTED", "", rev(ours))
    assert {u["ref"]: u.get("reason") for u in seen["updates"]}["refs/heads/main"] == "fetch first"
    assert updates(seen)["refs/tags/new"] == ("NEW", "", rev(ours))
    assert rev(bare, "main") == rev(theirs)
    assert updates(call(agent, "Push", ours, force=True))["refs/heads/main"] == ("FORCED", rev(theirs), rev(ours))


def test_push_with_a_lease(agent, pair, bare):
    ours, theirs = pair
    seen = rev(ours)
    commit(theirs, a="theirs\n")
    git(theirs, "push", "-q")
    commit(ours, a="ours\n")
    for lease in ("*", seen):
        _, error = rejected(agent, "Push", ours, forceWithLease=lease)
        assert reason(error) == "NON_FAST_FORWARD"
    r = call(agent, "Push", ours, refspecs=["HEAD:refs/heads/main"], forceWithLease=rev(theirs))
    assert updates(r) == {"refs/heads/main": ("FORCED", rev(theirs), rev(ours))}
    with pytest.raises(RpcError) as e:
        call(agent, "Push", ours, forceWithLease="x")
    assert e.value.code == "invalid_argument"


def test_push_that_a_hook_declines(agent, pair, bare):
    ours, _ = pair
    hook = bare / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho policy says no; exit 1\n")
    hook.chmod(0o755)
    commit(ours, a="ours\n")
    seen, error = rejected(agent, "Push", ours)
    assert updates(seen)["refs/heads/main"][0] == "REJECTED" and "declined" in error.message
    assert "policy says no" in failure(error).stderr


# --- Pull

def test_pull(agent, pair):
    ours, theirs = pair
    old = rev(ours)
    commit(theirs, a="theirs\n")
    git(theirs, "push", "-q")
    assert call(agent, "Pull", ours) == {"oldCommit": old, "newCommit": rev(theirs)}
    assert (ours / "a").read_text() == "theirs\n"
    assert call(agent, "Pull", ours, remote="origin", branch="main") == {"oldCommit": rev(theirs), "newCommit": rev(theirs)}
    with pytest.raises(RpcError) as e:
        call(agent, "Pull", ours, remote="origin")
    assert e.value.code == "invalid_argument"


def diverge(ours, theirs, name="a"):
    commit(theirs, **{name: "theirs\n"})
    git(theirs, "push", "-q")
    commit(ours, a="ours\n")


@pytest.mark.parametrize("mode, config, parents", [(None, None, 2), ("MODE_MERGE", "pull.rebase", 2), ("MODE_REBASE", None, 1),
                                                   (None, "pull.rebase", 1), (None, "branch.main.rebase", 1),
                                                   (None, "branch.other.rebase", 2), ("MODE_FAST_FORWARD_ONLY", None, 0)])
def test_pull_of_what_has_diverged(agent, pair, mode, config, parents):
    ours, theirs = pair
    diverge(ours, theirs, "b")
    if config:
        git(ours, "config", config, "true")
    fields = {"mode": mode} if mode else {}
    if parents:
        r = call(agent, "Pull", ours, **fields)
        assert r["newCommit"] == rev(ours)
        assert len(git(ours, "rev-parse", "HEAD^@").split()) == parents
        assert git(ours, "merge-base", "--is-ancestor", "origin/main", "HEAD") == b""
    else:
        with pytest.raises(RpcError) as e:
            call(agent, "Pull", ours, **fields)
        assert (e.value.code, reason(e.value)) == ("failed_precondition", "NON_FAST_FORWARD")


@pytest.mark.parametrize("mode, operation", [("MODE_MERGE", "merge"), ("MODE_REBASE", "rebase")])
def test_pull_with_conflicts(agent, pair, mode, operation):
    """The detail names the paths, whatever their names; the repository stays as git leaves it."""
    ours, theirs = pair
    for repo in (theirs, ours):
        Path(os.fsdecode(os.fsencode(repo) + b"/new\nline \xff")).write_text(str(repo))
    diverge(ours, theirs)
    with pytest.raises(RpcError) as e:
        call(agent, "Pull", ours, mode=mode)
    assert (e.value.code, reason(e.value)) == ("aborted", "CONFLICT")
    assert sorted(failure(e.value).paths) == [b"a", b"new\nline \xff"]
    assert agent.call(f"{GIT}/Status", {"path": str(ours)})["operation"] == operation


def test_pull_over_local_changes(agent, pair):
    ours, theirs = pair
    commit(theirs, a="theirs\n")
    git(theirs, "push", "-q")
    (ours / "a").write_text("not committed\n")
    with pytest.raises(RpcError) as e:
        call(agent, "Pull", ours)
    assert (e.value.code, reason(e.value)) == ("failed_precondition", "LOCAL_CHANGES")
    assert (ours / "a").read_text() == "not committed\n"


def test_pull_without_an_upstream(agent, pair):
    git(pair[0], "checkout", "-q", "-b", "alone")
    with pytest.raises(RpcError) as e:
        call(agent, "Pull", pair[0])
    assert (e.value.code, reason(e.value)) == ("failed_precondition", "NO_UPSTREAM")


# --- ssh

@pytest.fixture
def sshd(tmp_path):
    tmp_path.chmod(0o755)
    server = Sshd(tmp_path / "sshd")
    yield server
    server.close()


@pytest.mark.parametrize("who", ["root", "user"])
def test_ssh(agent, bare, sshd, tmp_path, who):
    path = Path("/home/user/over-ssh") if who == "user" else tmp_path / "c"
    headers = USER if who == "user" else {}
    result, _ = clone(agent, sshd.url(bare), path, headers=headers, credentials=sshd.credentials())
    assert result["commit"] == git(bare, "rev-parse", "main").decode().strip()


def test_ssh_with_a_wrong_key(agent, bare, sshd, tmp_path):
    with pytest.raises(RpcError) as e:
        clone(agent, sshd.url(bare), tmp_path / "c", credentials=sshd.credentials("stranger"))
    assert (e.value.code, reason(e.value)) == ("permission_denied", "AUTH_FAILED")


@pytest.mark.parametrize("hosts", ["other_host", None])
def test_ssh_to_a_host_that_is_not_known(agent, bare, sshd, tmp_path, hosts):
    with pytest.raises(RpcError) as e:
        clone(agent, sshd.url(bare), tmp_path / "c", credentials=sshd.credentials(hosts=hosts))
    assert (e.value.code, reason(e.value)) == ("failed_precondition", "HOST_KEY_UNKNOWN")


def test_ssh_to_a_new_host(agent, bare, sshd, tmp_path):
    """It is taken if the call says so; one whose key is another than the known one is not."""
    credentials = sshd.credentials(hosts=None, acceptNewHost=True)
    assert clone(agent, sshd.url(bare), "~/new-host", headers=USER, credentials=credentials)[0]["branch"] == "main"
    assert sshd.known_hosts().split()[2] in Path("/home/user/.ssh/known_hosts").read_text()
    with pytest.raises(RpcError) as e:
        clone(agent, sshd.url(bare), tmp_path / "c", credentials=sshd.credentials(hosts="other_host", acceptNewHost=True))
    assert reason(e.value) == "HOST_KEY_UNKNOWN"


@pytest.mark.parametrize("fields", [{"privateKey": ""}, {"privateKey": "eA=="}, {"privateKey": "LS0tLS1CRUdJTiAA"}])
def test_what_is_no_key(agent, bare, sshd, tmp_path, fields):
    with pytest.raises(RpcError) as e:
        clone(agent, sshd.url(bare), tmp_path / "c", credentials={"ssh": fields})
    assert e.value.code == "invalid_argument"


# --- http

@pytest.mark.parametrize("how", ["basic", "bearer"])
def test_fetch_and_push_over_http(agent, pair, bare, how):
    """The remote's URL says who the credentials are for."""
    ours, theirs = pair
    git(bare, "config", "http.receivepack", "true")
    with Server(bare.parent, field_of(how)) as server:
        git(ours, "remote", "set-url", "origin", f"{server.url}/x.git")
        for verb in ("Fetch", "Pull", "Push"):
            with pytest.raises(RpcError) as e:
                call(agent, verb, ours)
            assert (e.value.code, reason(e.value)) == ("permission_denied", "AUTH_FAILED")
        commit(theirs, a="theirs\n")
        git(theirs, "push", "-q")
        credentials = secrets_of(how)
        assert updates(call(agent, "Fetch", ours, credentials=credentials))["refs/remotes/origin/main"][2] == rev(theirs)
        assert call(agent, "Pull", ours, credentials=credentials)["newCommit"] == rev(theirs)
        commit(ours, a="ours\n")
        assert updates(call(agent, "Push", ours, credentials=credentials))["refs/heads/main"][2] == rev(ours) == rev(bare, "main")
        fetched = call(agent, "Fetch", ours, remote=f"{server.url}/x.git", refspecs=["main:refs/heads/by-url"], credentials=credentials)
        assert list(updates(fetched)) == ["refs/heads/by-url"]


@pytest.mark.parametrize("code, name, why", [(401, "permission_denied", "AUTH_FAILED"), (403, "permission_denied", "AUTH_FAILED"),
                                             (404, "not_found", "REPOSITORY_NOT_FOUND"), (503, "unavailable", "HOST_UNREACHABLE")])
@pytest.mark.parametrize("how", ["basic", "bearer"])
def test_what_a_server_refuses(agent, tmp_path, code, name, why, how):
    with Scripted(status(code)) as server:
        with pytest.raises(RpcError) as e:
            clone(agent, server.url, tmp_path / "c", credentials=secrets_of(how))
    assert (e.value.code, reason(e.value)) == (name, why)
    assert TOKEN not in e.value.message + failure(e.value).stderr
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "git://127.0.0.1:1/x", "ssh://127.0.0.1:1/x", "http://nowhere.invalid/x"])
def test_hosts_that_are_not_reached(agent, tmp_path, url):
    with pytest.raises(RpcError) as e:
        clone(agent, url, tmp_path / "c", credentials=secrets_of("basic"))
    assert (e.value.code, reason(e.value)) == ("unavailable", "HOST_UNREACHABLE")


def test_a_full_disk(agent, tmp_path):
    big, full = tmp_path / "big", tmp_path / "full"
    subprocess.run(["git", "init", "-q", big], check=True)
    (big / "noise").write_bytes(os.urandom(3 << 20))
    git(big, "add", "-A")
    git(big, "commit", "-q", "-m", "x")
    full.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", full], check=True)
    try:
        with pytest.raises(RpcError) as e:
            clone(agent, big.as_uri(), full / "c")
        assert (e.value.code, reason(e.value)) == ("resource_exhausted", "DISK_FULL")
        wait_for(lambda: os.listdir(full) == [], 10, "nothing is left")
    finally:
        subprocess.run(["umount", full], check=True)


# --- many at once

def test_clones_into_one_directory(agent, bare, tmp_path):
    """One makes it; the others, who came when it was not there, leave it alone."""
    def one(_):
        try:
            return clone(agent, bare.as_uri(), tmp_path / "one")[0]["branch"]
        except RpcError as e:
            return reason(e)

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(one, range(8))) == ["ALREADY_EXISTS"] * 7 + ["main"]
    assert git(tmp_path / "one", "status", "--porcelain") == b""


def test_a_clone_that_fails_after_git_clone(tmp_path, bare):
    """What a later run fails for takes the directory, too."""
    with Agent(env=slow_git(tmp_path, 'case "$*" in *"sparse-checkout set"*) echo no >&2; exit 1;; esac')) as agent:
        with pytest.raises(RpcError) as e:
            clone(agent, bare.as_uri(), tmp_path / "c", sparsePaths=["dir"])
        assert e.value.message == "git Clone: no"
        wait_for(lambda: not (tmp_path / "c").exists(), 10, "the directory is gone")


def test_many_clones_and_statuses(agent, bare, pair, tmp_path):
    """Twenty clones run beside each other, and nobody who asks for a status waits for one that hangs."""
    def one(i):
        return clone(agent, bare.as_uri(), tmp_path / f"many{i}")[0]["commit"]

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(one, range(20))) == {rev(bare, "main")}
    with Scripted(hang) as server:
        with agent.stream(CLONE[1:], {"url": server.url, "path": str(tmp_path / "hangs"), "credentials": secrets_of("basic")}):
            assert server.asked.wait(10)
            for _ in range(200):
                assert agent.call(f"{GIT}/Status", {"path": str(pair[0])})["branch"] == "main"
            assert (tmp_path / "hangs/.git").exists()
