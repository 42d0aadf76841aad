"""One call over each protocol that the agent speaks to clients of its services: (messages, or RpcError)."""
import base64
import re
import struct

from agent import RpcError, decode, encode, envelope
from h2client import H2

CODES = ["ok", "canceled", "unknown", "invalid_argument", "deadline_exceeded", "not_found", "already_exists", "permission_denied",
         "resource_exhausted", "failed_precondition", "aborted", "out_of_range", "unimplemented", "internal", "unavailable",
         "data_loss", "unauthenticated"]


def connect(agent, method, message, codec, stream):
    with agent.connect() as c:
        return list(c.stream(method, message, codec)) if stream else [c.call(method, message, codec)]


def connect_h2(agent, method, message, codec, stream):
    with H2(agent.connect().sock) as c:
        if not stream:
            return [c.call(method, message, codec)]
        s = whole(c.stream(method, message, codec))
        if s.status != 200:
            raise RpcError("http", s.body.decode(), s.status)
        *messages, end = s.messages(method, codec)
        if "error" in end:
            raise RpcError(end["error"]["code"], end["error"].get("message", ""), 200)
        return messages


def grpc(agent, method, message, codec, stream):
    fields = {"content-type": f"application/grpc+{codec}", "te": "trailers"}
    with H2(agent.connect().sock) as c:
        s = whole(c.ask("POST", f"/{method}", fields, envelope(encode(method, message, codec))))
    if s.status != 200:
        raise RpcError("http", s.body.decode(), s.status)
    if s.headers.keys() & {"grpc-status"}:
        refuse(s.headers)
    refuse(s.trailers)
    return [decode(method, data, codec) for _, data in frames(s.body)]


def grpc_web(agent, method, message, codec, stream, text=""):
    body = envelope(encode(method, message, codec))
    with agent.connect() as c:
        r = c.request("POST", f"/{method}", {"Content-Type": f"application/grpc-web{text}+{codec}"},
                      base64.b64encode(body) if text else body)
    if r.status != 200:
        raise RpcError("http", r.text, r.status)
    if "grpc-status" in r.headers:
        refuse(r.headers)
    body = b"".join(map(base64.b64decode, re.findall(rb"[^=]+=*", r.body))) if text else r.body
    *messages, (flags, end) = frames(body)
    assert flags == 0x80, body[-200:]
    refuse(dict(line.split(": ", 1) if ": " in line else line.split(":", 1) for line in end.decode().splitlines()))
    return [decode(method, data, codec) for _, data in messages]


def grpc_web_text(agent, method, message, codec, stream):
    return grpc_web(agent, method, message, codec, stream, "-text")


WIRES = [connect, connect_h2, grpc, grpc_web, grpc_web_text]


def whole(stream):
    """A stream of HTTP/2 that has ended; one that was reset is a connection that ended."""
    if stream.wait().reset is not None:
        raise ConnectionError(f"reset by the agent: {stream.reset}")
    return stream


def refuse(fields):
    """Raises the error that the trailers tell."""
    if int(fields["grpc-status"]):
        raise RpcError(CODES[int(fields["grpc-status"])], fields.get("grpc-message", ""), 200)


def frames(body):
    """(flags, data) of each message in a whole body."""
    at, found = 0, []
    while at < len(body):
        flags, length = struct.unpack_from(">BI", body, at)
        data = body[at + 5:at + 5 + length]
        assert len(data) == length, "the body ends inside a message"
        found.append((flags, data))
        at += 5 + length
    return found


def output(messages):
    """(stdout, stderr, pty, exit code) of the messages of a Start."""
    out, code = {"stdout": b"", "stderr": b"", "pty": b""}, None
    for message in messages:
        event = message["event"]
        for name, data in event.get("data", {}).items():
            if name in out:
                out[name] += base64.b64decode(data)
        if "end" in event:
            assert code is None
            code = event["end"].get("exitCode", 0)
    return *out.values(), code


def start(wire, agent, codec, cmd, *args, **fields):
    """Process.Start to its end: (stdout, stderr, pty, exit code)."""
    message = {"process": {"cmd": cmd, "args": list(args)}, "stdin": False, **fields}
    return output(wire(agent, "process.Process/Start", message, codec, True))
