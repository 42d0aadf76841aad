"""HTTP/2 beside HTTP/1.1 of the same guestd, and streams beside one that is not read."""
from measure import KIB, NOTHING, compare, guestd, unary
from output import bulk, delivered
from rows import ten_processes
from wire import call_request, over_h2, start_request

STREAMS = 64


def listing(options):
    request, units = call_request("List", {}, "proto"), options.units(4000)
    files = options.files.put(over_h2(request)), options.files.put(request)
    with guestd() as agent:
        ten_processes(agent)
        yield from compare("List p50, proto, h2 / h1", options, unary(agent, files[0], units, mode="h2-unary"),
                           unary(agent, files[1], units), 1.3)


def stdout(options):
    size = options.units(4096) * 64 * KIB
    words = [NOTHING, "source", str(size)]
    request = options.files.put(over_h2(start_request("proto", *words)))
    with guestd() as agent:
        yield from compare("stdout, proto, h2 / h1", options, delivered(agent, size, "h2-unary", request, 1),
                           bulk(agent, options, "proto", size, words), 0.85, "MB/s", at_least=True)


def streams(options):
    """All on one connection. One that has no window must cost the others nothing."""
    size, healthy = options.units(256) * 64 * KIB, STREAMS - 1
    request = options.files.put(over_h2(start_request("proto", NOTHING, "source", str(size))))

    def contender(stalled):
        return delivered(agent, size, "h2-streams", request, healthy, stalled, bodies=healthy,
                         untimed=stalled)
    with guestd() as agent:
        yield from compare(f"{healthy} streams, one stalled / none", options, contender(1), contender(0), 0.9, "MB/s",
                           at_least=True)


def h2(options):
    for rows in (listing, stdout, streams):
        yield from rows(options)
