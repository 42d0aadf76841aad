"""guest.v1.Git against git itself: what it answers is what git's own words say, and what goes wrong has a name."""
import base64
import os
import random
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from agent import Agent, RpcError, wait_for
from git_host import (GIT, QUIET, TOKEN, USER, Server, basic, change, clone, commit, free_port, git, memory_holds, reason, run,
                      slow_git)

# --- Init

def test_init(agent, tmp_path):
    path = tmp_path / "new"
    r = agent.call(f"{GIT}/Init", {"path": str(path), "initialBranch": "trunk"})
    assert r == {"gitDir": f"{path}/.git"}
    assert git(path, "symbolic-ref", "HEAD") == b"refs/heads/trunk\n"
    assert agent.call(f"{GIT}/Init", {"path": str(path)}) == {"gitDir": f"{path}/.git", "reinitialized": True}
    bare = tmp_path / "bare.git"
    assert agent.call(f"{GIT}/Init", {"path": str(bare), "bare": True}) == {"gitDir": str(bare)}
    assert git(bare, "rev-parse", "--is-bare-repository") == b"true\n"


def test_init_is_the_users_own(agent):
    r = agent.call(f"{GIT}/Init", {"path": "~/mine"}, **USER)
    assert r == {"gitDir": "/home/user/mine/.git"}
    assert os.stat("/home/user/mine/.git").st_uid == 1000
    with pytest.raises(RpcError) as e:
        agent.call(f"{GIT}/Init", {"path": "/root/not-mine"}, **USER)
    assert e.value.code in ("unknown", "permission_denied")


# --- Status

def changes_of(letter):
    return {".": None, "A": "CHANGE_ADDED", "M": "CHANGE_MODIFIED", "D": "CHANGE_DELETED", "R": "CHANGE_RENAMED",
            "C": "CHANGE_COPIED", "T": "CHANGE_TYPE"}[letter]


def expected_status(repo, *options):
    """What `git status --porcelain=v1 -z` says: another format than the one that guestd reads."""
    words = git(repo, "status", "--porcelain=v1", "-z", *options).split(b"\0")[:-1]
    out, words = {}, iter(words)
    for word in words:
        xy, path = word[:2].decode(), word[3:]
        original = next(words) if "R" in xy or "C" in xy else b""
        if xy == "??" or xy == "!!":
            out[path] = {"untracked": xy == "??", "ignored": xy == "!!"}
        elif "U" in xy or xy in ("AA", "DD"):
            out[path] = {"conflict": xy}
        else:
            out[path] = {"staged": changes_of(xy[0].replace(" ", ".")), "unstaged": changes_of(xy[1].replace(" ", ".")),
                         "original": original}
    return out


def answered_status(response):
    out = {}
    for entry in response.get("entries", []):
        path = base64.b64decode(entry["path"])
        if entry.get("untracked") or entry.get("ignored"):
            out[path] = {"untracked": entry.get("untracked", False), "ignored": entry.get("ignored", False)}
        elif "conflict" in entry:
            out[path] = {"conflict": entry["conflict"]}
        else:
            out[path] = {"staged": entry.get("staged"), "unstaged": entry.get("unstaged"),
                         "original": base64.b64decode(entry.get("originalPath", ""))}
    return out


@pytest.mark.parametrize("seed", range(4))
def test_status_of_random_trees(agent, repo, seed):
    rng = random.Random(seed)
    (repo / ".gitignore").write_text("*.git\n")
    for _ in range(12):
        for _ in range(rng.randrange(1, 12)):
            change(rng, repo)
        r = agent.call(f"{GIT}/Status", {"path": str(repo), "untrackedFiles": True, "ignored": True})
        assert answered_status(r) == expected_status(repo, "--untracked-files=all", "--ignored=traditional")
        if rng.random() < 0.4:
            git(repo, "add", "-A")
            git(repo, "commit", "-q", "--allow-empty", "-m", "x")
            r = agent.call(f"{GIT}/Status", {"path": str(repo)})
            assert r["commit"] == git(repo, "rev-parse", "HEAD").decode().strip()


