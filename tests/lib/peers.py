"""Those who answer where an agent should: sockets that are silent, that close, that speak something else, and an agent
whose words are scripted."""
import socket
import threading


class Peer:
    """Listens on a unix socket; `serve` gets each connection, in a thread of its own, and closes it by returning."""

    def __init__(self, path, serve):
        self.path, self.serve = str(path), serve
        self.over = threading.Event()
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(self.path)
        self.server.listen(8)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                client = self.server.accept()[0]
            except OSError:  # closed
                return
            threading.Thread(target=self.one, args=(client,), daemon=True).start()

    def one(self, client):
        with client:
            try:
                self.serve(self, client)
            except OSError:  # the client has gone
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()


def silent(peer, _):
    peer.over.wait(60)


def closes(_, client):
    client.recv(4096)


def says(greeting):
    """Speaks first, as ssh and mail do, and waits."""
    def serve(peer, client):
        client.sendall(greeting)
        peer.over.wait(60)

    return serve


def read_request(client):
    """One request of HTTP/1.1: its path, or None at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = client.recv(65536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    while len(body) < int(fields.get(b"content-length", 0)):
        body += client.recv(65536)
    return head.split()[1].decode()


def web(answers):
    """An HTTP/1.1 server: {path: (status, content type, body)}, and 404 for all others. A body may be a function."""
    def serve(_, client):
        while (path := read_request(client)) is not None:
            status, kind, body = answers.get(path, (404, "text/plain", b"404 page not found\n"))
            body = body() if callable(body) else body
            client.sendall(f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    return serve


def vmm(agent_path):
    """The host's end of a hybrid vsock whose agent is behind a unix socket."""
    def serve(_, client):
        line = b""
        while not line.endswith(b"\n"):
            line += client.recv(1)
        with socket.socket(socket.AF_UNIX) as agent:
            agent.connect(agent_path)
            client.sendall(b"OK 1073741824\n")
            back = threading.Thread(target=pump, args=(agent, client), daemon=True)
            back.start()
            pump(client, agent)
            back.join(10)

    return serve


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:  # one side has gone
        pass
