"""guestctl as a person and a script use it: exit codes, streams, terminals, and every way in which a connection fails."""
import fcntl
import hashlib
import json
import os
import pty
import re
import select
import shlex
import signal
import socket
import struct
import subprocess
import termios
import threading
import time

import pytest
from agent import ROOT, SLOW, Agent, wait_for
from guestctl import command

pytestmark = pytest.mark.usefixtures("protocol")


def ctl(agent, *args, env=None, **kwargs):
    target = ["-t", f"unix:{agent.path}"] if agent else []
    return subprocess.run(command(*target, *args), capture_output=True, timeout=60 * SLOW,
                          env={**os.environ, **(env or {})}, **kwargs)


# --- exec ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script,code", [("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -9 $$", 137),
                                         ("kill -TERM $$", 143), ("kill -40 $$", 168)])
def test_exit_codes(shared, script, code):
    assert ctl(shared, "exec", "sh", "-c", script).returncode == code


def test_126_and_127(shared):
    r = ctl(shared, "exec", "no-such-program")
    assert (r.returncode, r.stdout) == (127, b"") and b"no such file" in r.stderr
    assert ctl(shared, "exec", "/etc/passwd").returncode == 126


def test_streams_stay_apart(shared):
    r = ctl(shared, "exec", "sh", "-c", "echo out; echo err >&2")
    assert (r.stdout, r.stderr) == (b"out\n", b"err\n")


def test_options_reach_the_command(shared):
    r = ctl(shared, "exec", "-e", "A=1=2", "-e", "FROM_US", "-e", "NOT_SET", "-w", "/tmp", "-u", "user", "sh", "-c",
            'echo "$A $FROM_US ${NOT_SET-unset} $PWD $(id -un)"', env={"FROM_US": "us"})
    assert r.stdout == b"1=2 us unset /tmp user\n", r.stderr
    r = ctl(shared, "exec", "--", "echo", "-n", "--tag")
    assert r.stdout == b"--tag"
    assert ctl(shared, "exec", "echo", "-i", "-t").stdout == b"-i -t\n"  # the command's own options


def test_own_failures_are_125(shared):
    for args, says in [(["exec"], "no command is given"), (["exec", "--nope", "x"], "option '--nope' is unknown"),
                       (["exec", "--timeout", "x", "y"], "'x' is not a duration"),
                       (["exec", "-d", "-i", "x"], "--detach goes with neither"),
                       (["exec", "-w", "/no/such", "true"], "cwd '/no/such' does not exist"),
                       (["exec", "-u", "nobody-here", "true"], "invalid username: 'nobody-here'"),
                       (["exec", "-it", "true"], "the input device is not a terminal")]:
        r = ctl(shared, *args, stdin=subprocess.DEVNULL)
        assert r.returncode == 125 and r.stdout == b"", args
        assert re.fullmatch(rf"guestctl: .*{re.escape(says)}.*\n", r.stderr.decode()), r.stderr


def test_timeout_is_124_and_kills(shared):
    r = ctl(shared, "exec", "--timeout", "300ms", "sh", "-c", "echo $$; exec sleep 1000")
    assert r.returncode == 124 and b"time-out" in r.stderr
    wait_for(lambda: not os.path.exists(f"/proc/{int(r.stdout)}"))
    assert ctl(shared, "exec", "--timeout", "30", "true").returncode == 0


def test_input(shared):
    data = os.urandom(5_000_000)
    r = ctl(shared, "exec", "-i", "sha256sum", input=data)
    assert r.stdout.split()[0].decode() == hashlib.sha256(data).hexdigest()
    assert ctl(shared, "exec", "-i", "cat", input=b"").stdout == b""
    assert ctl(shared, "exec", "cat", input=b"not for you").stdout == b""
    r = ctl(shared, "exec", "-i", "head", "-c", "5", input=data)  # it does not read to the end: no error
    assert (r.returncode, r.stdout) == (0, data[:5])


