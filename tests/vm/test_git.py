"""guest.v1.Git with a real guest's own git, over the guest's network: from a git daemon and an HTTP server of the host."""
from contextlib import ExitStack

import pytest
from agent import RpcError, wait_for
from git_host import GIT, TOKEN, Server, basic, commit, git, head, reason
from images import empty, image, initramfs, world_with_git
from machine import HANG, Guest, disk

HOST = "10.0.2.100"  # where the guest reaches the two servers, and nothing else
BASIC = basic("ann", TOKEN)  # what the HTTP server takes
BOB = {"Authorization": basic("bob", "")}

# What git's servers run as pack-objects: it says something to the client, and waits before the objects, and behind them, until the test
# goes on; for longer than any test waits.
HOOK = """#!/bin/sh
pass() {{
	for i in $(seq 3000); do [ -e {0}/$1 ] && return; sleep 0.1; done
	exit 1
}}
echo "hello from the host" >&2
touch {0}/asked
pass begin
"$@" || exit
pass end
"""


class Servers:
    """A repository on this machine, and who serves it: git's daemon is started for each connection, by QEMU."""

    def __init__(self, folder):
        self.folder, self.work, self.stack = folder, folder / "work", ExitStack()
        folder.mkdir(parents=True)
        git(folder, "init", "-q", "-b", "main", self.work)
        (self.work / "dir").mkdir()
        commit(self.work, a="1\n", **{"dir/b": "2\n"})
        commit(self.work, a="2\n")
        git(folder, "clone", "-q", "--bare", self.work, folder / "served/x.git")
        hook = folder / "hook"
        hook.write_text(HOOK.format(folder))
        hook.chmod(0o755)

    def __enter__(self):
        patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("GIT_CONFIG_COUNT", "1")
        patch.setenv("GIT_CONFIG_KEY_0", "uploadpack.packObjectsHook")
        patch.setenv("GIT_CONFIG_VALUE_0", str(self.folder / "hook"))
        self.http = self.stack.enter_context(Server(self.folder / "served", accept=BASIC))
        return self

    def __exit__(self, *_):
        self.let("begin", "end")
        self.stack.close()

    def devices(self):
        daemon = f"git daemon --inetd --export-all --base-path={self.folder}/served"
        relay = f"busybox nc 127.0.0.1 {self.http.http.server_port}"
        return ["-netdev", f"user,id=net,restrict=on,guestfwd=tcp:{HOST}:9418-cmd:{daemon},guestfwd=tcp:{HOST}:80-cmd:{relay}",
                "-device", "virtio-net-pci,netdev=net,mac=02:00:00:00:00:07,romfile="]

    def asked(self):
        """Waits until a client wants objects, and is made to wait."""
        wait_for((self.folder / "asked").exists, HANG, "a client asks for objects")

    def let(self, *gates):
        for name in gates:
            (self.folder / name).touch()

    def again(self):
        for name in ("asked", "begin", "end"):
            (self.folder / name).unlink(missing_ok=True)


@pytest.fixture(scope="module")
def online(kernel, tmp_path_factory):
    """A guest with git and a network, and what it reaches there."""
    root = image("ext4", "--free", "16", "--user", "bob:1001", "--set", "net eth0 address=10.0.2.15/24", source=world_with_git)
    first = initramfs(kernel, "--set", "root LABEL=guestd rw", modules=["virtio_blk", "virtio_net"], source=empty)
    with Servers(tmp_path_factory.mktemp("git") / "host") as servers:
        with Guest(kernel, initrd=first, devices=[*disk(root), *servers.devices()]) as g:
            wait_for(lambda: "10.0.2.15/24" in g.text("ip addr show eth0"), HANG, "the network")
            yield g, servers


@pytest.fixture
def host(online):
    online[1].again()
    return online


def check(guest, servers, path, headers):
    """It is a clone of the whole repository, and clean."""
    assert guest.call(f"{GIT}/Status", {"path": path}, **headers) == {
        "branch": "main", "commit": head(servers.work), "upstream": "origin/main", "ahead": 0, "behind": 0}
    assert guest.text(f"cat {path}/a {path}/dir/b") == "2\n2\n"


