"""What hosts of E2B and Wrenn expect of the agent that guestd stands in for: the metadata service, the run directory, the log's
way to the collector, and what else /init sets going."""
import concurrent.futures
import contextlib
import json
import os
import socket
import subprocess
import time
from pathlib import Path

import pytest
from agent import Agent, wait_for
from mmds import Collector, Mmds, route, token_hash

HOSTS = Path("/etc/hosts")
PEM = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"


@pytest.fixture(autouse=True)
def clean():
    subprocess.run(["rm", "-rf", "/run/e2b", "/run/wrenn", "/run/guestd"], check=True)
    hosts = HOSTS.read_text()
    yield
    HOSTS.write_text(hosts)


@pytest.fixture
def lead():
    with route():
        yield


def envd(*args):
    """As a host starts envd, on a unix socket."""
    return Agent("-port", "0", "--listen", "tcp:127.0.0.1:0", "--open", *args)


class Host:
    def __init__(self, *args):
        self.agent = envd(*args)
        self.to = ("127.0.0.1", int(self.agent.address("tcp").rsplit(":", 1)[1]))

    def init(self, **body):
        return self.agent.request("POST", "/init", {}, json.dumps(body).encode(), to=self.to)

    def envs(self, token=None):
        return self.agent.request("GET", "/envs", {"X-Access-Token": token} if token else {}, to=self.to).json()

    def __enter__(self):
        self.agent.__enter__()
        return self

    def __exit__(self, *error):
        self.agent.__exit__(*error)


def threads(agent):
    return len(os.listdir(f"/proc/{agent.pid}/task"))


def idle_calls(agent, seconds):
    """System calls of the agent while nobody wants anything."""
    wait_for(lambda: threads(agent) == 1, 20)  # workers end after some seconds
    trace = subprocess.run(["timeout", str(seconds), "strace", "-f", "-qq", "-p", str(agent.pid)], capture_output=True, text=True)
    return [line for line in trace.stderr.splitlines()
            if "(" in line and "epoll_pwait" not in line and "epoll_wait" not in line and "detached" not in line
            and "restart_syscall" not in line]


def in_order(lines):
    times = [line["timestamp"].rstrip("Z") for line in lines]
    return times == sorted(times)


# --- identity -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compat,run,prefix", [("e2b", "/run/e2b", "E2B"), ("wrenn", "/run/wrenn", "WRENN")])
def test_the_guest_learns_who_it_is(lead, compat, run, prefix):
    with Mmds(instanceID="i-1", envID="t-1") as mmds, Host("--compat", compat) as host:
        wait_for(lambda: f"{prefix}_SANDBOX_ID" in host.envs())
        assert host.envs() == {f"{prefix}_SANDBOX": "true", f"{prefix}_SANDBOX_ID": "i-1", f"{prefix}_TEMPLATE_ID": "t-1"}
        wait_for(lambda: os.path.exists(f"{run}/.{prefix}_TEMPLATE_ID"))
        files = {name: (oct(os.stat(f"{run}/{name}").st_mode & 0o7777), Path(f"{run}/{name}").read_text())
                 for name in os.listdir(run)}
        assert files == {f".{prefix}_SANDBOX": ("0o444", "true"), f".{prefix}_SANDBOX_ID": ("0o644", "i-1"),
                         f".{prefix}_TEMPLATE_ID": ("0o644", "t-1")}
        assert os.stat(run).st_mode & 0o7777 == 0o755
        # what /init sets does not hide them, what a process is started with does
        assert host.init(envVars={"A": "b"}).status == 204
        assert host.envs()[f"{prefix}_SANDBOX_ID"] == "i-1"
        assert mmds.asks() >= 1 and [r[0] for r in mmds.requests[:2]] == ["PUT", "GET"]
        assert mmds.requests[1][2]["X-metadata-token"] == "token-1"
        assert mmds.requests[1][1] == "/" and mmds.requests[1][2]["Accept"] == "application/json"


