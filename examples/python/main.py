"""A command, a terminal, and a stream that is taken up again: python3 main.py ADDRESS"""
import sys
import time

from client import Client
from process import process_pb2 as pb


def shell(script):
    return pb.ProcessConfig(cmd="/bin/sh", args=["-c", script])


class Lines:
    """Prints what comes, line by line."""

    def __init__(self, prefix):
        self.prefix, self.rest = prefix, b""

    def print(self, data):
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            print(f"{self.prefix}: {line.decode(errors='replace').rstrip()}", flush=True)


def run(client):
    """A command: its output as it comes, then its exit code."""
    stdout, stderr = Lines("exec: stdout"), Lines("exec: stderr")
    request = pb.StartRequest(process=shell("echo hello; sleep 0.1; echo oops >&2; exit 3"))
    for response in client.stream("process.Process/Start", request, pb.StartResponse):
        stdout.print(response.event.data.stdout)
        stderr.print(response.event.data.stderr)
        if response.event.HasField("end"):
            print("exec: exit code", response.event.end.exit_code)


def terminal(client):
    """A command that believes that it talks to a person."""
    shown = Lines("terminal")
    request = pb.StartRequest(process=shell("stty -echo; stty size; read x; echo got $x"),
                              pty=pb.PTY(size=pb.PTY.Size(rows=30, cols=90)))
    for response in client.stream("process.Process/Start", request, pb.StartResponse):
        event = response.event
        if event.HasField("start"):
            process = pb.ProcessSelector(pid=event.start.pid)
        shown.print(event.data.pty)
        if b"30 90" in event.data.pty:
            client.unary("process.Process/SendInput",
                         pb.SendInputRequest(process=process, input=pb.ProcessInput(pty=b"word\n")), pb.SendInputResponse)
        if event.HasField("end"):
            print("terminal: exit code", event.end.exit_code)


def reconnect(client):
    """Loses the stream, and takes it up where it was: nothing is missed, and nothing comes twice."""
    shown, offsets = Lines("reconnect"), pb.EventOptions(offsets=True)
    request = pb.StartRequest(process=shell("echo one; sleep 0.5; echo two; sleep 0.5; echo three"), events=offsets)
    first = client.stream("process.Process/Start", request, pb.StartResponse)
    for response in first:
        if response.event.HasField("start"):
            process = pb.ProcessSelector(id=response.event.start.id)
        if response.event.HasField("data"):
            data = response.event.data
            shown.print(data.stdout)
            following = data.offset + len(data.stdout)
            break
    first.close()  # as when the network does
    time.sleep(0.7)  # the process writes on
    request = pb.ConnectRequest(process=process, replay=pb.Replay(offset=following), events=offsets)
    for response in client.stream("process.Process/Connect", request, pb.ConnectResponse):
        event = response.event
        if event.HasField("start") and event.start.offset != following:
            sys.exit(f"the bytes from {following} to {event.start.offset} are not kept any more")
        shown.print(event.data.stdout)
        if event.HasField("end"):
            print("reconnect: exit code", event.end.exit_code)


if len(sys.argv) != 2:
    sys.exit("usage: main.py unix:PATH | tcp:HOST:PORT | vsock:CID:PORT | hybrid:PATH:PORT")
for step in (run, terminal, reconnect):
    step(Client(sys.argv[1]))