def test_a_clone_from_a_daemon(host):
    """By root, with progress that comes while git waits for more."""
    guest, servers = host
    with guest.stream(f"{GIT}/Clone", {"url": f"git://{HOST}/x.git"}) as s:
        assert any(m["progress"].get("remote") == "hello from the host" for m in s)
        servers.let("begin")
        objects = len(git(servers.work, "rev-list", "--objects", "HEAD").splitlines())
        assert any(m["progress"].items() >= {"phase": "Receiving objects", "done": str(objects), "total": str(objects)}.items()
                   for m in s)
        servers.let("end")
        *_, last = s
    assert last["result"] == {"path": "/root/x", "branch": "main", "commit": head(servers.work)}
    check(guest, servers, "/root/x", {})


SECRETS = [TOKEN, BASIC.split()[1]]  # as it is given, and as it is sent

# The writable memory of PID 1.
MEMORY = """while read -r range rights _; do
	case $range$rights in *w*) ;; *) continue ;; esac
	from=$((0x${range%-*} / 4096)) to=$((0x${range#*-} / 4096))
	dd if=/proc/1/mem bs=4096 skip=$from count=$((to - from)) 2>/dev/null
done </proc/1/maps
"""


def found(guest, script, known):
    """Which of the secrets stand in what a script of the guest's root prints, in which something else is certain to be."""
    r = guest.exec("sh", "-c", script)
    assert known in r.stdout, r.stderr
    return [secret for secret in SECRETS if secret.encode() in r.stdout]


def test_a_clone_with_credentials(host):
    """By a user, over HTTP: they reach the server, and stand nowhere in the guest where they have no business."""
    guest, servers = host
    message = {"url": f"http://{HOST}/x.git", "credentials": {"basic": {"username": "ann", "password": TOKEN}}}
    with guest.stream(f"{GIT}/Clone", message, **BOB) as s:
        servers.asked()  # so the server has taken them, and the transport has them
        assert found(guest, "cat /proc/[0-9]*/cmdline", b"git-remote-http\0origin\0http://") == []
        assert found(guest, "cat /proc/[0-9]*/environ", b"GIT_TERMINAL_PROMPT=") == []
        servers.let("begin", "end")
        *_, last = s
    assert last["result"] == {"path": "/home/bob/x", "branch": "main", "commit": head(servers.work)}
    assert ("/x.git/git-upload-pack", BASIC) in servers.http.seen
    assert found(guest, MEMORY, b"</proc/1/maps") == []  # this very script is what it holds of us
    assert found(guest, "find /home/bob -type f | xargs cat", f"http://{HOST}/x.git".encode()) == []
    assert not any(secret in guest.console for secret in SECRETS)
    check(guest, servers, "/home/bob/x", BOB)
    assert guest.complaints() == []


@pytest.mark.parametrize("url,says", [
    ("git://10.9.9.9/x.git", "10.9.9.9[0: 10.9.9.9]: errno=Network is unreachable"), ("http://10.9.9.9/x.git", "Failed to connect to"),
    ("git://nowhere.invalid/x.git", "unable to look up nowhere.invalid"), ("http://nowhere.invalid/x.git", "Could not resolve host")])
def test_hosts_that_cannot_be_reached(host, url, says):
    """There is no route to that address; nor anyone to ask for one, and no /etc/resolv.conf."""
    guest, _ = host
    with guest.stream(f"{GIT}/Clone", {"url": url, "path": "/root/none"}) as s, pytest.raises(RpcError) as e:
        list(s)
    assert (e.value.code, reason(e.value)) == ("unavailable", "HOST_UNREACHABLE") and says in e.value.message
    assert guest.exec("test", "-e", "/root/none").returncode == 1


def test_a_clone_ends_with_the_transport(host):
    """Its client is gone when the vsock device is another one, as after a restore: git is, and what it has made."""
    guest, servers = host
    with guest.stream(f"{GIT}/Clone", {"url": f"git://{HOST}/x.git", "path": "/root/half"}) as s:
        assert any(m["progress"].get("remote") == "hello from the host" for m in s)
        assert guest.text("ls -d /root/half && pidof git") != ""
        guest.reset_vsock()
        with pytest.raises(ConnectionError):
            list(s)
    guest.until(guest.answers, "the agent answers")
    wait_for(lambda: guest.text("ls -d /root/half 2>/dev/null; pidof git git-index-pack; true") == "", HANG, "git has gone")
    servers.let("begin", "end")
    with guest.stream(f"{GIT}/Clone", {"url": f"git://{HOST}/x.git", "path": "/root/half"}) as s:
        *_, last = s
    assert last["result"]["commit"] == head(servers.work)