def test_a_restored_guest_learns_its_new_name(lead):
    with Mmds(instanceID="i-1", envID="t") as mmds, Host() as host:
        wait_for(lambda: host.envs().get("E2B_SANDBOX_ID") == "i-1")
        mmds.data["instanceID"] = "i-2"
        assert host.init().status == 204
        wait_for(lambda: host.envs().get("E2B_SANDBOX_ID") == "i-2")
        wait_for(lambda: Path("/run/e2b/.E2B_SANDBOX_ID").read_text() == "i-2")


def test_a_late_service_is_found(lead):
    with Host() as host:
        time.sleep(0.3)
        assert host.envs() == {"E2B_SANDBOX": "true"}
        with Mmds() as mmds:  # it is there, and the host has not filled it in
            wait_for(lambda: mmds.asks() >= 1)
            mmds.data["instanceID"] = "i"
            wait_for(lambda: host.envs().get("E2B_SANDBOX_ID") == "i")
            asks = mmds.asks()
            time.sleep(0.5)
            assert mmds.asks() == asks  # and that was the end of it


def test_no_look_where_there_is_none(lead):
    with Mmds(instanceID="i") as mmds, Host("-isnotfc") as host:
        assert host.init(accessToken="t").status == 204
        assert host.init(accessToken="t").status == 204
        time.sleep(0.3)
        assert host.envs("t") == {"E2B_SANDBOX": "false"}
        assert Path("/run/e2b/.E2B_SANDBOX").read_text() == "false"
        assert mmds.requests == [] and mmds.connections == 0


def test_an_agent_of_nobody_looks_for_nothing(lead):
    with Mmds(instanceID="i") as mmds, Agent() as a:
        assert a.request("POST", "/init", {}, b"{}").status == 204
        assert a.request("GET", "/envs").json() == {}
        time.sleep(0.2)
        assert mmds.connections == 0 and not os.path.exists("/run/e2b")


def test_no_route_no_look():
    with Host() as host:
        wait_for(lambda: "metadata.none" in host.agent.log)
        assert "network is unreachable" in host.agent.log
        assert host.init().status == 204
        wait_for(lambda: host.agent.log.count("metadata.none") == 2)


def test_a_hundred_inits_one_look(lead):
    with Mmds(instanceID="i") as mmds, Host() as host:
        wait_for(lambda: host.envs().get("E2B_SANDBOX_ID"))
        before, connections, fds = mmds.asks(), mmds.connections, host.agent.fds()
        mmds.delay = 0.3
        with concurrent.futures.ThreadPoolExecutor(100) as pool:
            assert {r.status for r in pool.map(lambda _: host.init(), range(100))} == {204}
        wait_for(lambda: host.agent.fds() == fds)
        assert mmds.asks() - before <= 4 and mmds.connections - connections <= 4


# --- hostile --------------------------------------------------------------------------------------------------------