def test_status_of_branches(agent, repo, tmp_path):
    r = agent.call(f"{GIT}/Status", {"path": str(repo)})
    assert r == {"branch": "main"}  # unborn
    commit(repo, a="1\n")
    other = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repo), str(other))
    commit(repo, a="2\n")
    git(other, "commit", "-q", "--allow-empty", "-m", "ours")
    git(other, "fetch", "-q")
    r = agent.call(f"{GIT}/Status", {"path": str(other)})
    assert (r["branch"], r["upstream"], r["ahead"], r["behind"]) == ("main", "origin/main", 1, 1)
    git(other, "checkout", "-q", "--detach")
    r = agent.call(f"{GIT}/Status", {"path": str(other)})
    assert "branch" not in r and r["commit"]


def test_status_of_a_conflict(agent, repo):
    commit(repo, a="1\n")
    git(repo, "checkout", "-q", "-b", "side")
    commit(repo, a="2\n")
    git(repo, "checkout", "-q", "main")
    commit(repo, a="3\n")
    git(repo, "merge", "side", check=False)
    r = agent.call(f"{GIT}/Status", {"path": str(repo)})
    assert r["operation"] == "merge"
    assert answered_status(r) == expected_status(repo) == {b"a": {"conflict": "UU"}}


def test_status_of_some(agent, repo):
    for i in range(20):
        (repo / f"f{i:02}").write_text("")
    r = agent.call(f"{GIT}/Status", {"path": str(repo), "limit": 5})
    assert len(r["entries"]) == 5 and r["truncated"]
    paths = [base64.b64encode(b"f03").decode(), base64.b64encode(b"f1*").decode()]  # names, not patterns
    r = agent.call(f"{GIT}/Status", {"path": str(repo), "paths": paths})
    assert list(answered_status(r)) == [b"f03"]


def test_status_of_very_many(agent, repo):
    """More names than an answer takes: it says that there are more."""
    blob = git(repo, "hash-object", "-w", "--stdin", input=b"").strip()
    folder = b"/".join([b"n" * 250] * 8)
    git(repo, "update-index", "--index-info", input=b"".join(b"100644 %s\t%s/%d\n" % (blob, folder, i) for i in range(9000)))
    r = agent.call(f"{GIT}/Status", {"path": str(repo)})
    assert sum(len(base64.b64decode(m["path"])) for m in r["entries"]) // (1 << 20) == 4 and r["truncated"]


def test_status_takes_no_lock(agent, repo):
    commit(repo, a="1\n")
    (repo / "a").touch()
    (repo / ".git/index.lock").write_text("")
    assert "entries" not in agent.call(f"{GIT}/Status", {"path": str(repo)})


@pytest.mark.parametrize("path, code, why", [("/tmp", "failed_precondition", "NOT_A_REPOSITORY"),
                                             ("/nowhere", "not_found", "UNSPECIFIED")])
def test_status_of_none(agent, path, code, why):
    with pytest.raises(RpcError) as e:
        agent.call(f"{GIT}/Status", {"path": path})
    assert (e.value.code, reason(e.value)) == (code, why)


def test_a_directory_above_is_not_trusted(agent, tmp_path):
    """What the call names is safe whoever owns it; a repository that somebody planted above it is not."""
    agent.call(f"{GIT}/Init", {"path": "/home/user/planted"}, **USER)
    os.makedirs("/home/user/planted/below", exist_ok=True)
    assert agent.call(f"{GIT}/Status", {"path": "/home/user/planted"})["branch"]
    with pytest.raises(RpcError) as e:
        agent.call(f"{GIT}/Status", {"path": "/home/user/planted/below"})
    assert (e.value.code, reason(e.value)) == ("permission_denied", "DUBIOUS_OWNERSHIP")


# --- the program

def test_without_git(tmp_path):
    with Agent(env={"PATH": str(tmp_path)}) as agent:
        with pytest.raises(RpcError) as e:
            agent.call(f"{GIT}/Status", {"path": "/"})
        assert (e.value.code, reason(e.value)) == ("failed_precondition", "NO_GIT")


