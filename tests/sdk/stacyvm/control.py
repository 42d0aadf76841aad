"""StacyVM's control plane, as small as its Python SDK lets it be: one sandbox, whose calls go to the agent in it.

Paths and fields are those that the package stacyvm asks for (its client.py, sandbox.py and async_sandbox.py).
"""
import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from stacyvm_host import AgentError

SANDBOX = {"id": "sb-1", "state": "running", "provider": "guestd", "image": "none"}
ROOT = "/api/v1/sandboxes"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, value, status=200):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def agent(self, method, **params):
        """A call of the agent: on its one connection, one at a time."""
        with self.server.lock:
            return self.server.host.call(method, **params)

    def exec_params(self, body):
        names = {"command": "command", "args": "args", "mode": "mode", "env": "env", "workdir": "work_dir"}
        return {names[k]: v for k, v in body.items() if k in names}

    def stream(self, params):
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        with self.server.lock:
            for chunk in self.server.host.stream(**params):
                if "data" in chunk:
                    self.wfile.write(json.dumps(chunk).encode() + b"\n")
        self.close_connection = True

    def files(self, what, query, body):
        """The answer to a call on files; None: there is no such call."""
        if what == ("POST", "files"):
            content = base64.b64encode(body.pop("content").encode()).decode()
            return self.agent("write_file", content=content, **body)
        if what == ("GET", "files"):
            return base64.b64decode(self.agent("read_file", **query)["content"])
        if what == ("GET", "files/list"):
            return self.agent("list_files", **query)["files"]
        if what == ("DELETE", "files"):
            return self.agent("delete_file", path=query["path"], recursive=query.get("recursive") == "true")
        if what == ("POST", "files/move"):
            return self.agent("move_file", **body)
        if what == ("POST", "files/chmod"):
            return self.agent("chmod_file", **body)
        if what == ("GET", "files/stat"):
            return self.agent("stat_file", **query)
        if what == ("GET", "files/glob"):
            return self.agent("glob_files", **query)["matches"]
        return None

    def serve(self):
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length)) if length else {}
        what = (self.command, url.path.removeprefix(f"{ROOT}/{SANDBOX['id']}").removeprefix("/"))
        if url.path == ROOT or what[1] == "":
            self.answer(SANDBOX)
        elif what == ("POST", "exec") and body.get("stream"):
            self.stream(self.exec_params(body))
        elif what == ("POST", "exec"):
            self.answer(self.agent("exec", **self.exec_params(body)))
        elif (value := self.files(what, query, body)) is not None:
            self.answer(value)
        else:
            self.answer({"code": "NOT_FOUND", "message": self.path}, 404)

    def handle_one(self):
        try:
            self.serve()
        except AgentError as e:
            self.answer({"code": "PROVIDER_ERROR", "message": str(e)}, 500)

    do_GET = do_POST = do_DELETE = handle_one


class ControlPlane(ThreadingHTTPServer):
    """Serves on a port of the loopback; `host` is the connection to the agent."""

    daemon_threads = True

    def __init__(self, host):
        super().__init__(("127.0.0.1", 0), Handler)
        self.host = host
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.serve_forever)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def close(self):
        self.shutdown()
        self.thread.join()
        self.server_close()
        self.host.close()
