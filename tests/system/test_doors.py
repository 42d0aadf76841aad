"""Where guestd listens and who may come in: every row of the default table, every flag, every refusal."""
import base64
import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from agent import BINARY, PRESET, ROOT, SLOW, Agent, RpcError, wait_for
from steady import rss

AF_VSOCK = socket.AF_VSOCK


def run(*args, argv0=None, env=None):
    return subprocess.run([argv0 or str(BINARY), *args], executable=str(BINARY), capture_output=True, text=True,
                          timeout=20 * SLOW, env={**os.environ, **(env or {})})


def listeners(agent):
    return re.findall(r"listen server.address=(\S+) listen.who=(\"[^\"]+\"|\S+)", agent.log)


def as_uid(uid):
    def change():
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
    return change


def ask_as(uid, path, request):
    """One request on a unix socket from a process of that uid; the answer."""
    code = ("import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(sys.argv[2].encode());"
            "print(s.recv(65536).decode())")
    return subprocess.run(["python3", "-c", code, path, request], capture_output=True, text=True,
                          preexec_fn=as_uid(uid)).stdout


GET_ENVS = "GET /envs HTTP/1.1\r\nHost: a\r\n\r\n"


# --- the default table -------------------------------------------------------------------------------------------------


def test_a_service_has_a_unix_socket():
    with Agent(listen=False) as a:
        addresses = [x for x, _ in listeners(a)]
        assert addresses[0] == "unix:/run/guestd.sock"
        assert all(x.startswith(("unix:", "vsock:")) for x in addresses)
        assert "vsock:49983" in addresses or "listen.skipped server.address=vsock:49983" in a.log
        assert os.stat("/run/guestd.sock").st_mode & 0o777 == 0o600
        a.path = "/run/guestd.sock"
        assert a.request("GET", "/health").status == 204
    assert not os.path.exists("/run/guestd.sock")


def test_a_users_service_has_it_in_the_runtime_dir(tmp_path):
    os.chmod(tmp_path, 0o777)
    for parent in tmp_path.parents:
        if str(parent).startswith("/tmp/"):
            os.chmod(parent, 0o755)
    with Agent("--run-dir", tmp_path / "run", listen=False, env={"XDG_RUNTIME_DIR": str(tmp_path)}, preexec=as_uid(1000)) as a:
        assert listeners(a)[0][0] == f"unix:{tmp_path}/guestd.sock"
        a.path = f"{tmp_path}/guestd.sock"
        assert a.shell("id -un").stdout == b"user\n"  # its own processes, and no others
        basic = {"Authorization": "Basic " + base64.b64encode(b"root:").decode()}
        with pytest.raises(RpcError) as e:
            a.shell("id", headers=basic)
        assert e.value.code == "permission_denied"


@pytest.mark.parametrize("how", ["name", "-port", "-isnotfc", "-verbose", "-no-cgroups", "-cgroup-root"])
def test_as_envd_it_listens_as_envd(how):
    args = {"-port": ["-port", "40123"], "-cgroup-root": ["-cgroup-root", "/nowhere"]}.get(how, [how] if how != "name" else [])
    argv0 = "/usr/bin/envd" if how == "name" else None
    port = 40123 if how == "-port" else 49983
    with Agent(*args, listen=False, argv0=argv0) as a:
        assert listeners(a)[0] == (f"tcp:[::]:{port}", "anybody")
        for host in ("127.0.0.1", "::1"):
            assert a.request("GET", "/health", to=(host, port)).status == 204
        assert a.run("id", "-un", to=("127.0.0.1", port)).stdout == b"root\n"
        assert a.request("GET", "/envs", to=("127.0.0.1", port)).json() == {
            "E2B_SANDBOX": "false" if how == "-isnotfc" else "true"}


def test_tcp_has_a_token_of_its_own():
    with Agent("--tcp") as a:
        assert a.address("tcp") == "127.0.0.1:49983"
        token = re.search(r"the token for tcp:127.0.0.1:49983 \(header X-Access-Token\) is (\S{40})\n", a.log).group(1)
        to = ("127.0.0.1", 49983)
        assert a.request("GET", "/health", to=to).status == 204
        assert a.request("GET", "/envs", to=to).status == 401
        assert a.request("GET", "/envs", {"X-Access-Token": token[:-1] + ("x" if token[-1] != "x" else "y")}, to=to).status == 401
        assert a.request("GET", "/envs", {"X-Access-Token": token}, to=to).status == 200
        assert a.request("GET", "/envs").status == 200  # the unix socket knows who we are
        first = token
    with Agent("--tcp") as a:
        assert first not in a.log  # another one each time