def test_an_old_git(tmp_path):
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\necho git version 2.29.3\n")
    program.chmod(0o755)
    with Agent(env={"PATH": f"{tmp_path}:/bin"}) as agent:
        with pytest.raises(RpcError) as e:
            agent.call(f"{GIT}/Status", {"path": "/"})
        assert (e.value.code, reason(e.value)) == ("failed_precondition", "NO_GIT")
        assert "2.29" in e.value.message
        real = subprocess.run(["which", "git"], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
        program.write_text(f"#!/bin/sh\nexec {real} \"$@\"\n")  # another file: it is asked again
        with pytest.raises(RpcError) as e:
            agent.call(f"{GIT}/Status", {"path": "/"})
        assert reason(e.value) == "NOT_A_REPOSITORY"


# --- Run

def test_run(agent, repo):
    commit(repo, a="1\n")
    head = git(repo, "rev-parse", "HEAD")
    assert run(agent, repo, "rev-parse", "HEAD") == (head, b"", 0)
    out, err, code = run(agent, repo, "rev-parse", "nothing")
    assert code == 128 and b"unknown revision" in err
    blob = run(agent, repo, "hash-object", "-w", "--stdin", input=base64.b64encode(b"x" * 300000).decode())[0]
    assert run(agent, repo, "cat-file", "blob", blob.decode().strip())[0] == b"x" * 300000


@pytest.mark.parametrize("args", [[], [""], ["-c", "core.sshCommand=x", "status"], ["--exec-path=/tmp", "status"]])
def test_run_wants_a_command(agent, repo, args):
    with pytest.raises(RpcError) as e:
        run(agent, repo, *args)
    assert e.value.code == "invalid_argument"


# --- policy

def test_what_a_repository_may_not_do(agent, repo, tmp_path):
    """Programs that its configuration names, and hooks, do not run; with allow_hooks the hooks do."""
    mark = tmp_path / "mark"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho \"$0 $@\" >>{mark}\n")
    program.chmod(0o755)
    for key in ("core.fsmonitor", "core.sshCommand", "core.askPass", "core.pager", "core.editor", "credential.helper",
                "core.alternateRefsCommand"):
        git(repo, "config", key, str(program))
    for hook in ("pre-commit", "post-commit", "post-checkout", "post-index-change", "reference-transaction"):
        os.symlink(program, repo / ".git/hooks" / hook)
    (repo / "a").write_text("1")
    agent.call(f"{GIT}/Status", {"path": str(repo)})
    identity = {"options": {"env": {"EMAIL": "t@example.com"}}}
    assert run(agent, repo, "add", "-A", **identity)[2] == 0
    assert run(agent, repo, "commit", "-m", "x", **identity)[2] == 0
    assert run(agent, repo, "fetch", "ssh://127.0.0.1:1/x")[2] == 128
    assert run(agent, repo, "fetch", "ext::" + str(program))[2] == 128
    assert not mark.exists(), mark.read_text()
    assert run(agent, repo, "checkout", "-b", "side", options={"allowHooks": True})[2] == 0
    assert "post-checkout" in mark.read_text()


@pytest.mark.parametrize("name", ["GIT_DIR", "GIT_SSH_COMMAND", "GIT_CONFIG_COUNT", "", "A=B", "LC_ALL"])
def test_variables_that_are_gits_own(agent, repo, name):
    with pytest.raises(RpcError) as e:
        agent.call(f"{GIT}/Status", {"path": str(repo), "options": {"env": {name: "x"}}})
    assert e.value.code == "invalid_argument"


def test_variables_of_the_host_that_are_gits_own(agent, repo):
    agent.request("POST", "/init", {"Content-Type": "application/json"}, b'{"envVars":{"GIT_DIR":"/nowhere","LC_ALL":"de"}}')
    assert agent.call(f"{GIT}/Status", {"path": str(repo)})["branch"] == "main"


# --- turns, deadlines

def test_a_deadline(tmp_path, repo):
    with Agent(env=slow_git(tmp_path, 'case "$*" in *status*) sleep 1000;; esac')) as agent:
        with pytest.raises(RpcError) as e:
            agent.call(f"{GIT}/Status", {"path": str(repo)}, connect_timeout_ms="300")
        assert (e.value.code, reason(e.value)) == ("deadline_exceeded", "TIMED_OUT")


# --- Clone

def test_clone_of_a_path(agent, bare, tmp_path):
    head = git(bare, "rev-parse", "HEAD").decode().strip()
    result, progress = clone(agent, str(bare), tmp_path / "c")
    assert result == {"path": str(tmp_path / "c"), "branch": "main", "commit": head}
    assert (tmp_path / "c/dir/b").read_text() == "2\n" and git(tmp_path / "c", "status", "--porcelain") == b""
    with pytest.raises(RpcError) as e:
        clone(agent, str(bare), tmp_path / "c")
    assert (e.value.code, reason(e.value)) == ("already_exists", "ALREADY_EXISTS")
    with pytest.raises(RpcError) as e:
        clone(agent, str(tmp_path / "none"), tmp_path / "d")
    assert (e.value.code, reason(e.value)) == ("not_found", "REPOSITORY_NOT_FOUND")
    assert not (tmp_path / "d").exists()


