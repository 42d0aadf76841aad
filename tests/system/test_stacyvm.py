"""guestd as the agent of StacyVM: frames, every method, what goes wrong, and what the bounds hold."""
import base64
import hashlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest
from agent import ROOT, SLOW, Agent, pid_exists, wait_for
from stacyvm_host import FRAME_MAX, AgentError, StacyvmHost

METHODS = ["ping", "exec", "exec_stream", "write_file", "read_file", "list_files", "delete_file", "move_file", "chmod_file",
           "stat_file", "glob_files"]


class StacyvmAgent(Agent):
    """guestd with a listener for StacyVM's host beside its own."""

    def __init__(self, *args, **options):
        self.home = tempfile.TemporaryDirectory(prefix="gd", dir="/tmp")
        super().__init__("--listen", f"stacyvm@unix:{self.home.name}/s", *args, **options)

    def host(self):
        s = socket.socket(socket.AF_UNIX)
        s.connect(f"{self.home.name}/s")
        s.settimeout(30 * SLOW)
        return StacyvmHost(s)

    def close(self):
        super().close()
        self.home.cleanup()


@pytest.fixture(scope="module")
def agent():
    with StacyvmAgent() as a:
        yield a


@pytest.fixture
def host(agent):
    with agent.host() as h:
        yield h


def error_of(host, method, **params):
    with pytest.raises(AgentError) as e:
        host.call(method, **params)
    return str(e.value)


# --- frames -------------------------------------------------------------------------------------------------------------


def test_ping(host):
    assert host.call("ping") == {"pong": True}
    assert host.answer(host.send("ping")) == {"pong": True}


def test_an_unknown_method(host):
    assert error_of(host, "fly") == "unknown method: fly"
    host.send_frame(b"{}")
    assert host.receive() == {"id": "", "error": "unknown method: "}
    assert host.call("ping") == {"pong": True}


def test_requests_are_answered_in_order_however_they_are_cut(host):
    frames = b"".join(struct.pack(">I", len(b)) + b for b in (
        json.dumps({"id": str(i), "method": "exec", "params": {"command": f"sleep 0.0{i % 3}; echo {i}"}}).encode()
        for i in range(6)))
    for byte in frames[:150]:
        host.sock.sendall(bytes([byte]))
    host.sock.sendall(frames[150:])
    for i in range(6):
        assert host.receive() == {"id": str(i), "result": {"exit_code": 0, "stdout": f"{i}\n", "stderr": ""}}


def test_an_answer_is_sent_to_a_peer_that_says_no_more(host):
    id = host.send("exec", {"command": "sleep 0.2; echo here"})
    host.sock.shutdown(socket.SHUT_WR)
    assert host.answer(id)["stdout"] == "here\n"
    assert host.ended()


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b"{", b'{"id": 5}', b'{"method": []}', b"\xff\xfe", b'{"id": "a"} x',
                                  b"[" * 200, b'{"params": ' + b"[" * 2000, b'{"id": "a", "id": {}}', b'{"id": "\x01"}',
                                  b'{"id": tru}', b'{"id": 01}', b'"string"', b"5", b'{"id": "\\x"}'])
def test_what_is_no_request_ends_the_connection(agent, host, body):
    host.send_frame(body)
    assert host.ended()
    with agent.host() as h:
        assert h.call("ping") == {"pong": True}


def test_a_frame_that_is_too_long_ends_the_connection(host):
    host.sock.sendall(struct.pack(">I", FRAME_MAX + 1))
    assert host.ended()


def test_peers_that_leave_in_the_middle_are_forgotten(agent):
    before = agent.fds()
    whole = struct.pack(">I", 100) + b'{"id": "x", "method": "write_file", "params": {"path": "/tmp/never", "content": "QUJD'
    for n in range(0, len(whole), 7):
        with agent.host() as h:
            h.sock.sendall(whole[:n])
    wait_for(lambda: agent.fds() <= before, what="the descriptors are closed")
    assert not os.path.exists("/tmp/never")


def test_what_is_unknown_is_passed_over(host):
    odd = {"id": "a", "extra": [{"x": [1.5e3, -0, True, None, "\u0000"]}], "method": "exec", "version": 3,
           "params": {"command": "echo $A", "future": {"args": ["x"]}, "env": {"A": "b"}, "work_dir": None}, "z": "\ud83d\ude00"}
    host.send_frame(json.dumps(odd).encode())
    assert host.receive() == {"id": "a", "result": {"exit_code": 0, "stdout": "b\n", "stderr": ""}}


