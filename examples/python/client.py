"""Connect over HTTP/1.1 with Python's own library: all that a call needs, and nothing to install but protobuf."""
import json
import struct
from http.client import HTTPConnection

from dial import dial


class Failed(Exception):
    """An error that the agent has told: code is Connect's ("not_found")."""

    def __init__(self, error):
        super().__init__(f"{error.get('code', 'unknown')}: {error.get('message', '')}")
        self.code = error.get("code", "unknown")


class Client:
    def __init__(self, address, headers=()):
        self.address, self.headers = address, dict(headers)

    def request(self, method, kind, body, headers):
        connection = HTTPConnection("guest")
        connection.sock = dial(self.address)
        connection.request("POST", f"/{method}", body, {**self.headers, **headers, "Content-Type": f"application/{kind}"})
        return connection, connection.getresponse()

    def unary(self, method, message, answer, **headers):
        """One message there and one back, which `answer` is the type of."""
        connection, response = self.request(method, "proto", message.SerializeToString(), headers)
        body = response.read()
        connection.close()
        if response.status != 200:
            raise Failed(json.loads(body))
        return answer.FromString(body)

    def stream(self, method, message, answer, **headers):
        """One message there and many back, as a generator; who closes it hangs up."""
        data = message.SerializeToString()
        connection, response = self.request(method, "connect+proto", struct.pack(">BI", 0, len(data)) + data, headers)
        try:
            if response.status != 200:
                raise Failed({"code": "unknown", "message": f"HTTP {response.status}"})
            while True:
                flags, length = struct.unpack(">BI", exactly(response, 5))
                data = exactly(response, length)
                if flags & 2:  # the last one: {} or {"error": ...}
                    end = json.loads(data)
                    if "error" in end:
                        raise Failed(end["error"])
                    return
                yield answer.FromString(data)
        finally:
            response.close()
            connection.close()


def exactly(response, n):
    data = response.read(n)
    if len(data) < n:
        raise ConnectionError("the stream was cut off")
    return data