def test_output_is_whole(shared):
    r = ctl(shared, "exec", "sh", "-c", "seq 300000; seq 1000 >&2")
    assert r.stdout == b"".join(b"%d\n" % i for i in range(1, 300001))
    assert r.stderr == b"".join(b"%d\n" % i for i in range(1, 1001))


def test_a_reader_that_goes_ends_it(shared):
    words = shlex.join(map(str, command("-t", f"unix:{shared.path}", "exec", "yes")))
    r = subprocess.run(f"{words} | head -n 1", shell=True, capture_output=True, timeout=30 * SLOW)
    assert (r.stdout, r.stderr) == (b"y\n", b"")


def test_detach_ps_kill(agent):
    r = ctl(agent, "exec", "--detach", "--tag", "job", "sleep", "1000")
    pid = int(r.stdout)
    assert r.returncode == 0
    lines = ctl(agent, "ps").stdout.decode().splitlines()
    columns = lines[1].split()
    assert lines[0].split() == ["PID", "ID", "TAG", "COMMAND"] and columns[0] == str(pid)
    assert int(columns[1]) > 0 and columns[2:] == ["job", "sleep", "1000"]
    assert json.loads(ctl(agent, "--json", "ps").stdout)["processes"][0]["pid"] == pid
    assert ctl(agent, "kill", "job").returncode == 0
    wait_for(lambda: not os.path.exists(f"/proc/{pid}"))
    assert ctl(agent, "ps").stdout.decode().splitlines()[1:] == []
    r = ctl(agent, "kill", pid)
    assert r.returncode == 1 and r.stderr.decode() == f"guestctl: process with pid {pid} not found\n"
    pid = int(ctl(agent, "exec", "-d", "sh", "-c", "trap '' TERM; sleep 1000").stdout)
    assert ctl(agent, "kill", "-s", "SIGKILL", pid).returncode == 0
    wait_for(lambda: not os.path.exists(f"/proc/{pid}"))


@pytest.mark.parametrize("signo", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_asked_to_end_it_asks_the_command(agent, signo):
    p = subprocess.Popen(command("-t", f"unix:{agent.path}", "exec", "sh", "-c",
                                 "trap 'echo bye; exit 9' TERM; echo up; while :; do sleep .05; done"), stdout=subprocess.PIPE)
    assert p.stdout.readline() == b"up\n"
    p.send_signal(signo)
    assert p.stdout.read() == b"bye\n" and p.wait(10) == 9
    p.stdout.close()


def test_asked_three_times_it_goes(agent):
    p = subprocess.Popen(command("-t", f"unix:{agent.path}", "exec", "sh", "-c",
                                 "trap 'echo no' TERM; echo up; while :; do sleep .05; done"), stdout=subprocess.PIPE)
    assert p.stdout.readline() == b"up\n"
    p.send_signal(signal.SIGINT)
    assert p.stdout.readline() == b"no\n"
    p.send_signal(signal.SIGINT)
    assert p.wait(10) == 137
    p.stdout.close()


# --- terminals ------------------------------------------------------------------------------------------------------------


class Terminal:
    """guestctl on a terminal of ours."""

    def __init__(self, agent, *args, cols=101, rows=41):
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(command("-t", f"unix:{agent.path}", "exec", "-it", *args), stdin=self.slave,
                                        stdout=self.slave, stderr=self.slave, preexec_fn=self.own_terminal)
        self.seen = b""

    def own_terminal(self):
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def type(self, data):
        os.write(self.master, data)

    def read_until(self, text):
        end = time.monotonic() + 20 * SLOW
        while text not in self.seen:
            assert time.monotonic() < end, self.seen
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 65536)
        before, self.seen = self.seen.split(text, 1)
        return before

    def close(self):
        code = self.process.wait(20 * SLOW)
        while select.select([self.master], [], [], 0)[0]:
            self.seen += os.read(self.master, 65536)
        assert b"Sanitizer" not in self.seen and b"runtime error" not in self.seen, self.seen.decode()
        after = termios.tcgetattr(self.slave)
        os.close(self.master)
        os.close(self.slave)
        assert after == self.before, "the terminal is not as it was"
        return code


