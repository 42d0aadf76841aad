"""Nothing that a client says ends in the log: a planted token is sent by every way there is, and then looked for."""
import base64
import json
import secrets

from agent import Agent, RpcError


def plant(agent, token):
    def quietly(f, *args, **kwargs):
        try:
            f(*args, **kwargs)
        except (RpcError, ConnectionError, AssertionError):
            pass

    def basic(user):
        return {"Authorization": "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()}

    quietly(agent.run, "/bin/true", token, envs={"V": token, token: "x"}, tag=token)
    quietly(agent.run, token)
    quietly(agent.run, "/bin/true", cwd="/" + token)
    quietly(agent.run, "/bin/true", headers=basic(token))
    quietly(agent.run, "/bin/true", headers=basic("root"))
    quietly(agent.run, "/bin/sh", "-c", f"echo {token}; echo {token} >&2; exit 3")
    with agent.start("cat", stdin=True, pty={"size": {"cols": 80, "rows": 24}}) as s:
        pid = s.started()
        for kind in ("pty", "stdin"):
            quietly(agent.call, "process.Process/SendInput",
                    {"process": {"pid": pid}, "input": {kind: base64.b64encode(token.encode()).decode()}})
    quietly(agent.call, "process.Process/SendSignal", {"process": {"tag": token}, "signal": "SIGNAL_SIGKILL"})
    quietly(agent.call, "process.Process/List", {token: token})
    for codec in ("json", "proto"):
        quietly(agent.request, "POST", "/process.Process/Start", {"Content-Type": f"application/{codec}"}, token.encode())
    quietly(agent.request, "GET", f"/{token}?{token}={token}", {"X-Access-Token": token, token: token, "Cookie": token})
    quietly(agent.request, token[:10].upper(), "/health")
    quietly(agent.request, "POST", "/init", {}, json.dumps({"accessToken": token, "envVars": {"V": token},
                                                             "caBundle": token, "lifecycleID": token}).encode())
    quietly(agent.request, "POST", "/init", {}, f'{{"accessToken":"{token}x"}}'.encode())
    quietly(agent.request, "POST", "/init", {}, b'{"broken": "' + token.encode())
    with agent.connect() as c:
        c.send(token.encode() + b"\r\n\r\n")
        quietly(c.read_response)


def test_the_log_knows_no_secrets(tmp_path):
    for level in ("debug", "info"):
        for form in ("text", "json"):
            token = "T" + secrets.token_hex(16)
            (tmp_path / "token").write_text(token)
            agent = Agent("--log-level", level, "--log-format", form, "--token-file", tmp_path / "token", "--tcp")
            with agent:
                plant(agent, token)
                log = agent.log
            log += agent_log_after(agent)
            assert "process.start" in log or "process.end" in log
            assert token not in log
            assert base64.b64encode(token.encode()).decode()[:20] not in log


def agent_log_after(agent):
    try:
        return agent.log
    except FileNotFoundError:
        return ""
