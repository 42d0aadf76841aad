"""What programs write: in bulk, to many, in lines, through a terminal."""
from measure import KIB, NOTHING, Server, client, compare, guestd, served
from wire import call_request, start_request, stream_request

SUBSCRIBERS = 8
LINE = 16


def delivered(server, size, *words, bodies=1, untimed=0):
    """So many bodies of this size, until the end of all: MB/s, in units of 64 KiB; `untimed` more come later. Words for
    the client, which says how long that took, and how large the smallest was."""
    def measure(_):
        (ns, came), = client(words[0], server.path, *words[1:])
        if came < size:
            raise RuntimeError(f"output of {size} bytes: only {came} came")
        return bodies * size / ns * 1000
    units = (bodies + untimed) * size // (64 * KIB)
    return served(server, measure, units, units)


def bulk(server, options, codec, size, words, **fields):
    """One run's output until its end. The program that was told how much decides."""
    request = options.files.put(start_request(codec, *words, **fields))
    return delivered(server, size, "unary", request, 1)


def relay(options):
    for codec, mode, target in (("proto", "plain", 0.87), ("json", "base64", 0.83)):
        size = options.units(4096) * 64 * KIB
        words = [NOTHING, "source", str(size)]
        with (guestd() as agent, Server("raw_exec", mode, *words) as raw, Server("floor", *words, mode=["dd"]) as dd):
            yield from compare(f"stdout, {codec}", options, bulk(agent, options, codec, size, words),
                               bulk(raw, options, codec, size, words), target, "MB/s",
                               ("dd", bulk(dd, options, codec, size, words), 1.2) if mode == "plain" else None,
                               at_least=True)


def fan_words(options):
    return [NOTHING, "gated", str(options.units(1024) * 64 * KIB)]


def fan(server, options):
    """One run's output to eight subscribers: MB/s to each."""
    words, process = fan_words(options), {"tag": "fan"}
    requests = [start_request("proto", *words, tag="fan", stdin=True),
                stream_request("Connect", {"process": process}, "proto"),
                call_request("SendInput", {"process": process, "input": {"stdin": "Cg=="}}, "proto")]
    files = [options.files.put(r) for r in requests]
    size = int(words[-1])
    return delivered(server, size, "fan", *files, SUBSCRIBERS)


def to_many(options):
    with guestd() as agent, Server("raw_fan", str(SUBSCRIBERS), *fan_words(options)) as raw:
        yield from compare(f"stdout, {SUBSCRIBERS} subscribers", options, fan(agent, options), fan(raw, options), 0.83,
                           "MB/s", at_least=True)


def line_words(options):
    return [NOTHING, "lines", str(options.units(1_000_000))]


def lines(server, options):
    """Short lines, each written by itself: ns for each."""
    words = line_words(options)
    n, request = int(words[-1]), options.files.put(start_request("proto", *words))

    def measure(_):
        (ns, came), = client("unary", server.path, request, 1)
        if came < n * LINE:
            raise RuntimeError(f"only {came} bytes of {n} lines came")
        return ns / n
    return served(server, measure, n)  # not traced: a traced reader finds many lines at a time


def in_lines(options):
    with guestd() as agent, Server("raw_exec", "plain", *line_words(options)) as raw:
        yield from compare("a million lines, each", options, lines(agent, options), lines(raw, options), 1.15, "ns")


def terminal_words(options):
    return [NOTHING, "source", str(options.units(1024) * 64 * KIB)]


def terminal(server, options):
    words = terminal_words(options)
    return bulk(server, options, "proto", int(words[-1]), words, pty={"size": {"cols": 80, "rows": 24}})


def through_terminal(options):
    with guestd() as agent, Server("raw_pty", *terminal_words(options)) as raw:
        yield from compare("output of a terminal", options, terminal(agent, options), terminal(raw, options), 0.9,
                           "MB/s", at_least=True)


def stdout(options):
    for rows in (relay, to_many, in_lines, through_terminal):
        yield from rows(options)