def test_a_terminal(agent):
    t = Terminal(agent, "-e", "PS1=> ", "sh")
    t.read_until(b"> ")
    t.type(b"stty size; echo $TERM; tty\r")
    t.read_until(b"41 101\r\n")
    t.read_until(os.environ.get("TERM", "xterm-256color").encode() + b"\r\n/dev/pts/")
    assert not termios.tcgetattr(t.slave)[3] & (termios.ICANON | termios.ECHO | termios.ISIG)  # ours is raw meanwhile
    fcntl.ioctl(t.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 50, 0, 0))
    os.kill(t.process.pid, signal.SIGWINCH)
    time.sleep(0.3 * SLOW)
    t.type(b"stty size\r")
    t.read_until(b"20 50\r\n")
    t.type(b"""sh -c 'echo up""on; exec sleep 1000'\r""")
    t.read_until(b"upon\r\n")
    t.type(b"\x03")  # reaches the program there, not guestctl here
    t.type(b"exit 5\r")
    assert t.close() == 5


@pytest.mark.parametrize("how", ["signal", "agent", "error"])
def test_the_terminal_is_given_back(how):
    with Agent() as agent:
        if how == "error":
            t = Terminal(agent, "-w", "/no/such", "sh")
            t.read_until(b"does not exist")
            assert t.close() == 125
            return
        t = Terminal(agent, "sh", "-c", "trap '' TERM; echo up; sleep 1000")
        t.read_until(b"up")
        if how == "agent":
            agent.process.kill()
            agent.process.wait()
            t.read_until(b"the connection was closed")
            assert t.close() == 125
            agent.process.returncode = 0
        else:
            for _ in range(3):
                t.process.send_signal(signal.SIGTERM)
                time.sleep(0.2)
            assert t.close() in (137, 143)


# --- the other verbs ---------------------------------------------------------------------------------------------------------


def test_info_and_ping(shared):
    out = ctl(shared, "info").stdout.decode()
    assert re.search(rf"^pid +{shared.pid}$", out, re.M) and f"unix:{shared.path}" in out and "MESSAGE_MAX" in out
    assert json.loads(ctl(shared, "--json", "info").stdout)["pid"] == shared.pid
    assert re.fullmatch(rf"unix:{shared.path}: alive, [\d.]+ ms\n", ctl(shared, "ping").stdout.decode())
    assert json.loads(ctl(shared, "--json", "ping").stdout)["target"] == f"unix:{shared.path}"
    assert ctl(shared, "ping", "-c", "2").stdout.count(b"alive") == 2


def test_call(agent):
    assert ctl(agent, "call", "process.Process/List").stdout == b"{}\n"
    r = ctl(agent, "call", "/process.Process/Start", "-", input=b'{"process":{"cmd":"echo","args":["x"]}}')
    lines = [json.loads(line) for line in r.stdout.splitlines()]
    assert [next(iter(m["event"])) for m in lines] == ["start", "data", "end"]
    r = ctl(agent, "call", "process.Process/SendSignal", '{"process":{"tag":"x"},"signal":9}')
    assert (r.returncode, r.stderr) == (1, b"guestctl: process with tag x not found\n")
    assert ctl(agent, "call", "no.Such/Method").returncode == 1
    assert ctl(agent, "call", "nonsense").returncode == 2


def test_completions_are_accepted_by_their_shells(shared):
    script = ctl(None, "completion", "bash").stdout
    complete = (b"COMP_WORDS=(guestctl exec --ta); COMP_CWORD=2; _guestctl; echo \"${COMPREPLY[*]}\";"
                b"COMP_WORDS=(guestctl -t x k); COMP_CWORD=3; _guestctl; echo \"${COMPREPLY[*]}\"")
    r = subprocess.run(["bash", "-c", script + complete], capture_output=True)
    assert (r.stdout, r.stderr) == (b"--tag\nkill\n", b"")
    for shell, marks in (("zsh", [b"#compdef guestctl", b"--detach"]), ("fish", [b"-l detach -s d", b"-a exec"])):
        out = ctl(None, "completion", shell).stdout
        assert all(m in out for m in marks)
    assert ctl(None, "completion", "tcsh").returncode == 2


