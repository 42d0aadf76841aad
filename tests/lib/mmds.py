"""What a Firecracker host has beside its guest: the metadata service, and a collector of log lines."""
import contextlib
import hashlib
import http.server
import json
import subprocess
import threading
import time

ADDRESS = "169.254.169.254"


def token_hash(token):
    return hashlib.sha512(token.encode()).hexdigest()


@contextlib.contextmanager
def route():
    """An interface that leads to the service, as a Firecracker guest has one."""
    subprocess.run(["ip", "addr", "add", f"{ADDRESS}/32", "dev", "lo"], check=True)
    try:
        yield
    finally:
        subprocess.run(["ip", "addr", "del", f"{ADDRESS}/32", "dev", "lo"], check=True)


class Server:
    """A server in threads of its own, which counts connections and keeps requests."""

    def __init__(self, address):
        self.connections, self.requests, self.lock = 0, [], threading.Lock()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self):
                super().setup()
                with owner.lock:
                    owner.connections += 1
                    owner.sockets.append(self.request)

            def handle_one_request(self):
                with contextlib.suppress(OSError):
                    return super().handle_one_request()
                self.close_connection = True

            def log_message(self, *_):
                pass

            def reply(self, status=200, body=b"", **headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with owner.lock:
                    owner.requests.append((self.command, self.path, dict(self.headers), body))
                owner.serve(self, body)

            do_PUT = do_POST = do_GET

        self.sockets = []
        http.server.ThreadingHTTPServer.allow_reuse_address = True
        http.server.ThreadingHTTPServer.request_queue_size = 256
        self.http = http.server.ThreadingHTTPServer(address, Handler)
        self.http.daemon_threads = True
        self.port = self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()
        for s in self.sockets:
            with contextlib.suppress(OSError):
                s.shutdown(2)
            s.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Mmds(Server):
    """Version 2: GET wants a token that PUT gave."""

    def __init__(self, **data):
        self.data, self.token, self.delay, self.hostile = data, None, 0, None
        super().__init__((ADDRESS, 80))

    def asks(self):
        return sum(method == "PUT" for method, *_ in self.requests)

    def serve(self, handler, _):
        time.sleep(self.delay)
        if self.hostile:
            self.hostile(handler)
        elif handler.command == "PUT" and handler.path == "/latest/api/token":
            assert handler.headers["X-metadata-token-ttl-seconds"] == "60"
            self.token = f"token-{len(self.requests)}"
            handler.reply(200, self.token.encode())
        elif handler.headers["X-metadata-token"] != self.token:
            handler.reply(401)
        else:
            handler.reply(200, json.dumps(self.data).encode())


class Collector(Server):
    """Takes lines, or answers with `status`."""

    def __init__(self, port=0):
        self.status = 200
        super().__init__(("127.0.0.1", port))

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/logs"

    @property
    def lines(self):
        with self.lock:
            return [json.loads(body) for _, _, _, body in self.requests]

    def serve(self, handler, _):
        handler.reply(self.status)