@pytest.mark.parametrize("method, params, field", [
    ("exec", {"command": 5}, "command"), ("exec", {"command": "x", "args": "y"}, "args"),
    ("exec", {"command": "x", "args": [1]}, "args"), ("exec", {"command": "x", "args": {"a": "b"}}, "args"),
    ("exec", {"command": "x", "env": ["a"]}, "env"), ("exec", {"command": "x", "env": {"a": 5}}, "env"),
    ("exec", {"command": "x", "env": {"a=b": "c"}}, "env"), ("exec", {"command": "a\0b"}, "command"),
    ("exec", {"command": "x", "work_dir": ["/"]}, "work_dir"), ("read_file", {"path": {}}, "path"),
    ("read_file", {"path": "/etc/passwd\0x"}, "path"), ("write_file", {"path": "/tmp/x", "content": 5}, "content"),
    ("delete_file", {"path": "/nowhere", "recursive": "yes"}, "recursive"), ("stat_file", [], "the params"),
    ("stat_file", "text", "the params"), ("glob_files", {"pattern": "/\0*"}, "pattern"),
])
def test_wrong_types_are_bad_params(host, method, params, field):
    id = host.send(method, params)
    with pytest.raises(AgentError, match=f"^bad params: {field}: wrong type, or a NUL in it$"):
        host.answer(id)
    assert host.call("ping") == {"pong": True}


def test_a_request_of_megabytes_is_bad_params(host):
    assert re.match("bad params: more than 1048576 bytes", error_of(host, "exec", command="x" * (2 << 20)))
    assert re.match("bad params: more than 1048576 bytes", error_of(host, "exec", command="x", args=["y"] * 300000))
    assert host.exec("printf %s", "z" * 100000)[1] == "z" * 100000


def test_many_hosts_at_once(agent):
    hosts = [agent.host() for _ in range(30)]
    ids = [h.send("exec", {"command": "sleep 0.3; echo $N", "env": {"N": str(i)}}) for i, h in enumerate(hosts)]
    assert [h.answer(id)["stdout"] for h, id in zip(hosts, ids)] == [f"{i}\n" for i in range(30)]
    for h in hosts:
        h.close()


def test_there_is_a_bound_on_hosts(agent):
    hosts = [agent.host() for _ in range(128)]
    for h in hosts:
        h.call("ping")
    with agent.host() as late:
        assert late.ended()
    for h in hosts:
        h.close()

    def room():
        with agent.host() as h:
            try:
                return h.call("ping")
            except ConnectionError:
                return None
    wait_for(room, what="there is room again")


# --- exec ---------------------------------------------------------------------------------------------------------------


def test_exec(host):
    assert host.exec("echo out; echo err >&2; exit 3") == (3, "out\n", "err\n")
    assert host.exec("") == (0, "", "")
    assert host.exec("kill -9 $$")[0] == -1
    assert host.exec("true", mode="shell") == (0, "", "")
    assert host.exec("cat") == (0, "", "")  # its input is at its end


def test_arguments_of_a_shell_are_quoted(host):
    args = ["it's", "a b", "$HOME", "`x`", "", "'", "\"", "\\", "line\nline", "*"]
    assert host.exec("printf '[%s]'", *args)[1] == "".join(f"[{a}]" for a in args)


def test_argv(host):
    assert host.exec("printf", "%s|", "a b", "$X", mode="argv")[1] == "a b|$X|"
    assert host.exec("/bin/echo", "x", mode="argv") == (0, "x\n", "")
    assert error_of(host, "exec", command="", mode="argv") == "exec: no command"
    assert error_of(host, "exec", command="no-such-program", mode="argv") == "exec: no-such-program: no such file or directory"
    assert error_of(host, "exec", command="/etc/passwd", mode="argv").startswith("exec: /etc/passwd: ")
    assert error_of(host, "exec", command="x", mode="fly") == 'unsupported exec mode "fly"'


def test_the_environment_is_a_path_and_what_is_asked_for(host):
    out = host.exec("/usr/bin/env", mode="argv", env={"A": "1", "B": "x=y"})[1]
    assert sorted(line.split("=")[0] for line in out.splitlines()) == ["A", "B", "PATH"]
    assert "B=x=y\n" in out
    assert host.exec("echo $PATH", env={"PATH": "/bin"})[1] == "/bin\n"


