"""The methods of guest.v1.Git for remotes and configuration, against git's own; and whose repository it may be."""
import base64
import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest
from git_host import ANN, QUIET, TOKEN, USER, Server, b64, basic, call, commit, git, head, own, refused, text

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
