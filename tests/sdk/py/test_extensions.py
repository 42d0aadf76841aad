"""What guestd adds to the protocol does not reach the published package, also while another client uses all of it."""
import json
import socket
import threading
from contextlib import contextmanager

import pytest
from agent import Connection, protos
from e2b import CommandExitException
from google.protobuf import json_format

AGENT = ("localhost", 49983)
EVERYTHING = {"offsets": True, "exited": True, "exitRecord": True}
OPTIONS = {"idempotencyKey": "", "noNewPrivs": True, "umask": 0o77, "nice": 5, "killOnDisconnect": True,
           "limits": [{"name": "nofile", "soft": 50, "hard": 60}], "extraGroups": ["tty"], "graceMs": 1000,
           "killTarget": "SIGNAL_TARGET_TREE", "maxOutput": {"bytes": 1000}}
SIGWINCH = 28  # which nobody heeds
SCRIPT = "read x; echo out; echo err >&2; exit 3"


class Tap:
    """A port that leads to the agent's, and keeps what that answers."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.answers, self.sockets = [], [self.listener]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return  # closed
            agent, answer = socket.create_connection(AGENT), bytearray()
            self.answers.append(answer)
            self.sockets += [client, agent]
            for way in ((client, agent, bytearray()), (agent, client, answer)):
                threading.Thread(target=self.pass_on, args=way, daemon=True).start()

    def pass_on(self, source, to, seen):
        try:
            while data := source.recv(1 << 16):
                seen += data
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # one side has gone

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for s in self.sockets:
            s.close()

    def messages(self, name):
        """The messages in the answers that begin with the field; JSON is what the package speaks."""
        found = []
        for answer in self.answers:
            text = answer.decode()
            at = text.find(f'{{"{name}":')
            while at >= 0:
                message, end = json.JSONDecoder().raw_decode(text, at)
                found.append(message)
                at = text.find(f'{{"{name}":', end)
        return found


def foreign(message):
    """The fields of a message, and of those in it, that envd does not have."""
    for field, value in message.ListFields():
        if field.number >= 1000:
            yield field.full_name
        elif field.message_type and not field.message_type.GetOptions().map_entry:
            for m in value if field.label == field.LABEL_REPEATED else [value]:
                yield from foreign(m)


def other():
    """The other client."""
    return Connection(socket.create_connection(AGENT))


@contextmanager
def using_everything(pid):
    """Another client asks for all that can be asked of a process that is there, and watches it to its end."""
    with other() as c:
        listed, = c.call("process.Process/List", {"ids": True})["processes"]
        c.call("process.Process/SendSignal", {"process": {"id": listed["id"]}, "number": SIGWINCH,
                                              "target": "SIGNAL_TARGET_TREE"})
    request = {"process": {"pid": pid}, "replay": {"start": True}, "events": EVERYTHING}
    with other().stream("process.Process/Connect", request) as stream:
        told = iter(stream)
        events = [next(told)["event"]]
        yield
        events += [message["event"] for message in told]
    assert events[0]["start"]["id"] and events[-1]["end"]["record"]
    assert [e["data"]["offset"] for e in events if "data" in e] == ["0", "4"]
    assert sum("exited" in e for e in events) == 1


def ends_as_ever(sdk, handle):
    sdk(handle.send_stdin("\n"))
    with pytest.raises(CommandExitException) as e:
        sdk(handle.wait())
    assert (e.value.stdout, e.value.stderr, e.value.exit_code, e.value.error) == ("out\n", "err\n", 3, "exit status 3")


def test_another_client_that_uses_everything_disturbs_nobody(sdk):
    with Tap() as tap:
        mine = type(sdk)(sandbox_url=tap.url)

        c = mine.start(SCRIPT, stdin=True)
        with using_everything(c.pid):
            ends_as_ever(mine, c)

        options = {**OPTIONS, "idempotencyKey": f"{type(sdk).__name__}-{c.pid}"}
        request = {"process": {"cmd": "/bin/sh", "args": ["-c", SCRIPT]}, "options": options, "events": EVERYTHING}
        with other().stream("process.Process/Start", request) as starter:
            pid = next(iter(starter))["event"]["start"]["pid"]
            assert [p.pid for p in mine(mine.commands.list())] == [pid]
            with using_everything(pid):
                ends_as_ever(mine, mine(mine.commands.connect(pid)))

        process_pb2, *_ = protos()
        events = [json_format.ParseDict(m, process_pb2.StartResponse()) for m in tap.messages("event")]
        lists = [json_format.ParseDict(m, process_pb2.ListResponse()) for m in tap.messages("processes")]
        assert [m.event.WhichOneof("event") for m in events] == ["start", "data", "data", "end"] * 2
        assert [len(m.processes) for m in lists] == [1]
        assert [name for m in events + lists for name in foreign(m)] == []
