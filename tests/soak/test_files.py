"""Files that are larger than any buffer: over every byte there is a checksum, and the agent's memory does not grow."""
import re
import subprocess
import time
from pathlib import Path

import bulk
import pytest
from agent import Agent

SIZE = 4 << 30
ENTRIES = 1_000_000
PEAK_KIB = 6 << 10  # whatever the file's size


@pytest.fixture
def memory(tmp_path):
    """A file system of memory, gone with all that is in it."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=5g,nr_inodes=0", "none", tmp_path], check=True)
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def peak_kib(agent):
    return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{agent.pid}/status").read_text()).group(1))


def test_4_gib_each_way(memory, say):
    with Agent() as agent:
        query = f"path={memory}/x"
        since = time.monotonic()
        sent = bulk.upload(agent, query, SIZE)
        up = time.monotonic() - since
        assert bulk.checksum(memory / "x") == sent
        since = time.monotonic()
        assert bulk.download(agent, query, SIZE) == sent
        down = time.monotonic() - since
        peak = peak_kib(agent)
    assert peak <= PEAK_KIB
    say(f"files: {SIZE:,} bytes up in {up:.1f} s, down in {down:.1f} s, sha256 {sent[:16]}…; {peak} KiB at most")


def test_a_million_entries(memory, say):
    bulk.fill_directory(memory, ENTRIES)
    since, seen = time.monotonic(), bytearray(ENTRIES)
    with Agent() as agent:
        for page in bulk.list_directory(agent, memory, limit=1000):
            for name in page:
                seen[int(name)] += 1
        peak = peak_kib(agent)
    assert seen.count(1) == ENTRIES
    assert peak <= PEAK_KIB
    say(f"files: {ENTRIES:,} entries in {time.monotonic() - since:.1f} s; {peak} KiB at most")
