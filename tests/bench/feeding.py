"""What programs read: a stream of messages, and calls; with 64 KiB in each."""
import base64

from measure import KIB, NOTHING, Server, client, compare, guestd, served
from wire import call_request, chunk, http_request, start_request

PAYLOAD = b"x" * (64 * KIB)
TEXT = base64.b64encode(PAYLOAD)
INPUT = {"stdin": TEXT.decode()}
PROCESS = {"tag": "sink"}


def words(units):
    return [NOTHING, "sink", str(units * len(PAYLOAD))]


def pieces(kind):
    """The request in pieces, the last of which is sent once for each unit."""
    if kind != "stream":
        return [call_request("SendInput", {"process": PROCESS, "input": INPUT}, kind)]
    head = http_request("POST", "/process.Process/StreamInput", chunk({"start": {"process": PROCESS}}),
                        Content_Type="application/connect+proto", Transfer_Encoding="chunked")
    return [head, chunk({"data": {"input": INPUT}})]


def counterpart(kind, units):
    """It is told where in the bytes the payload lies."""
    *head, frame = pieces(kind)
    payload = TEXT if kind == "json" else PAYLOAD
    skip = frame.index(payload)
    sizes = [sum(map(len, head)), skip, len(payload), len(frame) - skip - len(payload)]
    return Server("raw_input", "stream" if kind == "stream" else "calls", "base64" if kind == "json" else "plain",
                  *map(str, sizes), *words(units))


def feeding(server, options, kind, units):
    """The time ends with the program, which has read all then: MB/s."""
    start = options.files.put(start_request("proto", *words(units), stdin=True, tag=PROCESS["tag"]))
    files = [options.files.put(piece) for piece in pieces(kind)]

    def measure(_):
        (ns,), = client("stream" if kind == "stream" else "calls", server.path, start, *files, units)
        return units * len(PAYLOAD) / ns * 1000
    return served(server, measure, units, units)


def rows(options):
    units = options.units(2048)
    for name, kind, target in (("StreamInput", "stream", 0.83), ("SendInput, proto", "proto", 0.7),
                               ("SendInput, json", "json", 0.5)):
        with guestd() as agent, counterpart(kind, units) as raw:
            yield from compare(name, options, feeding(agent, options, kind, units),
                               feeding(raw, options, kind, units), target, "MB/s", at_least=True)