def test_help(shared):
    verbs = re.findall(r'^    \{"(\w+)", ', (ROOT / "ctl/verbs.c").read_text(), re.M)
    out = ctl(None, "--help").stdout.decode()
    assert len(out.splitlines()) <= 40 and all(f"\n  {v} " in out for v in verbs)
    for v in verbs:
        assert ctl(None, v, "--help").stdout.decode().startswith(f"guestctl {v}")
    said = ctl(None, "--version").stdout.decode()
    assert re.fullmatch(r"guestctl \d\S+\ncommit \S+\nbuild [0-9a-f]{40}\nprotocols connect grpc\n", said)


@pytest.mark.parametrize("words", [["exec", "true"], ["ps"], ["ping"]])
def test_the_protocol_decides_the_http(tmp_path, protocol, words):
    """The bytes that come first: of gRPC HTTP/2's, of Connect a request of HTTP/1.1."""
    vmm = Vmm(f"{tmp_path}/v", lambda s: s.close())
    r = ctl(None, "-t", f"unix:{tmp_path}/v", *words)
    assert r.returncode == 125 and b"the connection was closed" in r.stderr
    assert vmm.lines[0].startswith(b"PRI * HTTP/2.0\r\n" if protocol == "grpc" else b"GET /" if words == ["ping"] else b"POST /")
    vmm.close()


def test_no_other_protocol():
    r = subprocess.run([command()[0], "--protocol", "http", "ps"], capture_output=True)
    assert (r.returncode, r.stderr) == (125, b"guestctl: 'http' is neither connect nor grpc\n")


# --- connecting ----------------------------------------------------------------------------------------------------------------


class Vmm:
    """The host's end of a hybrid vsock: reads a line, and does what `answer` says."""

    def __init__(self, path, answer):
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(path)
        self.server.listen(8)
        self.answer, self.lines = answer, []
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                s, _ = self.server.accept()
            except OSError:
                return
            line = s.recv(100)
            self.lines.append(line)
            self.answer(s)

    def close(self):
        self.server.close()