def test_open_tcp():
    with Agent("--tcp", "--open") as a:
        assert "the token for" not in a.log
        assert a.request("GET", "/envs", to=("127.0.0.1", 49983)).status == 200
        assert ("tcp:127.0.0.1:49983", "anybody") in listeners(a)


def test_an_explicit_tcp_listener_is_no_open_door():
    with Agent("--listen", "tcp:127.0.0.1:0") as a:
        host, port = a.address("tcp").rsplit(":", 1)
        assert a.request("GET", "/envs", to=(host, int(port))).status == 401
    with Agent("--listen", "tcp:127.0.0.1:0", "--open") as a:
        host, port = a.address("tcp").rsplit(":", 1)
        assert a.request("GET", "/envs", to=(host, int(port))).status == 200


def test_unix_peers_of_another_uid_need_the_token(tmp_path):
    (tmp_path / "token").write_text("sesame\n")
    for args in ([], ["--token-file", tmp_path / "token"]):
        with Agent(*args) as a:
            os.chmod(a.dir.name, 0o755)
            os.chmod(a.path, 0o666)
            assert " 401 " in ask_as(1000, a.path, GET_ENVS)
            assert " 204 " in ask_as(1000, a.path, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
            assert " 200 " in ask_as(0, a.path, GET_ENVS)
            shown = GET_ENVS.replace("\r\n\r\n", "\r\nX-Access-Token: sesame\r\n\r\n")
            assert (" 200 " if args else " 401 ") in ask_as(1000, a.path, shown)


def test_only_the_host_may_use_vsock():
    """Over the loopback transport, where the kernel has it: we are CID 1 there, not the host."""
    with Agent("--listen", "vsock:49990") as a:
        with socket.socket(AF_VSOCK) as s:
            s.settimeout(3)
            try:
                s.connect((1, 49990))
            except OSError:
                assert ("vsock:49990", '"the host"') in listeners(a)  # tests/vm goes on from here
                return
            assert s.recv(1) == b""
        wait_for(lambda: "connection.refused" in a.log)
    with Agent("--listen", "vsock:49990", "--vsock-allow", "1") as a, socket.socket(AF_VSOCK) as s:
        s.connect((1, 49990))
        s.sendall(b"GET /envs HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b" 200 " in s.recv(1000)
        s.sendall(b"POST /init HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        assert b" 403 " in s.recv(1000)


def test_vsock_allow_is_said():
    with Agent("--listen", "vsock:49990", "--vsock-allow", "7") as a:
        assert ("vsock:49990", '"the host; allowed CIDs"') in listeners(a)


def test_a_default_that_cannot_bind_is_left_out():
    with socket.socket(socket.AF_VSOCK) as s:
        with contextlib.suppress(OSError):  # somebody has it already, which will do
            s.bind((socket.VMADDR_CID_ANY, 49983))
            s.listen()
        with Agent(listen=False) as b:
            log = b.log
            found = [x for x, _ in listeners(b)]
        assert re.search(r"listen.skipped server.address=vsock:49983 .*address already in use", log)
        assert found == ["unix:/run/guestd.sock"]


def test_a_stale_socket_is_replaced_a_live_one_is_not(tmp_path):
    path = f"{tmp_path}/s"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
    with Agent("--listen", f"unix:{path}") as a:
        a.path = path
        assert a.request("GET", "/health").status == 204
        r = run("--listen", f"unix:{path}", "--run-dir", str(tmp_path / "r"))
        assert r.returncode == 2 and f"listen on unix:{path}: address already in use" in r.stderr
        assert a.request("GET", "/health").status == 204


# --- tokens --------------------------------------------------------------------------------------------------------------


def test_token_file(tmp_path):
    (tmp_path / "token").write_text("sesame\nmore\n")
    with Agent("--tcp", "--token-file", tmp_path / "token") as a:
        to = ("127.0.0.1", 49983)
        assert "the token for" not in a.log
        assert a.request("GET", "/envs", to=to).status == 401
        assert a.request("GET", "/envs", {"X-Access-Token": "sesame"}, to=to).status == 200


def test_require_token():
    with Agent("--tcp", "--require-token") as a:
        to = ("127.0.0.1", 49983)
        assert a.request("GET", "/health", to=to).status == 204
        r = a.request("GET", "/envs", to=to)
        assert r.status == 401
        with pytest.raises(RpcError) as e:
            a.call("process.Process/List", to=to)
        assert e.value.status == 401
        assert a.request("POST", "/init", {}, b'{"accessToken":"t"}', to=to).status == 204
        assert a.request("GET", "/envs", {"X-Access-Token": "t"}, to=to).status == 200


def test_init_is_no_way_around_a_listeners_token():
    """It would set a token, and with that everything were open to who may call nothing."""
    take_over = b'{"accessToken":"mine"}'
    to = ("127.0.0.1", 49983)
    with Agent("--tcp") as a:
        token = re.search(r"is (\S{40})\n", a.log).group(1)
        assert a.request("POST", "/init", {}, take_over, to=to).status == 401
        assert a.request("GET", "/envs", {"X-Access-Token": "mine"}, to=to).status == 401
        assert a.request("POST", "/init", {"X-Access-Token": token}, b'{"accessToken":"t"}', to=to).status == 204
        assert a.request("GET", "/envs", {"X-Access-Token": "t"}, to=to).status == 200
        os.chmod(a.dir.name, 0o755)
        os.chmod(a.path, 0o666)
        init = f"POST /init HTTP/1.1\r\nHost: a\r\nContent-Length: {len(take_over)}\r\n\r\n{take_over.decode()}"
        assert " 401 " in ask_as(1000, a.path, init)
    with Agent() as a:
        os.chmod(a.dir.name, 0o755)
        os.chmod(a.path, 0o666)
        assert " 401 " in ask_as(1000, a.path, init)
        assert " 204 " in ask_as(0, a.path, init)


def test_a_restarted_agent_stays_closed(tmp_path):
    run_dir = tmp_path / "run"
    to = ("127.0.0.1", 49983)
    with Agent("--tcp", "--open", "--run-dir", run_dir) as a:
        assert a.request("GET", "/envs", to=to).status == 200
        assert a.request("POST", "/init", {}, b'{"accessToken":"t"}', to=to).status == 204
        a.process.kill()
        a.process.wait()
        a.process.returncode = 0
    with Agent("--tcp", "--open", "--run-dir", run_dir) as a:
        assert a.request("GET", "/envs", to=to).status == 401
        assert a.request("GET", "/envs", {"X-Access-Token": "t"}, to=to).status == 401
        assert a.request("POST", "/init", {}, b'{"accessToken":"t"}', to=to).status == 204
        assert a.request("GET", "/envs", {"X-Access-Token": "t"}, to=to).status == 200
    for path in run_dir.iterdir():
        assert b"t" not in path.read_bytes()


# --- the other flags -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("args,says", [
    (["--nope"], "option '--nope' is unknown"),
    (["-x"], "option '-x' is unknown"),
    (["--nope=secret"], "option '--nope' is unknown"),
    (["operand"], "'operand' is not an option"),
    (["--listen"], "option '--listen' needs an argument"),
    (["--tcp=1"], "option '--tcp' takes no argument"),
    (["--listen", "http://x"], "address 'http://x'"),
    (["--listen", "tcp:example.org:1"], "address 'tcp:example.org:1'"),
    (["--listen", "tcp:192.0.2.1:1"], "listen on tcp:192.0.2.1:1: cannot assign requested address"),
    (["--listen", "unix:/no/such/dir/s"], "listen on unix:/no/such/dir/s: no such file or directory"),
    (["--listen", "unix:/" + "x" * 107], "longer than 107 bytes"),
    (["--vsock-allow", "x"], "option '--vsock-allow': 'x' is not a number"),
    (["--compat", "x"], "option '--compat': 'x' is neither e2b nor wrenn"),
    (["--log-level", "x"], "option '--log-level': 'x'"),
    (["--log-format", "x"], "option '--log-format': 'x'"),
    (["--ring", "1"], "option '--ring': '1'"),
    (["--ring-total", "1"], "option '--ring-total': '1'"),
    (["--max-connections", "0"], "option '--max-connections': '0'"),
    (["-port", "65536"], "option '--port': '65536'"),
    (["--token-file", "/no/such"], "token file '/no/such': no such file or directory"),
    (["--token-file", "/dev/null"], "token file '/dev/null' is empty"),
])
def test_usage_errors_are_one_line(args, says, tmp_path):
    r = run("--log-level=error", *args)
    assert r.returncode == 2 and r.stdout == ""
    lines = r.stderr.strip().split("\n")
    assert len(lines) == 1 and lines[0].startswith("guestd: ") and says in lines[0]
    assert "secret" not in r.stderr


def test_no_permission_is_named(tmp_path):
    r = subprocess.run([str(BINARY), "--listen", "tcp:127.0.0.1:80", "--run-dir", "/tmp/none", "--log-level", "off"], capture_output=True,
                       text=True, preexec_fn=lambda: (no_low_ports(), as_uid(1000)()))
    assert (r.returncode, r.stderr) == (2, "guestd: listen on tcp:127.0.0.1:80: permission denied\n")


def no_low_ports():
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", "w") as f:
        f.write("1024")


def test_help_fits_a_screen_and_names_every_flag():
    r = run("--help")
    assert r.returncode == 0 and r.stderr == ""
    lines = r.stdout.splitlines()
    assert len(lines) <= 40 and max(map(len, lines)) <= 120
    for flag in re.findall(r'^    \{[A-Z_]+, "([a-z0-9-]+)"', (ROOT / "agent/flags.c").read_text(), re.M):
        assert re.search(rf"(^|\s)--?{flag}\b", r.stdout), flag


def noted_build_id(program):
    notes = subprocess.run(["readelf", "-n", program], stdout=subprocess.PIPE, check=True, text=True).stdout
    return re.search(r"Build ID: ([0-9a-f]+)", notes).group(1)


def test_versions():
    own = (ROOT / "VERSION").read_text().strip()
    said = dict(line.split(" ", 1) for line in run("--version").stdout.splitlines())
    assert list(said) == ["guestd", "commit", "build", "features"] and said["guestd"] == own
    assert said["commit"] == (run("-commit").stdout.strip() or "unknown")
    assert said["build"] == noted_build_id(BINARY)
    told = run("-version").stdout
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", told)
    assert run("-version", "--compat", "wrenn").stdout == "0.2.0\n"
    assert re.fullmatch(r"[0-9a-f]*\n", run("-commit").stdout)
    with Agent() as a:
        info = a.call("guest.v1.Agent/GetInfo")
        assert info["version"] == own and info["features"] == said["features"].split() and info["toldVersion"] + "\n" == told
        assert a.request("POST", "/init").headers["x-envd-version"] + "\n" == told


def test_the_told_version_is_never_above_what_is_answered():
    """What a version brought must be there; the table in the source is read, and every row of it asked for."""
    rows = re.findall(r'\{"([\d.]+)", "(\w+)", "([^"]+)"\}', (ROOT / "agent/system/version.c").read_text())
    told = tuple(map(int, run("-version").stdout.strip().split(".")))
    assert len(rows) > 20
    with Agent() as a:
        for since, method, path in rows:
            answered = a.request(method, path, {"Content-Type": "text/none"}).status != 404
            if tuple(map(int, since.split("."))) <= told:
                assert answered, path


def code_kib(agent):
    """What of the program's file is in memory: mappings that nobody can write to."""
    file = re.escape(os.readlink(f"/proc/{agent.pid}/exe"))
    rows = Path(f"/proc/{agent.pid}/smaps").read_text().split("VmFlags:")
    return sum(int(re.search(r"^Rss: +(\d+)", row, re.M)[1]) for row in rows
               if re.search(rf"^[0-9a-f]+-[0-9a-f]+ r-.p .* {file}$", row, re.M))


def test_what_only_the_start_needs_is_given_back():
    with Agent() as a:
        a.call("process.Process/List", {})
        before = code_kib(a)
        assert before > 200
        wait_for(lambda: code_kib(a) < before * 0.75, what="the pages of code that are not used are given back")
        assert a.shell("echo there").stdout == b"there\n"


def test_limits_are_printed():
    r = run("--limits")
    names = re.findall(r"X\((\w+),", (ROOT / "agent/core/limits.h").read_text())[1:-1]
    assert [line.split()[0] for line in r.stdout.splitlines()] == names
    assert all(len(line.split(None, 3)[3]) > 20 for line in r.stdout.splitlines())  # each with its reason


def test_default_user():
    with Agent("--default-user", "user") as a:
        assert a.shell("id -un; pwd").stdout == b"user\n/home/user\n"
    with Agent("-u", "nobody-here") as a, pytest.raises(RpcError) as e:
        a.shell("id")
    assert (e.value.code, e.value.message) == ("unauthenticated", "invalid default user: 'nobody-here'")


def test_cgroup_flags(tmp_path):
    def cgroup(a):
        return a.run("sed", "-n", "s/^0:://p", "/proc/self/cgroup").stdout.decode()

    with Agent() as a:
        own = cgroup(a)
        assert re.search(r"/user/[0-9a-f]{16}\n$", own), own
        assert a.call("guest.v1.Agent/GetInfo")["cgroupRoot"]
        assert re.search(r"/agent$", cgroup_of(a.pid))
        with a.start("sleep", "100", pty={"size": {"cols": 1, "rows": 1}}) as s:
            assert re.search(r"/ptys/[0-9a-f]{16}$", cgroup_of(s.started()))
        with a.start("sleep", "100", tag="_system") as s:
            assert cgroup_of(s.started()) == cgroup_of(a.pid)
        root = a.call("guest.v1.Agent/GetInfo")["cgroupRoot"]
    with Agent("--no-cgroups") as a:
        assert "/user/" not in cgroup(a)
        assert "cgroupRoot" not in a.call("guest.v1.Agent/GetInfo")
    os.makedirs(f"{root}/elsewhere", exist_ok=True)
    with Agent("--cgroup-root", f"{root}/elsewhere") as a:
        assert "/elsewhere/user/" in cgroup(a)
    assert os.listdir(f"{root}/elsewhere") and not os.path.exists(f"{root}/elsewhere/user")  # it tidies up
    os.rmdir(f"{root}/elsewhere")


def test_an_agent_that_ends_leaves_others_their_cgroups():
    with Agent() as a:
        a.run("true")
        with Agent("--cgroup-root", a.call("guest.v1.Agent/GetInfo")["cgroupRoot"]) as b:
            b.run("true")
        assert re.search(r"/user/", a.run("cat", "/proc/self/cgroup").stdout.decode())


def cgroup_of(pid):
    with open(f"/proc/{pid}/cgroup") as f:
        return [line for line in f.read().splitlines() if line.startswith("0::")][0]


def test_ring_sizes():
    """A process with nobody watching keeps its newest --ring bytes; a late subscriber starts at the head all the same."""
    with Agent("--ring", "65536", "--ring-total", "1048576") as a:
        before = rss(a.pid)
        for _ in range(30):
            a.start("/bin/sh", "-c", "head -c 1000000 /dev/zero; sleep 100").close()
        time.sleep(1)
        assert rss(a.pid) - before < (3 if PRESET == "release" else 6) << 20  # a sanitizer holds freed memory back
    with Agent() as a:
        before = rss(a.pid)
        for _ in range(30):
            a.start("/bin/sh", "-c", "head -c 1000000 /dev/zero; sleep 100").close()
        wait_for(lambda: rss(a.pid) - before > 8 << 20, what="rings of 1 MiB each are kept")


def test_max_connections():
    with Agent("--max-connections", "4") as a:
        streams = [a.start("sleep", "1000") for _ in range(2)]
        for s in streams:
            s.started()
        with pytest.raises(RpcError) as e:  # the last two are for control calls
            a.call("process.Process/List")
        assert e.value.status == 503
        assert a.request("GET", "/health").status == 204


def test_keep_processes(tmp_path):
    for args, lives in ([], False), (["--keep-processes"], True):
        a = Agent(*args)
        s = a.start("sleep", "1000")
        pid = s.started()
        a.close()
        assert os.path.exists(f"/proc/{pid}") == lives
        if lives:
            os.kill(pid, signal.SIGKILL)


def test_log_flags():
    import json
    with Agent("--log-format", "json") as a:
        a.run("true")
        events = [json.loads(line) for line in a.log.splitlines()]
        names = [e["event.name"] for e in events]
        assert names[0] == "listen" and "process.start" in names and "process.end" in names
        assert all(e["severity"] == "INFO" and e["timestamp"].endswith("Z") for e in events)
    with Agent("--log-level", "error", wait=False) as a:
        wait_for(lambda: os.path.exists(a.path))
        time.sleep(0.1)
        a.run("true")
        assert a.log == ""


def test_compat_wrenn():
    with Agent("--compat", "wrenn", "-port", "0", "--listen", "tcp:127.0.0.1:0", "--open") as a:
        r = a.request("GET", "/health")
        assert r.status == 200 and r.json() == {"version": "0.2.0"}
        assert a.request("GET", "/envs").json() == {"WRENN_SANDBOX": "true"}
        assert a.call("guest.v1.Agent/GetInfo")["compat"] == "wrenn"