def test_the_directory(host, tmp_path):
    assert host.exec("pwd")[1] == "/\n"
    assert host.exec("pwd", work_dir=str(tmp_path))[1] == f"{tmp_path}\n"
    assert host.exec("pwd", work_dir="tmp")[1] == "/tmp\n"
    assert error_of(host, "exec", command="pwd", work_dir="/nowhere") == "exec: cwd '/nowhere' does not exist"


def test_a_server_in_the_background_is_not_waited_for(host):
    start = time.monotonic()
    code, out, _ = host.exec("sleep 300 & echo $!")
    assert (code, time.monotonic() - start < 60) == (0, True)
    pid = int(out)
    assert pid_exists(pid)
    os.kill(pid, signal.SIGKILL)
    chunks = list(host.stream("sleep 300 & echo $!"))
    assert chunks[-1] == {"done": True}
    os.kill(int(chunks[0]["data"]), signal.SIGKILL)


def test_text_that_is_not_utf8_is_replaced(host):
    assert host.exec(r"printf 'a\377\303b\342\202'")[1] == "a\ufffd\ufffdb\ufffd\ufffd"
    assert host.exec("printf '\\000\\001\\n\\t\"\\\\'")[1] == '\0\x01\n\t"\\'


def test_a_process_has_its_time(agent):
    with StacyvmAgent("--stacyvm-timeout", "1") as a, a.host() as h:
        assert h.exec("echo begun; sleep 300") == (-1, "begun\n", "")
        chunks = list(h.stream("echo begun; sleep 300"))
        assert [c.get("data") for c in chunks] == ["begun\n", None]
        assert chunks[-1] == {"done": True, "exit_code": -1}


def test_exec_collects_within_bounds(host):
    assert len(host.exec("head -c 12000000 /dev/zero | tr '\\0' x")[1]) == 12000000
    text = error_of(host, "exec", command="head -c 20000000 /dev/zero | tr '\\0' x; exit 4")
    assert text == "exec: more output than 16 MiB (exit code 4): exec_stream has no limit"
    assert host.exec("head -c 2000000 /dev/zero")[1] == "\0" * 2000000  # six times as long in JSON
    assert error_of(host, "exec", command="head -c 4000000 /dev/zero").startswith("exec: more output than 16 MiB")


def test_the_hosts_share_what_may_be_collected(agent):
    hosts = [agent.host() for _ in range(3)]
    ids = [h.send("exec", {"command": "head -c 15000000 /dev/zero | tr '\\0' x; sleep 3"}) for h in hosts]
    errors = 0
    for h, id in zip(hosts, ids):
        try:
            assert len(h.answer(id)["stdout"]) == 15000000
        except AgentError as e:
            assert str(e).startswith("exec: more output than")
            errors += 1
        h.close()
    assert errors == 1
    with agent.host() as h:
        assert len(h.exec("head -c 15000000 /dev/zero | tr '\\0' x")[1]) == 15000000


# --- exec_stream ----------------------------------------------------------------------------------------------------------


def test_exec_stream(host):
    chunks = list(host.stream("echo one; sleep 0.1; echo two >&2; sleep 0.1; echo three; exit 7"))
    assert chunks == [{"stream": "stdout", "data": "one\n"}, {"stream": "stderr", "data": "two\n"},
                      {"stream": "stdout", "data": "three\n"}, {"done": True, "exit_code": 7}]
    assert list(host.stream("true")) == [{"done": True}]


def test_exec_stream_tells_at_once(host):
    chunks = host.stream("echo $$; exec sleep 300")
    os.kill(int(next(chunks)["data"]), signal.SIGKILL)
    assert list(chunks) == [{"done": True, "exit_code": -1}]


def test_exec_stream_start_failures(host):
    assert list(host.stream("nothing-there", mode="argv")) == [
        {"error": "exec: nothing-there: no such file or directory", "done": True}]
    assert list(host.stream("x", mode="fly")) == [{"error": 'unsupported exec mode "fly"', "done": True}]
    assert host.call("ping") == {"pong": True}


def test_characters_are_not_split(host):
    text = "aß€😀" * 20000
    script = "import sys, time\ndata = sys.argv[1].encode() * 5000\nfor i in range(0, len(data), 4099):\n" \
             "    sys.stdout.buffer.write(data[i:i + 4099]); sys.stdout.flush()"
    got = "".join(c.get("data", "") for c in host.stream("python3", "-c", script, text[:16], mode="argv"))
    assert got == text[:16] * 5000


