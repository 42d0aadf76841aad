"""A guest that nobody asks for anything: PID 1 neither runs nor writes to its memory, so the host can take both back."""
from machine import Guest

SECONDS = 8  # tools/bench guest watches for 130


def test_it_stands_still(kernel):
    """After work, with connections that stay open, processes that do nothing, and what was freed."""
    with Guest(kernel) as g:
        streams = [g.start("sleep", "1000") for _ in range(5)]
        for s in streams:
            s.started()
        g.text("seq 100000 | sha256sum")
        assert g.stillness(SECONDS) == {"switches": 0, "dirty": 0}
        seen = g.stillness(SECONDS, meanwhile=lambda: g.request("GET", "/health"))
        assert seen["switches"] > 0 and seen["dirty"] > 0  # it is seen when it moves
        for s in streams:
            s.close()
