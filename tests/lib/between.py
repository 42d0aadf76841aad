"""A relay between guestctl and an agent that makes the agent one of another version: it changes the messages of the answers,
and hides methods. Connect over HTTP/1.1 and protobuf; anything else goes through as it is."""
import os
import re
import socket
import threading

import agent as agents

HIDDEN = "/guest.v0.Nothing/Nothing"  # what a request for a hidden method asks for instead
STREAM = "application/connect+proto"


class Between:
    def __init__(self, agent, path, change, has=lambda method: True):
        """change(method, bytes of an answer) returns those that go on; has(method) says which methods there are."""
        self.agent, self.path, self.change, self.has = agent, path, change, has
        self.failed = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.fspath(path))
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        assert not self.failed, self.failed

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self.serve, args=[agents.Connection(sock)], daemon=True).start()

    def serve(self, down):
        with down, self.agent.connect() as up:
            try:
                while True:
                    self.exchange(down, up)
            except (ConnectionError, OSError):  # one of them went
                pass
            except Exception as error:
                self.failed.append(repr(error))

    def exchange(self, down, up):
        start, fields = head(down)
        method = start.split(" ")[1].removeprefix("/")
        if re.fullmatch(r"[\w.]+/\w+", method) and not self.has(method):
            start = start.replace(f"/{method}", HIDDEN)
        # The answers are to be read here.
        plain = [f for f in fields if f.split(":")[0].lower() not in ("accept-encoding", "connect-accept-encoding")]
        up.send(joined(start, plain))
        request = threading.Thread(target=pass_body, args=[down, up, fields], daemon=True)
        request.start()
        self.answer(up, down, method)
        request.join(30)

    def answer(self, up, down, method):
        start, fields = head(up)
        if start.split(" ")[1] == "100":
            down.send(joined(start, fields))
            return self.answer(up, down, method)
        kind = value(fields, "content-type")
        if kind == STREAM:
            down.send(joined(start, fields))
            self.stream(up, down, method)
        elif kind == "application/proto":
            body = self.change(method, up.exactly(int(value(fields, "content-length"))))
            others = [f for f in fields if not f.lower().startswith("content-length:")]
            down.send(joined(start, [*others, f"content-length: {len(body)}"]) + body)
        else:
            down.send(joined(start, fields))
            pass_body(up, down, fields)

    def stream(self, up, down, method):
        """Envelope by envelope; each is a chunk of its own."""
        buffer = b""
        while chunk := up.chunk():
            buffer += chunk
            while len(buffer) >= 5 and len(buffer) >= 5 + int.from_bytes(buffer[1:5], "big"):
                flags, size = buffer[0], int.from_bytes(buffer[1:5], "big")
                data, buffer = buffer[5:5 + size], buffer[5 + size:]
                data = agents.envelope(data if flags & 2 else self.change(method, data), flags)
                down.send(b"%x\r\n%b\r\n" % (len(data), data))
        assert buffer == b""
        down.send(b"0\r\n\r\n")


def head(connection):
    """The first line of a message, and its fields, a line each."""
    start, fields = connection.line(), []
    while line := connection.line():
        fields.append(line)
    return start, fields


def joined(start, fields):
    return "".join(f"{line}\r\n" for line in [start, *fields, ""]).encode("latin1")


def value(fields, name):
    found = [f.split(":", 1)[1].strip() for f in fields if f.lower().startswith(f"{name}:")]
    return found[0] if found else None


def pass_body(source, target, fields):
    """Passes a body on, as its fields say where it ends."""
    try:
        if value(fields, "transfer-encoding") == "chunked":
            while chunk := source.chunk():
                target.send(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            target.send(b"0\r\n\r\n")
        else:
            left = int(value(fields, "content-length") or 0)
            while left > 0:
                data = source.exactly(min(left, 1 << 16))
                target.send(data)
                left -= len(data)
    except (ConnectionError, OSError):  # one of them went
        pass
