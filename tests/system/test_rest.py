"""REST of the contract: /health, /init, /envs, /metrics, tokens, users, CORS; and GetInfo."""
import base64
import datetime
import json
import os
import time

import pytest
from agent import Agent, RpcError


def basic(user):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:".encode()).decode()}


def init(agent, **body):
    return agent.request("POST", "/init", {"Content-Type": "application/json"}, json.dumps(body).encode())


def test_health(shared):
    r = shared.request("GET", "/health")
    assert (r.status, r.body) == (204, b"")
    assert r.headers["cache-control"] == "no-store" and r.headers["content-type"] == ""
    assert shared.request("HEAD", "/health").status == 204
    assert shared.request("POST", "/health").status == 405
    assert shared.request("GET", "/health/").status == 404


def test_init_sets_what_processes_get(agent):
    r = init(agent, envVars={"A": "1", "B": "ü"}, defaultUser="user", defaultWorkdir="/tmp", unknown=[{}])
    assert (r.status, r.body, r.headers["cache-control"]) == (204, b"", "no-store")
    assert agent.shell("echo $A $B; id -un; pwd").stdout.decode() == "1 ü\nuser\n/tmp\n"
    assert agent.request("GET", "/envs").json() == {"A": "1", "B": "ü"}
    assert init(agent, envVars={"C": "3"}).status == 204  # replaces
    assert agent.request("GET", "/envs").json() == {"C": "3"}
    assert init(agent).status == 204  # leaves
    assert agent.request("GET", "/envs").json() == {"C": "3"}
    assert init(agent, defaultUser="").status == 204
    assert agent.shell("id -un").stdout == b"user\n"
    assert agent.request("POST", "/init").status == 204  # an empty body asks for nothing
    assert agent.shell("echo $C", envs={"C": "4"}).stdout == b"4\n"


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"accessToken":""}', b'{"accessToken":"a\\\\b"}', b'{"envVars":{"A":1}}',
                                  b'{"envVars":[]}', b'{"defaultUser":1}', b'{"timestamp":"yesterday"}', b'\xff', b'{"a":' * 200])
def test_a_bad_init_changes_nothing(shared, body):
    r = shared.request("POST", "/init", {}, body)
    assert (r.status, r.body) == (400, b"")
    assert "x-envd-version" in r.headers
    assert shared.request("GET", "/envs").json() == {}


def test_a_large_init_is_refused(shared):
    assert shared.request("POST", "/init", {}, b" " * (1 << 20)).status == 400
    r = shared.request("POST", "/init", {}, b" " * (1 << 20) + b"x" * 10)
    assert r.status == 413 and r.json()["code"] == 413


def test_older_timestamps_are_ignored(agent):
    def at(seconds):
        t = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
        return t.isoformat().replace("+00:00", "Z")

    now = at(0)
    assert init(agent, timestamp=now, envVars={"V": "1"}).status == 204
    assert init(agent, timestamp=at(-1), envVars={"V": "2"}).status == 204  # answered, not applied
    assert agent.request("GET", "/envs").json() == {"V": "1"}
    assert init(agent, timestamp=now, envVars={"V": "3"}).status == 204  # equal is allowed
    assert agent.request("GET", "/envs").json() == {"V": "3"}
    assert abs(time.time() - datetime.datetime.fromisoformat(now.replace("Z", "+00:00")).timestamp()) < 60


def test_tokens(agent):
    unauthorized = {"code": 401,
                    "message": "unauthorized access, please provide a valid access token or method signing if supported"}
    with Agent("--tcp", "--open") as a:
        to = ("127.0.0.1", 49983)
        assert a.request("POST", "/init", {}, b'{"accessToken":"t0"}', to=to).status == 204
        for path in ("/envs", "/metrics", "/nowhere", "/process.Process/List"):
            r = a.request("GET", path, to=to)
            assert (r.status, r.json()) == (401, unauthorized), path
            assert r.headers["content-type"] == "application/json; charset=utf-8"
            assert r.headers["x-content-type-options"] == "nosniff" and r.body.endswith(b"}\n")
        for name in ("X-Access-Token", "x-access-token"):
            assert a.request("GET", "/envs", {name: "t0"}, to=to).status == 200
        assert a.request("GET", "/health", to=to).status == 204
        assert a.request("HEAD", "/health", to=to).status == 401  # exempt is GET /health, to the letter
        # another one needs the current one
        for body, text in ((b'{"accessToken":"t1"}', "access token validation failed"),
                           (b"{}", "access token reset not authorized"), (b"", "access token reset not authorized")):
            r = a.request("POST", "/init", {}, body, to=to)
            assert (r.status, r.text) == (401, text)
        assert a.request("POST", "/init", {}, b'{"accessToken":"t0","envVars":{"A":"b"}}', to=to).status == 204
        assert a.request("GET", "/envs", {"X-Access-Token": "t0"}, to=to).json() == {"A": "b"}