def test_a_character_that_comes_in_pieces(host):
    chunks = list(host.stream(r"printf 'x\342'; sleep 0.1; echo y >&2; sleep 0.1; printf '\202'; sleep 0.1; printf '\254z\303'"))
    assert chunks == [{"stream": "stdout", "data": "x"}, {"stream": "stderr", "data": "y\n"},
                      {"stream": "stdout", "data": "€z"}, {"stream": "stdout", "data": "\ufffd"}, {"done": True}]


def test_a_gibibyte_arrives_whole():
    size = (1 << 30) if SLOW == 1 else (32 << 20)
    line = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+\n"
    want, got, n = hashlib.sha256(), hashlib.sha256(), 0
    for _ in range(size // (64 * 4096)):
        want.update(line * 4096)
    with StacyvmAgent() as a, a.host() as h:
        for chunk in h.stream(f"yes {line.decode().strip()} | head -c {size}"):
            data = chunk.get("data", "").encode()
            n += len(data)
            got.update(data)
        if SLOW == 1:
            assert peak_rss(a.pid) <= 4 << 20
    assert (n, chunk) == (size, {"done": True})
    assert got.hexdigest() == want.hexdigest()


def peak_rss(pid):
    return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1)) * 1024


def test_a_host_that_does_not_read_holds_up_its_own_process_only(agent, host):
    host.send("exec_stream", {"command": "yes"})
    with agent.host() as other:
        assert other.exec("echo here")[1] == "here\n"
        pid = int(other.exec("pgrep -x yes | head -n 1")[1])
    host.close()
    wait_for(lambda: pid_exists(pid), what="it goes on, as after a reset of vsock")
    os.kill(pid, signal.SIGKILL)


# --- files --------------------------------------------------------------------------------------------------------------


def test_write_and_read(host, tmp_path):
    path = tmp_path / "a/b/c.bin"
    for size in [0, 1, 2, 3, 4, 49151, 49152, 49153, 65536, 100000, 1 << 20, 5000003]:
        data = os.urandom(size)
        assert host.write(path, data) == {"ok": True}
        assert path.read_bytes() == data
        assert host.content(path) == data
    assert path.stat().st_mode & 0o7777 == 0o644
    assert (tmp_path / "a").stat().st_mode & 0o7777 == 0o755


def test_modes_of_written_files(host, tmp_path):
    host.write(tmp_path / "x", b"1", mode="755")
    assert (tmp_path / "x").stat().st_mode & 0o7777 == 0o755
    host.write(tmp_path / "x", b"2")
    assert (tmp_path / "x").stat().st_mode & 0o7777 == 0o755
    host.write(tmp_path / "x", b"3", mode="0600")
    assert (tmp_path / "x").stat().st_mode & 0o7777 == 0o600
    host.write(tmp_path / "y", b"4", mode="rwx")
    assert (tmp_path / "y").stat().st_mode & 0o7777 == 0o644


def test_an_old_file_keeps_its_owner(host, tmp_path):
    path = tmp_path / "x"
    path.write_text("old and long")
    os.chown(path, 1000, 1000)
    host.write(path, b"new")
    assert (path.read_bytes(), path.stat().st_uid) == (b"new", 1000)


@pytest.mark.parametrize("size", [10, 1 << 20])
def test_a_content_before_its_path(host, tmp_path, size):
    data = os.urandom(size)
    params = {"content": base64.b64encode(data).decode(), "mode": "600", "path": str(tmp_path / "x")}
    host.send_frame(json.dumps({"params": params, "method": "write_file", "id": "z"}).encode())
    assert host.receive() == {"id": "z", "result": {"ok": True}}
    assert (tmp_path / "x").read_bytes() == data
    assert (tmp_path / "x").stat().st_mode & 0o7777 == 0o600


def test_a_content_of_another_method_is_nothing(agent, host):
    before = agent.fds()
    content = base64.b64encode(os.urandom(1 << 20)).decode()
    host.send_frame(json.dumps({"params": {"content": content}, "method": "ping", "id": "z"}).encode())
    assert host.receive() == {"id": "z", "result": {"pong": True}}
    host.send_frame(json.dumps({"method": "ping", "params": {"content": content}, "id": "z"}).encode())
    assert host.receive() == {"id": "z", "result": {"pong": True}}
    wait_for(lambda: agent.fds() <= before, what="what was kept is closed")


