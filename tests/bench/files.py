"""Files: large ones up and down, small ones, what is told of them, and a tree through guestctl.

They lie in memory (tmpfs): a disk takes its time as it likes, for guestd and its counterparts alike. But for what is
downloaded: of a disk's file that is in the page cache, which is what most are, the kernel has larger pieces. The
counterparts of the bytes and of the listings are blocking loops of the calls that are needed, and so their own floors.
"""
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from measure import (CLIENT_CPU, KIB, Contender, Server, client, compare, cpu_seconds, guestd, on_cpu, per_second,
                     served, unary)
from table import Row
from wire import answer_of, http_request, rpc_request

from agent import BINARY, ROOT

MIB = KIB * KIB
ENTRIES = 10_000
NUMBER = "@@@@@@@@"  # becomes a request's own number
OWNER = "root"
BOUNDARY = "boundary-of-the-bench"
OCTETS = {"Content_Type": "application/octet-stream"}


@contextmanager
def in_memory():
    with tempfile.TemporaryDirectory(prefix="gf", dir="/dev/shm") as folder:
        yield Path(folder)


@contextmanager
def on_disk():
    with tempfile.TemporaryDirectory(prefix="gf", dir=ROOT / "build") as folder:
        yield Path(folder)


def put_head(path, length, **fields):
    return http_request("POST", f"/files?path={path}", Content_Length=length, **(fields or OCTETS))


def get_request(path, method="GET"):
    return http_request(method, f"/files?path={path}")


def head_of(agent, path):
    """What guestd sends before a file."""
    with agent.connect() as c:
        c.send(get_request(path, "HEAD"))
        while not c.buffer.endswith(b"\r\n\r\n"):
            c.more()
        return c.buffer


def better(*contenders):
    """Which of the counterparts is the faster one: three rounds each."""
    return max(contenders, key=lambda c: statistics.median(c.measure(c.units) for _ in range(3)))


def cpu_per_gib(agent, raw):
    """A unit is 64 KiB of them."""
    ratio = statistics.median(x / y for x, y in zip(agent.cpu, raw.cpu))
    ms = 16 * KIB / 1000
    return Row("  CPU per GiB", agent.cpu_us * ms, "ms", 1.3, False, raw.cpu_us * ms, ratio)


# --- large ones -------------------------------------------------------------------------------------------------------


def sending(server, size, head, tail=None):
    """One upload: MB/s, in units of 64 KiB."""
    words = ["upload", server.path, head, size, *([tail] if tail else [])]
    units = size // (64 * KIB)
    return served(server, lambda _: size / client(*words)[0][0] * 1000, units, units)


def form(options, path, size):
    """The beginning and the end of a form with one file."""
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{path}"\r\n\r\n'.encode()
    tail = f"\r\n--{BOUNDARY}--\r\n".encode()
    head = http_request("POST", "/files", part, Content_Length=len(part) + size + len(tail),
                        Content_Type=f"multipart/form-data; boundary={BOUNDARY}")
    return options.files.put(head), options.files.put(tail)


def uploads(options):
    size = options.units(4096) * 64 * KIB
    with in_memory() as folder, guestd() as agent:
        ours, theirs = (options.files.put(put_head(folder / name, size)) for name in ("guestd", "raw"))
        answer = options.files.put(answer_of(agent, put_head(folder / "guestd", 0)))
        with (Server("raw_file", "put", str(64 * KIB), answer) as small,
              Server("raw_file", "put", str(MIB), answer) as big):
            for name, target, words in (("octet-stream", 0.9, [ours]),
                                        ("multipart", 0.8, form(options, folder / "guestd", size))):
                raw = better(sending(small, size, theirs), sending(big, size, theirs))
                contender = sending(agent, size, *words)
                yield from compare(f"upload, {name}", options, contender, raw, target, "MB/s", at_least=True)
                if (folder / "guestd").stat().st_size != size:
                    raise RuntimeError("not all of it was written")
                yield cpu_per_gib(contender, raw)


