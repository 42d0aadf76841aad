#!/usr/bin/python3
"""hybrid.py PATH SOCKET: the host's end of a hybrid vsock, as a VMM has it: a unix socket PATH whose clients say
`CONNECT port`, are answered `OK number`, and are then the unix SOCKET's."""
import re
import socket
import sys
import threading


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:  # one side has gone: so does the other
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def serve(client):
    line = b""
    while not line.endswith(b"\n"):
        byte = client.recv(1)
        if not byte:
            return
        line += byte
    if not re.fullmatch(rb"CONNECT 49983\n", line):  # nobody listens on others
        client.close()
        return
    agent = socket.socket(socket.AF_UNIX)
    agent.connect(sys.argv[2])
    client.sendall(b"OK 1073741824\n")
    threading.Thread(target=pump, args=(agent, client), daemon=True).start()
    pump(client, agent)


server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen(64)
print("listening", flush=True)
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