def test_clone_below_the_home(agent, bare):
    source = "/home/user/served/x.git"  # where others may look
    shutil.copytree(bare, source)
    subprocess.run(["chown", "-R", "user", os.path.dirname(source)], check=True)
    result, _ = clone(agent, f"file://{source}", "", headers=USER, depth=1)
    assert result["path"] == "/home/user/x" and os.stat("/home/user/x/.git").st_uid == 1000


def test_clone_with_options(agent, bare, tmp_path):
    url = f"file://{bare}"
    result, progress = clone(agent, url, tmp_path / "one", branch="side", depth=1, singleBranch=True)
    assert result["branch"] == "side" and git(tmp_path / "one", "rev-list", "--count", "HEAD") == b"1\n"
    assert "Receiving objects" in {p.get("phase") for p in progress}
    assert clone(agent, url, tmp_path / "tag", branch="v1")[0].get("branch") is None
    clone(agent, url, tmp_path / "sparse", sparsePaths=["dir"], filter="blob:none")
    assert sorted(os.listdir(tmp_path / "sparse")) == [".git", "a", "dir"]
    clone(agent, url, tmp_path / "none", noCheckout=True)
    assert os.listdir(tmp_path / "none") == [".git"]
    assert clone(agent, url, tmp_path / "bare", bare=True)[0]["branch"] == "main"
    assert (tmp_path / "bare/HEAD").exists()


@pytest.mark.parametrize("url", ["", "-x", "ext::sh -c x", "ftp://h/x", "http:///x", "ssh://-oProxyCommand=x/y",
                                 "-oProxyCommand=x:y", "http://h/\nx", "ssh://a:b@h/x"])
def test_bad_urls(agent, tmp_path, url):
    with pytest.raises(RpcError) as e:
        clone(agent, url, tmp_path / "c")
    assert (e.value.code, reason(e.value)) == ("invalid_argument", "BAD_URL")


def test_clone_from_git_daemon(agent, bare, tmp_path):
    port = free_port()
    daemon = subprocess.Popen(["git", "daemon", "--reuseaddr", "--listen=127.0.0.1", f"--port={port}", "--export-all",
                               f"--base-path={bare.parent}", str(bare.parent)], env={**os.environ, **QUIET})
    try:
        wait_for(lambda: subprocess.run(["git", "ls-remote", f"git://127.0.0.1:{port}/x.git"], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL).returncode == 0, 5, "git daemon")
        assert clone(agent, f"git://127.0.0.1:{port}/x.git", tmp_path / "c")[0]["branch"] == "main"
        with pytest.raises(RpcError) as e:
            clone(agent, f"git://127.0.0.1:{port}/y.git", tmp_path / "d")
        assert reason(e.value) == "REPOSITORY_NOT_FOUND"
    finally:
        daemon.terminate()
        daemon.wait()
    with pytest.raises(RpcError) as e:
        clone(agent, f"git://127.0.0.1:{port}/x.git", tmp_path / "d")
    assert (e.value.code, reason(e.value)) == ("unavailable", "HOST_UNREACHABLE")


# --- credentials

@pytest.mark.parametrize("user", ["root", "user"])
@pytest.mark.parametrize("how", ["basic", "url", "bearer"])
def test_credentials(agent, bare, tmp_path, how, user):
    path = Path("/home/user/c") if user == "user" else tmp_path / "c"
    headers = USER if user == "user" else {}
    accept = f"Bearer {TOKEN}" if how == "bearer" else basic("ann@x", TOKEN)
    with Server(bare.parent, accept) as server:
        url, credentials = f"{server.url}/x.git", {}
        if how == "url":
            url = url.replace("http://", f"http://ann%40x:{TOKEN}@")
        elif how == "basic":
            credentials = {"basic": {"username": "ann@x", "password": TOKEN}}
        else:
            credentials = {"bearer": TOKEN}
        fields = {"credentials": credentials} if credentials else {}
        assert clone(agent, url, path, headers=headers, **fields)[0]["branch"] == "main"
        assert TOKEN not in agent.log
        assert subprocess.run(["grep", "-r", TOKEN, path], stdout=subprocess.PIPE).stdout == b""
        assert git(path, "config", "remote.origin.url", **{"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory",
                                                         "GIT_CONFIG_VALUE_0": "*"}).decode() == f"{server.url}/x.git\n"
        shutil.rmtree(path)