def test_users(shared):
    """A Basic user must exist, on every path; the password is nobody's business."""
    for path in ("/health", "/envs", "/nowhere"):
        r = shared.request("GET", path, basic("nobody-here"))
        assert (r.status, r.json()) == (401, {"code": "unauthenticated", "message": "invalid username: 'nobody-here'"})
        assert shared.request("GET", path, basic("user")).status == shared.request("GET", path).status
    assert shared.request("GET", "/health", {"Authorization": "Bearer x"}).status == 204
    assert shared.request("GET", "/health", {"Authorization": "Basic !!!"}).status == 204
    with pytest.raises(RpcError) as e:
        shared.call("process.Process/List", **basic("nobody-here"))
    assert (e.value.code, e.value.status) == ("unauthenticated", 401)
    assert shared.call("process.Process/List", **basic("user")) == {}


def test_envs_escapes(agent):
    assert init(agent, envVars={'q"\\\n': "\u0001\u20ac"}).status == 204
    r = agent.request("GET", "/envs")
    assert r.json() == {'q"\\\n': "\u0001\u20ac"}
    assert r.headers["content-type"] == "application/json" and r.headers["cache-control"] == "no-store"


def test_metrics(shared):
    with open("/proc/meminfo") as f:
        total = int(f.readline().split()[1]) * 1024
    first = shared.request("GET", "/metrics")
    assert first.headers["content-type"] == "application/json" and first.headers["cache-control"] == "no-store"
    m = first.json()
    assert list(m) == ["ts", "cpu_count", "cpu_used_pct", "mem_total_mib", "mem_used_mib", "mem_total", "mem_used",
                       "mem_cache", "disk_used", "disk_total", "worker_threads", "worker_queued", "worker_stuck"]
    assert m["worker_threads"] >= 1 and m["worker_queued"] == m["worker_stuck"] == 0
    assert m["cpu_count"] == os.cpu_count() and abs(m["ts"] - time.time()) < 5
    assert m["mem_total"] == total and m["mem_total_mib"] == total >> 20 and 0 < m["mem_used"] < total
    st = os.statvfs("/")
    assert m["disk_total"] == st.f_blocks * st.f_frsize and 0 < m["disk_used"] <= m["disk_total"]
    end = time.monotonic() + 0.5
    while time.monotonic() < end:  # one processor is busy for the whole interval
        pass
    busy = shared.request("GET", "/metrics").json()["cpu_used_pct"]
    assert 80 / os.cpu_count() <= busy <= 100


def test_cors(shared):
    preflight = {"Origin": "http://o", "Access-Control-Request-Method": "POST",
                 "Access-Control-Request-Headers": "x-access-token, connect-protocol-version"}
    r = shared.request("OPTIONS", "/process.Process/Start", preflight)
    assert r.status == 204 and r.headers["access-control-allow-origin"] == "*"
    assert r.headers["access-control-allow-headers"] == preflight["Access-Control-Request-Headers"]
    assert r.headers["access-control-max-age"] == "7200"
    with Agent("--tcp", "--require-token") as a:  # before the token is asked for
        assert a.request("OPTIONS", "/envs", preflight, to=("127.0.0.1", 49983)).status == 204
        r = a.request("GET", "/envs", {"Origin": "http://o"}, to=("127.0.0.1", 49983))
        assert r.status == 401 and r.headers["access-control-allow-origin"] == "*"


def test_get_info(shared, codec):
    info = shared.call("guest.v1.Agent/GetInfo", codec=codec)
    assert info["pid"] == shared.pid and info["compat"] == "e2b"
    assert info["listeners"] == [f"unix:{shared.path}"]
    assert info["kernel"]["release"] == os.uname().release
    assert info["kernel"]["bootId"] == open("/proc/sys/kernel/random/boot_id").read().strip()
    limits = {limit["name"]: (int(limit["value"]), limit["unit"]) for limit in info["limits"]}
    assert limits["MESSAGE_MAX"] == (16 << 20, "bytes")
    started = datetime.datetime.fromisoformat(info["startedAt"][:26].rstrip("Z") + "+00:00")
    assert abs(started.timestamp() - time.time()) < 300


def test_curl_agrees(shared, tmp_path):
    """What a person would type."""
    import subprocess
    def curl(*args):
        return subprocess.run(["curl", "-s", "--unix-socket", shared.path, *args], capture_output=True, text=True).stdout

    assert curl("-o", "/dev/null", "-w", "%{http_code}", "http://x/health") == "204"
    assert json.loads(curl("-d", "{}", "-H", "Content-Type: application/json", "http://x/process.Process/List")) == {}
    big = "x" * 2000000
    with open(tmp_path / "big.json", "w") as f:
        json.dump({"process": {"tag": big}, "signal": 9}, f)
    out = curl("-H", "Expect: 100-continue", "-H", "Content-Type: application/json", "-d", f"@{tmp_path}/big.json", "-H", "Transfer-Encoding: chunked",
               "http://x/process.Process/SendSignal")
    assert json.loads(out)["code"] == "not_found"
    gz = subprocess.run("printf '{}' | gzip", shell=True, capture_output=True).stdout
    r = shared.request("POST", "/process.Process/List", {"Content-Type": "application/json", "Content-Encoding": "gzip"}, gz)
    assert (r.status, r.body) == (200, b"{}")