def test_a_content_with_escapes(host, tmp_path):
    path = tmp_path / "x"
    body = '{"id": "a", "method": "write_file", "params": {"path": "%s", "content": "Pz8\\/Pj4\\u002B"}}' % path
    host.send_frame(body.encode())
    assert host.receive()["result"] == {"ok": True}
    assert path.read_bytes() == base64.b64decode("Pz8/Pj4+")


@pytest.mark.parametrize("content", ["A", "AB", "ABC", "A===", "QQ==QQ==", "QUJD!UJD", "QUJ DUJD", "=", "QUJD" * 40000 + "x"])
def test_what_is_no_base64(host, tmp_path, content):
    assert error_of(host, "write_file", path=str(tmp_path / "x"), content=content) == "bad params: content: not base64"
    assert host.call("ping") == {"pong": True}


def test_write_errors(host, tmp_path):
    (tmp_path / "file").write_text("x")
    assert error_of(host, "write_file", path=str(tmp_path), content="") == f"write: path is a directory: {tmp_path}"
    assert error_of(host, "write_file", path=f"{tmp_path}/file/x", content="").startswith("mkdir: ")
    assert error_of(host, "write_file", content="") == "write: no such file or directory"
    assert error_of(host, "write_file", path="/proc/x/y", content="").startswith("mkdir: ")
    big = base64.b64encode(bytes(1 << 20)).decode()
    assert error_of(host, "write_file", path="/dev/full", content=big).startswith("write: ")
    assert host.call("write_file", path="/dev/null", content=big) == {"ok": True}


def test_read_errors(host, tmp_path):
    assert error_of(host, "read_file", path="/nowhere") == "read: path '/nowhere' does not exist"
    assert error_of(host, "read_file", path=str(tmp_path)) == f"read: path '{tmp_path}' is a directory"
    assert error_of(host, "read_file").startswith("read: ")
    os.mkfifo(tmp_path / "fifo")
    assert error_of(host, "read_file", path=str(tmp_path / "fifo")).startswith("read: ")
    with open(tmp_path / "big", "wb") as f:
        f.truncate(49 << 20)
    assert "are more than a frame takes" in error_of(host, "read_file", path=str(tmp_path / "big"))
    assert host.call("ping") == {"pong": True}


def test_files_without_a_size(host):
    assert host.content("/proc/version") == Path("/proc/version").read_bytes()
    assert b"Name:\t" in host.content("/proc/self/status")
    assert host.content("/sys/kernel/mm/transparent_hugepage/enabled") == \
        Path("/sys/kernel/mm/transparent_hugepage/enabled").read_bytes()


