"""StacyVM's host, as far as it talks to the agent in a guest: frames of JSON on one connection, one request at a time.

Written from docs/protocol.md, "StacyVM": a length of four bytes, big-endian, and as many bytes of JSON.
"""
import base64
import json
import struct

FRAME_MAX = 64 << 20


class AgentError(Exception):
    """The agent answered with an error."""


class StacyvmHost:
    """One connection, over a connected socket, which it takes over."""

    def __init__(self, sock):
        self.sock = sock
        self.count = 0

    # --- frames -------------------------------------------------------------------------------------------------------

    def send_frame(self, body):
        self.sock.sendall(struct.pack(">I", len(body)) + body)

    def send(self, method, params=None, **more):
        """Writes a request; its id."""
        self.count += 1
        request = {"id": f"req-{self.count}", "method": method, **more}
        if params is not None:
            request["params"] = params
        self.send_frame(json.dumps(request).encode())
        return request["id"]

    def read(self, n):
        data = bytearray(n)
        view, got = memoryview(data), 0
        while got < n:
            k = self.sock.recv_into(view[got:], n - got)
            if k == 0:
                raise ConnectionError(f"the agent closed after {got} of {n} bytes")
            got += k
        return bytes(data)

    def receive(self):
        """The next frame's JSON."""
        length, = struct.unpack(">I", self.read(4))
        assert length <= FRAME_MAX, length
        return json.loads(self.read(length))

    def ended(self):
        """Whether the agent has closed the connection."""
        try:
            return self.sock.recv(1) == b""
        except ConnectionResetError:
            return True

    # --- calls --------------------------------------------------------------------------------------------------------

    def answer(self, id):
        message = self.receive()
        assert message.pop("id") == id, message
        if "error" in message:
            raise AgentError(message["error"])
        assert list(message) == ["result"], message
        return message["result"]

    def call(self, method, **params):
        return self.answer(self.send(method, params))

    def exec(self, command, *args, **params):
        """(exit code, stdout, stderr)"""
        if args:
            params["args"] = list(args)
        result = self.call("exec", command=command, **params)
        assert sorted(result) == ["exit_code", "stderr", "stdout"]
        return result["exit_code"], result["stdout"], result["stderr"]

    def stream(self, command, *args, **params):
        """The chunks of exec_stream, the last one with "done" included."""
        if args:
            params["args"] = list(args)
        id = self.send("exec_stream", {"command": command, **params})
        while True:
            chunk = self.receive()
            assert chunk.pop("id") == id
            yield chunk
            if chunk.get("done"):
                return

    def write(self, path, content, **params):
        return self.call("write_file", path=str(path), content=base64.b64encode(content).decode(), **params)

    def content(self, path):
        return base64.b64decode(self.call("read_file", path=str(path))["content"], validate=True)

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
