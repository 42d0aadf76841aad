"""The requests that the bench prepares."""
import re
import socket

from agent import Connection, encode, envelope


def http_request(method, path, body=b"", **fields):
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\n"
    head += "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"{head}\r\n".encode() + body


def rpc_request(method, message, codec):
    """Of a unary call of any service."""
    body = encode(method, message, codec)
    return http_request("POST", f"/{method}", body, Content_Type=f"application/{codec}", Content_Length=len(body))


def call_request(method, message, codec):
    return rpc_request(f"process.Process/{method}", message, codec)


def stream_request(method, message, codec):
    """Of a stream with one request message."""
    body = envelope(encode(f"process.Process/{method}", message, codec))
    return http_request("POST", f"/process.Process/{method}", body, Content_Type=f"application/connect+{codec}",
                        Content_Length=len(body))


def start_request(codec, *words, **fields):
    message = {"process": {"cmd": words[0], "args": list(words[1:])}, "stdin": False, **fields}
    return stream_request("Start", message, codec)


def over_h2(request):
    """A prepared request as HTTP/2 frames, which the client puts on a stream. Its fields are literals."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    method, path, _ = first.split(b" ")
    fields = [(b":method", method), (b":scheme", b"http"), (b":path", path)]
    for line in lines:
        name, _, value = line.partition(b": ")
        fields.append((b":authority" if name == b"Host" else name.lower(), value))
    block = b"".join(bytes([0, len(n)]) + n + bytes([len(v)]) + v for n, v in fields)

    def frame(kind, flags, payload):
        return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + bytes(4) + payload
    if not body:
        return frame(1, 0x05, block)  # HEADERS: END_HEADERS, END_STREAM
    return frame(1, 0x04, block) + frame(0, 0x01, body)


def chunk(message):
    """A message of StreamInput as a chunk of its own."""
    data = envelope(encode("process.Process/StreamInput", message, "proto"))
    return b"%x\r\n%s\r\n" % (len(data), data)


def answer_of(server, request):
    """What guestd answers: the very bytes, for a counterpart to send. Or what a counterpart does."""
    s = socket.socket(socket.AF_UNIX)
    s.connect(server.path)
    with Connection(s) as c:
        c.send(request)
        while True:
            c.more()
            head, end, body = c.buffer.partition(b"\r\n\r\n")
            length = re.search(rb"\r\nContent-Length: (\d+)", head)
            if end and len(body) == int(length[1] if length else 0):
                return c.buffer