def receiving(server, size, request):
    """One download, likewise."""
    def measure(_):
        (ns, came), = client("unary", server.path, request, 1)
        if came != size:
            raise RuntimeError(f"{came} bytes of {size} came")
        return size / ns * 1000
    return served(server, measure, size // (64 * KIB), size // (64 * KIB))


def make_file(path, size):
    """It is on the disk then, and in the page cache."""
    with open(path, "wb") as f:
        for _ in range(size // (64 * KIB)):
            f.write(b"x" * (64 * KIB))
        os.fsync(f)


def downloads(options):
    size = options.units(4096) * 64 * KIB
    with on_disk() as folder, guestd() as agent:
        make_file(folder / "file", size)
        request = options.files.put(get_request(folder / "file"))
        head = options.files.put(head_of(agent, folder / "file"))
        with Server("raw_file", "get", "0", head) as sendfile, Server("raw_file", "get", str(64 * KIB), head) as read:
            raw = better(receiving(sendfile, size, request), receiving(read, size, request))
            contender = receiving(agent, size, request)
            yield from compare("download", options, contender, raw, 0.9, "MB/s", at_least=True)
            yield cpu_per_gib(contender, raw)


def peak_kib(pid):
    """The most that a process had in memory so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def held(options):
    size = options.units(16 * KIB) * 64 * KIB
    with in_memory() as folder:
        file = folder / "file"
        for name, copy in (("up", lambda server: sending(server, size, options.files.put(put_head(file, size)))),
                           ("down", lambda server: receiving(server, size, options.files.put(get_request(file))))):
            with guestd() as agent:
                contender = copy(agent)
                contender.measure(contender.units)
                yield Row(f"{size // MIB:,} MiB {name}: RSS at most", peak_kib(agent.pid), "KiB", 6 * KIB)


# --- small ones -------------------------------------------------------------------------------------------------------


def many(server, folder, request, connections, units, empty):
    """So many files of 1 KiB: how many in a second. With `empty` none of them is there before."""
    contender = per_second(server, request, connections, units, 400)
    inner = contender.measure

    def measure(n):
        if empty:
            shutil.rmtree(folder)
            folder.mkdir()
        return inner(n)
    contender.measure = measure
    return contender


def small(options):
    units = options.units(8000)
    body = b"x" * KIB
    with in_memory() as top, guestd() as agent:
        folders = [top / name for name in ("ours", "raws")]  # names of one length: the same bytes
        for folder in folders:
            folder.mkdir()
            for i in range(units):
                (folder / f"{i:08}").write_bytes(body)
        ups = [options.files.put(put_head(folder / NUMBER, KIB) + body) for folder in folders]
        downs = [options.files.put(get_request(folder / NUMBER)) for folder in folders]
        answer = answer_of(agent, put_head(folders[0] / f"{0:08}", KIB) + body)
        head, _, _ = answer_of(agent, get_request(folders[0] / f"{0:08}")).rpartition(body)
        with (Server("raw_file", "put", str(64 * KIB), options.files.put(answer)) as put,
              Server("raw_file", "get", str(64 * KIB), options.files.put(head)) as get):
            for name, raw, requests in (("down", get, downs), ("up", put, ups)):
                for connections in (1, 8):
                    contenders = [many(server, folder, request, connections, units, raw is put)
                                  for server, folder, request in zip((agent, raw), folders, requests)]
                    yield from compare(f"1 KiB files {name}, {connections} at once", options, *contenders, 0.6, "/s",
                                       at_least=True)


# --- what is told -----------------------------------------------------------------------------------------------------


def telling(options):
    units = options.units(4000)
    with in_memory() as folder, guestd() as agent:
        (folder / "file").write_bytes(b"x")
        for codec in ("proto", "json"):
            request = rpc_request("filesystem.Filesystem/Stat", {"path": str(folder / "file")}, codec)
            answer = options.files.put(answer_of(agent, request))
            request = options.files.put(request)
            with (Server("raw_http", answer, str(folder / "file")) as raw,
                  Server("floor", answer, mode=["echo"]) as echo):
                yield from compare(f"Stat p50, {codec}", options, unary(agent, request, units),
                                   unary(raw, request, units), 1.5,
                                   floor=("blocking echo", unary(echo, request, units), 1.3))


def fill(folder):
    for i in range(ENTRIES):
        path = folder / f"file-{i * 7919 % ENTRIES:05}"  # not in the order in which they will be told
        path.write_bytes(b"x" * (i % 100 + 1))
        path.chmod(0o644)
        os.utime(path, ns=(1, 1_700_000_000_123_456_789 + i * 10**9))  # nine digits


def body_of(server, request):
    return answer_of(server, request).partition(b"\r\n\r\n")[2]


def listings(options):
    with in_memory() as folder, guestd() as agent, guestd(pinned=False) as free:
        fill(folder)
        for codec in ("proto", "json"):
            request = rpc_request("filesystem.Filesystem/ListDir", {"path": str(folder)}, codec)
            file, units = options.files.put(request), options.units(40)
            words = [codec, str(folder), OWNER]
            with Server("raw_list", *words) as raw, Server("raw_list", *words, pinned=False) as raw_free:
                if body_of(agent, request) != body_of(raw, request):
                    raise RuntimeError("guestd and its counterpart list in different words")
                yield from compare(f"ListDir of {ENTRIES:,}, {codec}", options, unary(agent, file, units, 4),
                                   unary(raw, file, units, 4), 1.2)
                yield from compare("  two at once, on all CPUs", options, at_once(free, file, units),
                                   at_once(raw_free, file, units), 0.8)


def at_once(server, request, units):
    """Two all the time: µs for each."""
    def measure(n):
        (ns, answers), = client("many", server.path, request, 2, n)
        return ns / answers / 1000
    return served(server, measure, units)


# --- trees ------------------------------------------------------------------------------------------------------------


def make_tree(folder, files):
    for i in range(files):
        path = folder / f"directory-{i // 100:03}" / f"file-{i:05}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * KIB)


def copying(agent, destination, files, script):
    """A shell's copying of the tree to a new directory: files/s. The CPU time is guestd's, for each file."""
    def measure(_):
        shutil.rmtree(destination, ignore_errors=True)
        begin = time.monotonic()
        subprocess.run(["sh", "-ec", script], check=True, preexec_fn=on_cpu(CLIENT_CPU))
        seconds = time.monotonic() - begin
        if sum(len(names) for _, _, names in os.walk(destination)) != files:
            raise RuntimeError(f"not all files came: {script}")
        return files / seconds
    return Contender(measure, files, lambda: cpu_seconds(agent.pid))


def trees(options):
    files = options.units(ENTRIES)
    with in_memory() as folder, guestd() as agent:
        source, to = folder / "from", folder / "to"
        make_tree(source, files)
        ctl = f"{BINARY.parent}/guestctl -t unix:{quote(agent.path)}"
        pack, unpack = f"tar -C {source} -cf - .", f"tar -C {to} -xf -"
        for name, copy, pipe in (("up", f"{ctl} cp -r {source} :{to}", f"{pack} | {ctl} exec -i {unpack}"),
                                 ("down", f"{ctl} cp -r :{source} {to}", f"{ctl} exec {pack} | {unpack}")):
            yield from compare(f"guestctl cp -r {name} / tar | tar", options, copying(agent, to, files, copy),
                               copying(agent, to, files, f"mkdir {to}; {pipe}"), 0.8, "/s", at_least=True)


def files(options):
    for rows in (uploads, downloads, held, small, telling, listings):
        yield from rows(options)