@pytest.mark.parametrize("credentials", [{}, {"basic": {"username": "ann@x", "password": "wrong"}}, {"bearer": "wrong"}])
def test_wrong_credentials(agent, bare, tmp_path, credentials):
    with Server(bare.parent, basic("ann@x", TOKEN)) as server:
        with pytest.raises(RpcError) as e:
            clone(agent, f"{server.url}/x.git", tmp_path / "c", credentials=credentials)
        assert (e.value.code, reason(e.value)) == ("permission_denied", "AUTH_FAILED")
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("credentials", [{"basic": {"username": "ann", "password": TOKEN}}, {"bearer": TOKEN}])
def test_a_redirection_gets_no_credentials(agent, bare, tmp_path, credentials):
    with Server(bare.parent, "never") as other, Server(bare.parent, redirect=other.url) as server:
        with pytest.raises(RpcError):
            clone(agent, f"{server.url}/x.git", tmp_path / "c", credentials=credentials)
        assert [field for _, field in other.seen if field] == []
        assert len(server.seen) > 0
        if "basic" in credentials:
            assert len(other.seen) > 0


# --- what is stopped is tidied up

def test_a_clone_that_is_cancelled(agent, tmp_path):
    (tmp_path / "empty").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as hang:  # takes connections, and says nothing
        url = f"git://127.0.0.1:{hang.getsockname()[1]}/x"
        for path in (tmp_path / "new", tmp_path / "empty"):
            with agent.stream(f"{GIT}/Clone", {"url": url, "path": str(path)}):
                wait_for(lambda: (path / ".git").exists(), 5, "a clone that has begun")
            wait_for(lambda: not (path / ".git").exists(), 10, "what it made is gone")
    wait_for(lambda: not (tmp_path / "new").exists(), 10, "the directory is gone")
    assert os.listdir(tmp_path / "empty") == []


def test_locks_of_a_git_that_was_killed(tmp_path, repo):
    """git ignores SIGTERM here: SIGKILL leaves its lock behind, and the next call finds none."""
    commit(repo, a="1\n")
    lock = repo / ".git/index.lock"
    (repo / ".git/old.lock").write_text("")
    os.utime(repo / ".git/old.lock", (1, 1))
    env = slow_git(tmp_path, f'case "$*" in *stash*) trap "" TERM; touch {lock}; while :; do sleep 1; done;; esac')
    with Agent(env=env) as agent:
        with agent.stream(f"{GIT}/Run", {"path": str(repo), "args": ["stash"]}):
            wait_for(lock.exists, 5, "the lock")
            with pytest.raises(RpcError) as e:  # waits for its turn
                with agent.stream(f"{GIT}/Run", {"path": str(repo), "args": ["add", "-A"]}, connect_timeout_ms="300") as s:
                    list(s)
            assert e.value.code == "deadline_exceeded"
        assert run(agent, repo, "add", "-A")[2] == 0
        assert not lock.exists() and (repo / ".git/old.lock").exists()


@pytest.mark.parametrize("codec", ["json", "proto"])
@pytest.mark.parametrize("size", [0, 40000])
def test_nothing_of_a_token_stays_in_memory(bare, tmp_path, codec, size):
    """The connection stays open; a long request goes another way through the agent than a short one. LD_BIND_NOW: the dynamic
    loader, which the sanitizers need, saves vector registers to a stack when it looks a name up late."""
    with Agent(env={"LD_BIND_NOW": "1"}) as agent:
        url = f"{bare.as_uri()}"
        secret = TOKEN[::-1]
        assert memory_holds(agent.pid, secret.encode()) == 0
        env = {"options": {"env": {"PADDING": "x" * size}}}
        with agent.connect() as c:
            for i, credentials in enumerate([{"basic": {"username": "ann", "password": secret}}, {"bearer": secret}]):
                message = {"credentials": credentials, "url": url, "path": str(tmp_path / f"{codec}{i}"), **env}
                s = c.stream(f"{GIT}/Clone", message, codec)
                assert [m for m in s if "result" in m]
                assert memory_holds(agent.pid, secret.encode()) == 0
        assert memory_holds(agent.pid, secret.encode()) == 0