def huge(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", str(1 << 30))
    handler.end_headers()
    with contextlib.suppress(OSError):
        while True:
            handler.wfile.write(b"x" * 65536)


def endless_head(handler):
    with contextlib.suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            handler.wfile.write(b"A: " + b"x" * 1000 + b"\r\n")


def junk(handler):
    handler.wfile.write(b"\x00\xff junk\r\n\r\n" * 10)
    handler.close_connection = True


def silent(handler):
    time.sleep(3)


def redirect(handler):
    handler.reply(302, b"moved", Location="http://127.0.0.1/")


def bad_token(handler):
    handler.reply(200, b"to\r\nken: x")


def bad_data(data):
    def serve(handler):
        handler.reply(200, b"t" if handler.command == "PUT" else data)
    return serve


@pytest.mark.parametrize("hostile", [
    huge, endless_head, junk, silent, redirect, bad_token, bad_data(b"{"), bad_data(b"[]"), bad_data(b'{"instanceID":7}'),
    bad_data(b'{"instanceID":"a\\nb"}'), bad_data(b'{"instanceID":"' + b"x" * 300 + b'"}'), bad_data(b"[" * 5000)])
def test_a_hostile_service(lead, hostile):
    with Mmds(instanceID="i") as mmds:
        mmds.hostile = hostile
        with Host() as host:
            wait_for(lambda: mmds.asks() >= 1)
            assert host.agent.request("GET", "/health", to=host.to).status == 204
            assert host.init().status == 204  # nobody says which token counts, and none is set
            assert "E2B_SANDBOX_ID" not in host.envs()
            mmds.hostile = None
            wait_for(lambda: host.envs().get("E2B_SANDBOX_ID") == "i", 10)


# --- the token ------------------------------------------------------------------------------------------------------


def test_the_host_says_which_token_counts(lead):
    with Mmds(instanceID="i", accessTokenHash=token_hash("one")) as mmds, Host() as host:
        for body in ({"accessToken": "two"}, {}):
            r = host.init(**body)
            assert r.status == 401 and r.headers["x-envd-version"]
        assert host.init(accessToken="one").status == 204
        mmds.data.update(instanceID="j", accessTokenHash=token_hash("three"))
        assert host.init(accessToken="one").status == 204  # the one that is set needs nobody's word
        wait_for(lambda: host.envs("one").get("E2B_SANDBOX_ID") == "j")
        assert host.init(accessToken="two").text == "access token validation failed"
        assert host.init(accessToken="three").status == 204
        assert host.init(accessToken="three").status == 204
        mmds.data["accessTokenHash"] = token_hash("")
        assert host.init(accessToken="four").status == 401
        assert host.init().status == 204  # cleared, as the host allows
        mmds.data["accessTokenHash"] = ""
        assert host.init(accessToken="any").status == 204
        assert host.init().text == "access token reset not authorized"


def test_a_silent_service_does_not_open_the_door(lead):
    """What it said last counts on."""
    with Mmds(instanceID="i", accessTokenHash=token_hash("one")) as mmds, Host() as host:
        wait_for(lambda: host.envs().get("E2B_SANDBOX_ID"))
        mmds.hostile = silent
        assert host.init(accessToken="two").status == 401
        assert host.init(accessToken="one").status == 204


def test_abandoned_attempts_do_not_pile_up(lead):
    """A host gives each attempt 50 ms."""
    with Mmds(instanceID="i", accessTokenHash=token_hash("t")) as mmds, Host() as host:
        wait_for(lambda: host.envs().get("E2B_SANDBOX_ID"))
        fds, asks = host.agent.fds(), mmds.asks()
        mmds.delay = 0.4
        body = b'{"accessToken":"t"}'
        for _ in range(40):
            with socket.create_connection(host.to) as s:
                s.sendall(b"POST /init HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
                s.settimeout(0.05)
                with contextlib.suppress(TimeoutError):
                    assert b" 204 " in s.recv(4096)
        mmds.delay = 0
        assert host.init(accessToken="t").status == 204
        wait_for(lambda: host.agent.fds() == fds)
        assert mmds.asks() - asks <= 8


# --- the log --------------------------------------------------------------------------------------------------------


def test_the_log_goes_to_the_host(lead):
    with Collector() as collector, Mmds(instanceID="i", envID="t", address=collector.url), Host() as host:
        wait_for(lambda: any(line["message"] == "identity.found" for line in collector.lines))
        for n in range(3):
            assert host.agent.shell(f"echo secret-$0; exit {n}", envs={"S": "secret"}, to=host.to).code == n
        assert host.agent.shell("kill -9 $$", to=host.to).code == -1
        wait_for(lambda: sum(line.get("event_type") == "process_end" for line in collector.lines) == 4)
        lines = collector.lines
        assert all((line["instanceID"], line["envID"]) == ("i", "t") for line in lines)
        assert all(line["level"] == "info" and line["timestamp"].endswith("Z") for line in lines)
        assert lines[0]["message"] == "listen"  # what was logged before the host was known is there
        ends = [line for line in lines if line.get("event_type") == "process_end"]
        assert [e["process_result"] for e in ends] == [
            {"exited": True, "status": "exit status 0"}, {"exit_code": 1, "exited": True, "status": "exit status 1"},
            {"exit_code": 2, "exited": True, "status": "exit status 2"}, {"exit_code": -1, "status": "signal: killed"}]
        starts = [line for line in lines if line.get("event_type") == "process_start"]
        assert [s["pid"] for s in starts] == [e["pid"] for e in ends]
        assert in_order(lines)
        assert starts[0]["message"] == f"Process with pid {starts[0]['pid']} started"
        assert {(method, path, headers["Content-Type"]) for method, path, headers, _ in collector.requests} == {
            ("POST", "/logs", "application/json")}
        assert b"secret" not in b"".join(body for *_, body in collector.requests)
        assert collector.connections == 1


def test_a_collector_that_comes_back(lead):
    with Collector() as first:
        port = first.port
    with Mmds(instanceID="i", address=f"http://127.0.0.1:{port}/logs"), Host() as host:
        wait_for(lambda: "logs.away" in host.agent.log)
        for n in range(20):
            host.agent.shell("exit 0", to=host.to)
        with Collector(port) as collector:
            wait_for(lambda: sum(line.get("event_type") == "process_end" for line in collector.lines) == 20, 20)
            collector.status = 503
            host.agent.shell("exit 3", to=host.to)
            wait_for(lambda: host.agent.log.count("logs.away") == 2)
            assert "answered with status 503" in host.agent.log
            collector.status = 200
            wait_for(lambda: "logs.back" in [line["message"] for line in collector.lines], 20)
            taken = [line for line in collector.lines if line.get("event_type")]
            pids = [line["pid"] for line in taken if line["event_type"] == "process_start"]
            assert len(set(pids)) == 21


def test_a_full_queue_drops_the_oldest_and_says_so(lead):
    """Lines wait while the host is not known; more than fit."""
    with Collector() as collector, Mmds() as mmds, Host() as host:
        for _ in range(1500):
            host.agent.request("POST", "/init", {}, b'{"hyperloopIP":"none"}', to=host.to)
        mmds.data.update(instanceID="i", address=collector.url)
        assert host.init().status == 204
        wait_for(lambda: any(line["message"] == "identity.found" for line in collector.lines), 20)
        lines = collector.lines
        assert lines[0]["message"] == "log.dropped" and lines[0]["level"] == "warn"
        assert lines[0]["log.records"] > 200
        assert sum(len(body) for *_, body in collector.requests) < 600000
        assert in_order([line for line in lines if line["message"] != "log.dropped"])


def test_idle_is_idle(lead):
    with Collector() as collector, Mmds(instanceID="i", address=collector.url), Host() as host:
        wait_for(lambda: any(line["message"] == "identity.found" for line in collector.lines))
        assert host.init().status == 204
        host.agent.shell("exit 0", to=host.to)
        wait_for(lambda: any(line.get("event_type") == "process_end" for line in collector.lines))
        time.sleep(1)
        assert idle_calls(host.agent, 5) == []


# --- what /init sets going ------------------------------------------------------------------------------------------


def test_the_events_have_an_address():
    with Host("-isnotfc") as host:
        HOSTS.write_text("127.0.0.1 localhost # us\n10.9.9.9 events.e2b.local other\n")
        assert host.init(hyperloopIP="10.0.0.1").status == 204
        assert host.envs()["E2B_EVENTS_ADDRESS"] == "http://10.0.0.1"
        wait_for(lambda: "10.0.0.1" in HOSTS.read_text())
        assert HOSTS.read_text() == "127.0.0.1 localhost # us\n10.9.9.9\tother\n10.0.0.1\tevents.e2b.local\n"
        for n in range(2, 30):
            assert host.init(hyperloopIP=f"10.0.0.{n}").status == 204
        wait_for(lambda: HOSTS.read_text().endswith("10.0.0.29\tevents.e2b.local\n"))
        assert HOSTS.read_text().count("events.e2b.local") == 1
        assert host.init(hyperloopIP="example.com").status == 204
        assert host.envs()["E2B_EVENTS_ADDRESS"] == "http://10.0.0.29"
        assert host.init(hyperloopIP="fd00::1").status == 204
        assert host.envs()["E2B_EVENTS_ADDRESS"] == "http://[fd00::1]"


@pytest.fixture
def store():
    """A store of certificates of the test's own."""
    for path in ("/etc/ssl/certs", "/usr/local/share"):
        subprocess.run(["mount", "-t", "tmpfs", "none", path], check=True)
    bundle = Path("/etc/ssl/certs/ca-certificates.crt")
    bundle.write_text(PEM.format("system"))
    try:
        yield bundle, Path("/usr/local/share/ca-certificates/e2b-ca.crt")
    finally:
        for path in ("/etc/ssl/certs", "/usr/local/share"):
            subprocess.run(["umount", "-l", path], check=True)


def test_certificates_of_the_host(store):
    bundle, copy = store
    with Host("-isnotfc") as host:
        one, two = PEM.format("one"), PEM.format("two")
        assert host.init(caBundle=one).status == 204
        assert bundle.read_text() == PEM.format("system") + one and copy.read_text() == one
        assert oct(bundle.stat().st_mode & 0o7777) == oct(copy.stat().st_mode & 0o7777) == "0o644"
        inode = bundle.stat().st_ino
        for _ in range(3):
            assert host.init(caBundle=one.rstrip("\n")).status == 204
        assert bundle.stat().st_ino == inode  # it is there already
        assert host.init(caBundle=two).status == 204
        assert bundle.read_text() == PEM.format("system") + two and copy.read_text() == two
        assert sorted(os.listdir(bundle.parent)) == ["ca-certificates.crt"]
        r = host.init(caBundle="no certificate", envVars={"A": "b"})
        assert (r.status, r.text) == (400, "caBundle holds no certificate in PEM")
        assert bundle.read_text() == PEM.format("system") + two
    with Host("-isnotfc") as host:  # a restarted agent knows what it had installed
        assert host.init(caBundle=one).status == 204
        assert bundle.read_text() == PEM.format("system") + one


def test_certificates_where_they_cannot_be(store):
    bundle, _ = store
    subprocess.run(["mount", "-o", "remount,ro", "/etc/ssl/certs"], check=True)
    with Host("-isnotfc") as host:
        r = host.init(caBundle=PEM.format("one"))
        assert r.status == 400 and "read-only file system" in r.text


def test_volumes():
    """There is no server here: what can be seen is that the mount is tried, where and how its failure is told."""
    with Host("-isnotfc") as host:
        volume = {"nfs_target": "127.0.0.1:/x", "path": "/run/volume/a"}
        r = host.init(volumeMounts=[volume], lifecycleID="l")
        assert r.status == 400 and r.text.startswith("mount 127.0.0.1:/x at /run/volume/a: "), r.text
        assert os.path.isdir("/run/volume/a") and "volume.failed" in host.agent.log
        for bad in ({"nfs_target": "127.0.0.1", "path": "/v"}, {"nfs_target": "127.0.0.1:/x", "path": "v"},
                    {"nfs_target": "server:/x", "path": "/v"}, {"path": "/v"}, {}, 7):
            assert host.init(volumeMounts=[bad]).status == 400
        assert host.init(volumeMounts=[volume] * 65).status == 400
        assert host.init(volumeMounts=[]).status == 204
        os.rmdir("/run/volume/a")