def relay(agent):
    """OK, and then the agent's bytes as they come."""
    def pump(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:  # the other direction has ended both
            pass
        b.close()

    def answer(s):
        s.sendall(b"OK 1073741824\n")
        c = socket.socket(socket.AF_UNIX)
        c.connect(agent.path)
        for pair in ((s, c), (c, s)):
            threading.Thread(target=pump, args=pair, daemon=True).start()

    return answer


def test_hybrid(agent, tmp_path):
    vmm = Vmm(f"{tmp_path}/v", relay(agent))
    for target, port in ((f"hybrid:{tmp_path}/v", 49983), (f"hybrid:{tmp_path}/v:1024", 1024)):
        r = ctl(None, "-t", target, "exec", "echo", "hi")
        assert (r.returncode, r.stdout) == (0, b"hi\n"), r.stderr
        assert vmm.lines[-1] == b"CONNECT %d\n" % port
    vmm.close()


def fails(target, says, *args, code=125, env=None):
    r = ctl(None, *(["-t", target] if target else []), *args, "ping", env=env)
    assert r.returncode == code and r.stdout == b""
    assert re.fullmatch(rf"guestctl: .*{says}.*\n", r.stderr.decode()), r.stderr.decode()


def test_each_failure_is_told_apart(agent, tmp_path, protocol):
    fails(f"unix:{tmp_path}/none", "no such socket; is the agent running")
    fails(f"hybrid:{tmp_path}/none", "no such socket; is the VM running")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(f"{tmp_path}/dead")
    fails(f"unix:{tmp_path}/dead", "refused; the agent that made this socket is gone")
    fails("tcp:127.0.0.1:1", r"refused; nothing listens there \(try --wait 10s\)")
    fails("tcp:192.0.2.1:1", r"no answer \(network is unreachable\)")
    vmm = Vmm(f"{tmp_path}/closes", lambda s: s.close())
    fails(f"hybrid:{tmp_path}/closes", r"closed without OK; nothing listens on port 49983 in the guest, or it still boots")
    vmm.close()
    vmm = Vmm(f"{tmp_path}/other", lambda s: s.sendall(b"220 mail\n"))
    fails(f"hybrid:{tmp_path}/other", "not a VMM's vsock socket")
    vmm.close()
    vmm = Vmm(f"{tmp_path}/ssh", lambda s: s.sendall(b"SSH-2.0-OpenSSH_9\r\n"))
    fails(f"unix:{tmp_path}/ssh", "not an agent: it does not answer in HTTP")
    vmm.close()
    vmm = Vmm(f"{tmp_path}/web", lambda s: s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"))
    r = ctl(None, "-t", f"unix:{tmp_path}/web", "ps")
    if protocol == "connect":
        assert r.returncode == 1 and b"unexpected answer" in r.stderr
    else:
        assert r.returncode == 125 and b"not an agent: it does not answer in HTTP/2" in r.stderr
    vmm.close()
    for text in ("nonsense", "tcp:nowhere.example:1", "hybrid:" + "x" * 120, "vsock:x"):
        fails(text, re.escape(text[:30]))


def test_a_silent_vmm_is_given_up(tmp_path):
    vmm = Vmm(f"{tmp_path}/silent", lambda s: setattr(vmm_holder, "s", s))
    fails(f"hybrid:{tmp_path}/silent", "the VMM did not answer within 5 s")
    vmm.close()


class vmm_holder:
    s = None


def test_permission(agent):
    os.chmod(agent.dir.name, 0o755)
    r = subprocess.run(command("-t", f"unix:{agent.path}", "ping"), capture_output=True,
                       preexec_fn=lambda: (os.setgroups([]), os.setgid(1000), os.setuid(1000)))
    assert r.returncode == 125 and b"permission denied; the socket belongs to another user" in r.stderr


def test_tokens(tmp_path):
    (tmp_path / "token").write_text("sesame\n")
    with Agent("--tcp", "--token-file", tmp_path / "token"):
        target = "tcp:127.0.0.1:49983"
        r = ctl(None, "-t", target, "ps")
        assert r.returncode == 1 and b"the agent wants a token" in r.stderr
        r = ctl(None, "-t", target, "ps", env={"GUESTD_TOKEN": "wrong"})
        assert r.returncode == 1 and b"the token is wrong" in r.stderr
        assert ctl(None, "-t", target, "ps", env={"GUESTD_TOKEN": "sesame"}).returncode == 0
        assert ctl(None, "-t", target, "--token-file", tmp_path / "token", "exec", "echo", "hi").stdout == b"hi\n"
        r = ctl(None, "-t", target, "exec", "true")
        assert r.returncode == 125 and b"the agent wants a token" in r.stderr


def test_wait(tmp_path):
    path = f"{tmp_path}/late"
    p = subprocess.Popen(command("-t", f"unix:{path}", "--wait", "20s", "exec", "echo", "hi"), stdout=subprocess.PIPE)
    time.sleep(0.5)
    assert p.poll() is None
    with Agent("--listen", f"unix:{path}"):
        assert p.communicate(timeout=20)[0] == b"hi\n" and p.returncode == 0
    start = time.monotonic()
    fails(f"unix:{path}", "no such socket", "--wait", "400ms")
    assert time.monotonic() - start >= 0.4


def test_the_default_target():
    with Agent(listen=False):
        assert ctl(None, "ping").returncode == 0
        assert ctl(None, "ping", env={"GUESTD_HOST": "unix:/run/guestd.sock"}).returncode == 0
        assert ctl(None, "ping", env={"GUESTD_HOST": "unix:/nowhere"}).returncode == 125