def test_a_file_that_becomes_shorter_ends_the_connection(agent, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(bytes(40 << 20))
    with agent.host() as h:
        h.send("read_file", {"path": str(path)})
        h.read(4 + 1000)
        os.truncate(path, 1 << 20)
        with pytest.raises(ConnectionError):
            h.read(50 << 20)


def info_of(path, shown=None):
    st = os.lstat(path)
    kind = {0o040000: 1 << 31, 0o120000: 1 << 27, 0o010000: 1 << 25}.get(st.st_mode & 0o170000, 0)
    special = sum(1 << to for bit, to in ((0o4000, 23), (0o2000, 22), (0o1000, 20)) if st.st_mode & bit)
    return {"path": str(shown or path), "size": st.st_size, "mode": f"{st.st_mode & 0o777 | kind | special:o}",
            "is_dir": kind == 1 << 31, "mod_time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(st.st_mtime))}


def test_list_files(host, tmp_path):
    (tmp_path / "b").write_text("hello")
    (tmp_path / "a").mkdir()
    (tmp_path / "sticky").mkdir()
    (tmp_path / "sticky").chmod(0o1777)
    (tmp_path / "c").symlink_to("b")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "ä\n\"").write_text("")
    want = [info_of(tmp_path / n) for n in sorted(os.listdir(tmp_path), key=os.fsencode)]
    assert host.call("list_files", path=str(tmp_path)) == {"files": want}
    assert host.call("list_files", path=f"{tmp_path}//") == {"files": want}
    assert host.call("list_files", path=str(tmp_path / "a")) == {"files": []}
    assert want[1]["path"].endswith("/b") and [w["mode"] for w in want[:3]] == ["20000000755", "644", "1000000777"]
    relative = host.call("list_files", path=str(tmp_path)[1:])["files"]
    assert [f["path"] for f in relative] == [w["path"][1:] for w in want]
    assert error_of(host, "list_files", path="/nowhere").startswith("readdir: ")
    assert error_of(host, "list_files", path=str(tmp_path / "b")).startswith("readdir: ")
    assert error_of(host, "list_files", path="") == "readdir: open: no such file or directory"


def test_stat_file(host, tmp_path):
    (tmp_path / "x").write_text("hello")
    (tmp_path / "x").chmod(0o4755)
    (tmp_path / "link").symlink_to("x")
    assert host.call("stat_file", path=str(tmp_path / "x")) == info_of(tmp_path / "x")
    assert host.call("stat_file", path=str(tmp_path / "link")) == info_of(tmp_path / "x", tmp_path / "link")
    assert host.call("stat_file", path=f"{tmp_path}/")["path"] == f"{tmp_path}/"
    assert host.call("stat_file", path="tmp")["path"] == "tmp"
    assert error_of(host, "stat_file", path="/nowhere").startswith("stat: ")


def test_delete_file(host, tmp_path):
    (tmp_path / "d/e").mkdir(parents=True)
    (tmp_path / "d/e/f").write_text("")
    assert error_of(host, "delete_file", path=str(tmp_path / "d")).startswith("delete: ")
    assert host.call("delete_file", path=str(tmp_path / "d/e/f")) == {"ok": True}
    assert host.call("delete_file", path=str(tmp_path / "d/e")) == {"ok": True}
    (tmp_path / "d/g").mkdir()
    assert host.call("delete_file", path=str(tmp_path / "d"), recursive=True) == {"ok": True}
    assert not (tmp_path / "d").exists()
    assert host.call("delete_file", path=str(tmp_path / "d"), recursive=True) == {"ok": True}
    assert error_of(host, "delete_file", path=str(tmp_path / "d")).startswith("delete: ")
    assert host.call("delete_file", path="", recursive=True) == {"ok": True}
    assert error_of(host, "delete_file", path="/", recursive=True).startswith("delete: ")


def test_move_file(host, tmp_path):
    (tmp_path / "x").write_text("hello")
    assert host.call("move_file", old_path=str(tmp_path / "x"), new_path=str(tmp_path / "a/b/y")) == {"ok": True}
    assert (tmp_path / "a/b/y").read_text() == "hello"
    assert error_of(host, "move_file", old_path=str(tmp_path / "x"), new_path=str(tmp_path / "z")).startswith("rename: ")
    assert error_of(host, "move_file", old_path=str(tmp_path / "a"), new_path=str(tmp_path / "a/b/y/z")).startswith("mkdir: ")


def test_chmod_file(host, tmp_path):
    (tmp_path / "x").write_text("")
    assert host.call("chmod_file", path=str(tmp_path / "x"), mode="4750") == {"ok": True}
    assert (tmp_path / "x").stat().st_mode & 0o7777 == 0o4750
    for mode in ("", "rwx", "8", "-1", "0x7", "77777777777777"):
        assert error_of(host, "chmod_file", path=str(tmp_path / "x"), mode=mode).startswith("parse mode: ")
    assert error_of(host, "chmod_file", path="/nowhere", mode="644").startswith("chmod: ")


def test_glob_files(host, tmp_path):
    for name in ["a.py", "b.txt", ".hidden.py", "src/c.py", "src/deep/d.py", "src/.git/e.py", "[x]"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "link").symlink_to("src")
    (tmp_path / "src/deep/up").symlink_to("..")

    def glob(pattern):
        return [m.removeprefix(f"{tmp_path}/") for m in host.call("glob_files", pattern=f"{tmp_path}/{pattern}")["matches"]]
    assert glob("*.py") == ["a.py"]
    assert glob(".*.py") == [".hidden.py"]
    assert glob("**/*.py") == ["a.py", "src/c.py", "src/deep/d.py"]
    assert glob("*/c.py") == ["link/c.py", "src/c.py"]
    assert glob("src/**") == ["src/c.py", "src/deep", "src/deep/d.py", "src/deep/up"]
    assert glob("?.[a-p]*") == ["a.py"]
    assert glob("[^a].txt") == ["b.txt"]
    assert glob("\\[x]") == ["[x]"]
    assert glob("a.py") == ["a.py"]
    assert glob("nothing*") == [] == glob("nothing")
    assert error_of(host, "glob_files", pattern=f"{tmp_path}/[") == "glob: syntax error in pattern"
    assert host.call("glob_files", pattern="") == {"matches": []}
    assert "tmp" in host.call("glob_files", pattern="t*")["matches"]


# --- bounds -------------------------------------------------------------------------------------------------------------


def test_frames_of_64_mebibytes_in_four_of_memory(tmp_path):
    """Four hosts write and read as much as a frame takes, at the same time."""
    size = (FRAME_MAX - 300) // 4 * 3
    data = os.urandom(size)
    with StacyvmAgent() as a:
        hosts = [a.host() for _ in range(4)]

        def work(i):
            hosts[i].sock.settimeout(300)
            hosts[i].write(tmp_path / f"x{i}", data)
            assert hosts[i].content(tmp_path / f"x{i}") == data
            done.append(i)
        done = []
        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert sorted(done) == [0, 1, 2, 3]
        if SLOW == 1:  # a sanitizer's own memory is many times that
            assert peak_rss(a.pid) <= 4 << 20
        for h in hosts:
            h.close()


# --- who may call, and the end --------------------------------------------------------------------------------------------


def test_shutdown_is_answered_and_orderly(tmp_path):
    a = StacyvmAgent()
    script = f"echo >{tmp_path}/up; exec sleep 300"
    try:
        with a.host() as h, a.host() as other, a.host() as third:
            id = other.send("exec", {"command": script})
            chunks = third.stream("echo begun; sleep 300")
            assert next(chunks)["data"] == "begun\n"
            wait_for(lambda: (tmp_path / "up").exists(), what="the process is up")
            assert h.call("shutdown") == {"ok": True}
            with pytest.raises(AgentError, match="^exec: agent is shutting down$"):
                other.answer(id)
            assert list(chunks) == [{"error": "exec: agent is shutting down", "done": True}]
            assert h.ended() and other.ended() and third.ended()
        assert a.process.wait(10 * SLOW) == 0
        assert "agent.shutdown" in a.log
    finally:
        a.close()


def test_a_token_shuts_out_who_cannot_show_one(tmp_path):
    """Over TCP there is nobody to trust; the content of a file that may not be written is not."""
    with StacyvmAgent("--open", "--listen", "stacyvm@tcp:127.0.0.1:0") as a:
        port = int(re.search(r"server.address=tcp:127.0.0.1:(\d+) listen.who=anybody network.protocol.name=stacyvm", a.log).group(1))

        def dial():
            s = socket.create_connection(("127.0.0.1", port))
            s.settimeout(30 * SLOW)
            return StacyvmHost(s)
        with dial() as h:
            assert h.exec("echo here")[1] == "here\n"
            assert a.request("POST", "/init", {"Content-Type": "application/json"}, b'{"accessToken": "secret"}').status == 204
            for method in METHODS:
                assert error_of(h, method, path="/etc/passwd", command="true").startswith("unauthorized")
            with pytest.raises(AgentError):
                h.write(tmp_path / "x", bytes(1 << 20))
            assert not (tmp_path / "x").exists()
        with a.host() as h:  # root's own socket
            assert h.call("ping") == {"pong": True}


def test_tcp_has_to_be_open():
    binary = ROOT / "build" / os.environ.get("GUESTD_PRESET", "release") / "guestd"
    r = subprocess.run([binary, "--listen", "stacyvm@tcp:127.0.0.1:0"], capture_output=True, timeout=60)
    assert (r.returncode, b"it needs --open" in r.stderr) == (2, True)
    r = subprocess.run([binary, "--listen", "fly@unix:/tmp/x"], capture_output=True, timeout=60)
    assert (r.returncode, b"there is no protocol but stacyvm@" in r.stderr) == (2, True)


def test_both_doors_show_the_same_guest(agent, host):
    """What one wire starts the other one sees."""
    id = host.send("exec", {"command": "exec sleep 300"})
    pid, = wait_for(lambda: [p["pid"] for p in agent.call("process.Process/List").get("processes", [])
                             if "exec sleep 300" in p["config"].get("args", [])], what="it is listed")
    agent.call("process.Process/SendSignal", {"process": {"pid": pid}, "signal": 9})
    assert host.answer(id)["exit_code"] == -1
