"""guest.v1.Git beside a shell's git, of the same agent, on the same repository: Status, and Clone."""
import os
import shutil
import subprocess
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

from agent import encode, envelope
from measure import KIB, Contender, client, compare, cpu_seconds, guestd, p50_us, unary
from table import Row
from wire import http_request, rpc_request, start_request

FILES, CHANGED = 10_000, 200
CLONE_BYTES, BLOB_BYTES = 200 << 20, 1 << 20
HELD_KIB = 2048  # by which guestd may grow: its buffers of one stream, and the workers' stacks
ENV = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}


def git(folder, *args, **options):
    words = ["git", "-C", str(folder), "-c", "user.name=T", "-c", "user.email=t@x", "-c", "gc.auto=0", *args]
    return subprocess.run(words, check=True, env={**os.environ, **ENV}, stdout=subprocess.PIPE, **options).stdout


def stream_request(method, message):
    body = envelope(encode(method, message, "proto"))
    return http_request("POST", f"/{method}", body, Content_Type="application/connect+proto", Content_Length=len(body))


class Growth:
    """By how much a process is larger, at the most, than when we began."""

    def __init__(self, pid):
        self.pid, self.over, self.most = pid, threading.Event(), 0
        self.thread = threading.Thread(target=self.watch)

    def kib(self):
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") // KIB

    def watch(self):
        while not self.over.wait(0.01):
            self.most = max(self.most, self.kib())

    def __enter__(self):
        self.before = self.most = self.kib()
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def row(self):
        return Row("  guestd's memory meanwhile", self.most - self.before, "KiB", HELD_KIB)


# --- Status

def make_tree(repo):
    git(repo.parent, "init", "-q", str(repo))
    for i in range(FILES):
        path = repo / f"directory-{i // 100:03}" / f"file-{i:05}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{i}\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "all")
    for i in range(0, FILES, FILES // CHANGED):
        (repo / f"directory-{i // 100:03}" / f"file-{i:05}").write_text("changed\n")
        (repo / f"directory-{i // 100:03}" / f"new-{i:05}").write_text("new\n")
    git(repo, "status")  # the index knows the files' times


def status(options, folder):
    repo = folder / "tree"
    make_tree(repo)
    script = f"cd {repo} && git status --porcelain=v2 -z --branch"
    ours = options.files.put(rpc_request("guest.v1.Git/Status", {"path": str(repo)}, "proto"))
    theirs = options.files.put(start_request("proto", "/bin/sh", "-c", script))
    units = options.units(80)
    with guestd() as agent:
        if len(agent.call("guest.v1.Git/Status", {"path": str(repo)})["entries"]) != 2 * CHANGED:
            raise RuntimeError("Status does not see what was changed")
        with Growth(agent.pid) as growth:
            yield from compare(f"Status of {FILES:,} files / git in a shell", options, unary(agent, ours, units, None),
                               unary(agent, theirs, units, None), 1.05)
        yield growth.row()


# --- Clone

def make_large(repo):
    """Blobs that nothing can make smaller, and too large for git to try: `add` puts them into a pack."""
    git(repo.parent, "init", "-q", str(repo))
    git(repo, "config", "core.bigFileThreshold", str(BLOB_BYTES // 2))
    git(repo, "config", "core.compression", "0")
    for i in range(CLONE_BYTES // BLOB_BYTES):
        (repo / f"{i:03}").write_bytes(os.urandom(BLOB_BYTES))
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "all")


def cloning(agent, request, to, source):
    """One clone after the other, each into a directory that is not there: µs."""
    def measure(n):
        times = []
        for _ in range(n):
            shutil.rmtree(to, ignore_errors=True)
            times += client("unary", agent.path, request, 1)
            if git(to, "rev-parse", "HEAD") != git(source, "rev-parse", "HEAD"):
                raise RuntimeError("the clone is not whole")
        return p50_us(times)
    return Contender(measure, 1, lambda: cpu_seconds(agent.pid))


def clone(options, folder):
    source, to = folder / "large", folder / "clone"
    make_large(source)
    script = f"git clone --progress file://{source} {to}"
    ours = options.files.put(stream_request("guest.v1.Git/Clone", {"url": f"file://{source}", "path": str(to)}))
    theirs = options.files.put(start_request("proto", "/bin/sh", "-c", script))
    with guestd() as agent, Growth(agent.pid) as growth:
        yield from compare(f"Clone of {CLONE_BYTES >> 20} MiB / git in a shell", options, cloning(agent, ours, to, source),
                           cloning(agent, theirs, to, source), 1.05)
    yield growth.row()


def gits(options):
    for rows in (status, clone):
        with TemporaryDirectory(prefix="guestd-bench-", dir="/tmp") as folder:
            yield from rows(options, Path(folder))
