"""An HTTP/2 client by prior knowledge, on python-h2: many streams on one socket, windows opened only when told so."""
import json
import struct

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
from agent import RpcError, decode, encode, envelope


class Stream:
    """What came on one stream."""

    def __init__(self, client, number):
        self.client, self.number = client, number
        self.status, self.headers, self.trailers, self.body = None, {}, {}, b""
        self.ended, self.reset, self.informed = False, None, []
        self.unread = 0  # bytes whose window was not given back
        self.stalled = False

    def wait(self):
        """Until it has ended; itself."""
        self.client.run(lambda: self.ended or self.reset is not None)
        return self

    def read(self, n):
        """Until so many bytes came."""
        self.client.run(lambda: len(self.body) >= n or self.ended)
        return self.body

    def go_on(self):
        """Gives the window back, now and from now on."""
        self.stalled = False
        self.client.give(self, self.unread)
        self.unread = 0

    def messages(self, method, codec):
        """Of a whole Connect stream, as dicts; the last is the end's."""
        out, at = [], 0
        while at < len(self.body):
            flags, length = struct.unpack_from(">BI", self.body, at)
            data = self.body[at + 5:at + 5 + length]
            assert len(data) == length
            out.append(json.loads(data) if flags & 2 else decode(method, data, codec))
            at += 5 + length
        return out


class H2:
    def __init__(self, sock, window=None, **settings):
        self.sock = sock
        self.streams = {}
        self.gone, self.goaways, self.pongs = False, [], 0
        self.buffer, self.past = b"", False
        config = h2.config.H2Configuration(client_side=True, header_encoding="utf-8")
        self.h2 = h2.connection.H2Connection(config)
        if window is not None:
            self.h2.local_settings[h2.settings.SettingCodes.INITIAL_WINDOW_SIZE] = window
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(1 << 28)
        self.flush()

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def flush(self):
        data = self.h2.data_to_send()
        if data:
            self.sock.sendall(data)

    def raw(self, kind, flags, stream, payload=b"", times=1):
        """Sends a frame as it is, past python-h2, which must not see the answers then."""
        self.past = True
        frame = struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload
        self.sock.sendall(frame * times)

    def give(self, stream, n):
        try:
            if n:
                self.h2.increment_flow_control_window(n, stream.number)
                self.flush()
        except h2.exceptions.StreamClosedError:
            pass  # its end came with the bytes

    def turn(self):
        """Reads once, and takes in what came."""
        try:
            data = self.sock.recv(1 << 18)
        except ConnectionError:
            data = b""
        if not data:
            self.gone = True
            return
        self.buffer += data
        while len(self.buffer) >= 9:
            end = 9 + int.from_bytes(self.buffer[:3], "big")
            if len(self.buffer) < end:
                break
            self.frame(self.buffer[:end])
            self.buffer = self.buffer[end:]
        self.flush()

    def frame(self, frame):
        if frame[3] == 7:  # python-h2 takes it for the connection's end, which it is not
            self.goaways.append(struct.unpack(">II", frame[9:17]))
        elif not self.past:
            for event in self.h2.receive_data(frame):
                self.event(event)

    def event(self, event):
        stream = self.streams.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.InformationalResponseReceived):
            stream.informed.append(dict(event.headers)[":status"])
        elif isinstance(event, h2.events.ResponseReceived):
            stream.headers = dict(event.headers)
            stream.status = int(stream.headers[":status"])
        elif isinstance(event, h2.events.TrailersReceived):
            stream.trailers = dict(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            stream.body += event.data
            stream.unread += event.flow_controlled_length
            if not stream.stalled and event.stream_ended is None:
                self.give(stream, stream.unread)
                stream.unread = 0
        elif isinstance(event, h2.events.StreamEnded):
            stream.ended = True
        elif isinstance(event, h2.events.StreamReset):
            stream.reset = event.error_code
        elif isinstance(event, h2.events.PingAckReceived):
            self.pongs += 1

    def run(self, condition):
        while not condition():
            if self.gone:
                raise ConnectionError(f"closed by the agent: {self.goaways}")
            self.turn()

    def until_gone(self):
        """The GOAWAY frames by which the connection ends: (last stream, error code)."""
        while not self.gone:
            self.turn()
        return self.goaways

    def ask(self, method, path, headers=None, body=b"", end=True, stalled=False):
        """Sends a request, and of its body what the windows take: a Stream."""
        number = self.h2.get_next_available_stream_id()
        stream = self.streams[number] = Stream(self, number)
        stream.stalled = stalled
        fields = [(":method", method), (":scheme", "http"), (":authority", "test"), (":path", path)]
        fields += [(k.lower(), str(v)) for k, v in (headers or {}).items()]
        self.h2.send_headers(number, fields, end_stream=end and not body)
        self.flush()
        if body:
            assert self.upload(stream, body, end) == len(body)
        return stream

    def upload(self, stream, body, end=True):
        """Sends of the body what the windows take at once; how much that was."""
        at = 0
        while at < len(body):
            n = min(self.h2.local_flow_control_window(stream.number), self.h2.max_outbound_frame_size, len(body) - at)
            if n <= 0:
                break
            self.h2.send_data(stream.number, body[at:at + n], end_stream=end and at + n == len(body))
            self.flush()
            at += n
        return at

    def request(self, method, path, headers=None, body=b""):
        return self.ask(method, path, headers, body).wait()

    def call(self, method, message=None, codec="json", **headers):
        """A unary Connect call, as Connection.call."""
        body = encode(method, message, codec)
        fields = {"content-type": f"application/{codec}", "connect-protocol-version": "1", **headers}
        s = self.request("POST", f"/{method}", fields, body)
        if not s.ended:
            raise ConnectionError(f"reset by the agent: {s.reset}")
        if s.status != 200:
            try:
                error = json.loads(s.body)
                code = error["code"]
            except (ValueError, KeyError):
                raise RpcError("http", s.body.decode(), s.status)
            raise RpcError(code, error.get("message", ""), s.status)
        return decode(method, s.body, codec)

    def stream(self, method, message, codec="json", **kind):
        fields = {"content-type": f"application/connect+{codec}"}
        return self.ask("POST", f"/{method}", fields, envelope(encode(method, message, codec)), **kind)

    def start(self, cmd, *args, codec="json", stdin=False, **kind):
        return self.stream("process.Process/Start", {"process": {"cmd": cmd, "args": list(args)}, "stdin": stdin}, codec,
                           **kind)
