"""guest.v1.Git against servers: Fetch, Pull and Push over each transport, credentials that reach who they are for and nobody else,
and what goes wrong on the way."""
import base64
import os
import subprocess
from pathlib import Path

import pytest
from agent import RpcError, wait_for
from git_host import USER, clone, free_port, git, reason

# --- ssh

class Sshd:
    """An sshd of its own on loopback, which takes one key for the user that the tests run as and serves git."""

    def __init__(self, dir):
        self.dir, self.port = dir, free_port()
        dir.mkdir(mode=0o755)
        for name in ("host", "other_host", "user", "stranger"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", dir / name], check=True)
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        (dir / "authorized_keys").write_text((dir / "user.pub").read_text())
        (dir / "config").write_text(f"""ListenAddress 127.0.0.1
Port {self.port}
HostKey {dir}/host
PidFile none
AuthorizedKeysFile {dir}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PermitUserRC no
""")
        self.process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", dir / "config"], stderr=open(dir / "log", "wb"))
        wait_for(lambda: "listening" in (dir / "log").read_text(), 10, "sshd")

    def url(self, path):
        return f"ssh://root@127.0.0.1:{self.port}{path}"

    def known_hosts(self, name="host"):
        return f"[127.0.0.1]:{self.port} {(self.dir / (name + '.pub')).read_text()}"

    def credentials(self, key="user", hosts="host", **fields):
        text = (self.dir / key).read_bytes()
        return {"ssh": {"privateKey": base64.b64encode(text).decode(),
                        "knownHosts": base64.b64encode(self.known_hosts(hosts).encode()).decode() if hosts else "", **fields}}

    def close(self):
        self.process.terminate()
        self.process.wait()


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
