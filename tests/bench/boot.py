"""guestd as the first process: how much it does before it listens, in namespaces of its own and an empty root."""
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from measure import PROGRAMS, SERVER_CPU, Contender, compare, guestd, p50_us
from table import Row
from wire import answer_of, http_request

from agent import BINARY

MOUNTED = ("proc", "sys", "dev", "run", "tmp", "etc")
PORT = "unix:/s"


@contextmanager
def empty_root(options):
    """A root with nothing but both contenders, and what they are asked."""
    request = http_request("GET", "/health")
    pages = Path("/dev/hugepages")  # there is one devtmpfs in a machine: what is made in it stays
    there = pages.exists()
    with tempfile.TemporaryDirectory(prefix="gr", dir="/tmp") as folder, guestd() as agent:
        root = Path(folder)
        for name in MOUNTED:
            (root / name).mkdir()
        shutil.copy(BINARY, root / "guestd")
        shutil.copy(PROGRAMS / "raw_init", root)
        (root / "response").write_bytes(answer_of(agent, request))
        try:
            yield root, options.files.put(request)
        finally:
            if not there and pages.exists():
                pages.rmdir()


def runner(root, request, units, *command):
    return [PROGRAMS / "raw_init", "run", root, request, str(units), str(SERVER_CPU), *command]


def mounts_of(lines):
    """What a traced init has mounted, as raw_init reads it."""
    for line in lines:
        match = re.search(r'mount\("(\w+)", "([^"]+)", "(\w+)", ([A-Z_|0-9]+), (?:"([^"]*)"|NULL) *\) += 0', line)
        if match:
            flags = sum({"MS_RDONLY": 1, "MS_NOSUID": 2, "MS_NODEV": 4, "MS_NOEXEC": 8}.get(f, 0)
                        for f in match[4].split("|"))
            yield f"{match[3]} {match[2]} {flags} {match[5] or ''}"


def traced(command):
    """The lines of the init alone, from its exec to where it listens."""
    with tempfile.NamedTemporaryFile(prefix="gt", dir="/tmp") as file:
        subprocess.run(["strace", "-f", "-s", "256", "-o", file.name, *map(str, command)], check=True,
                       stdout=subprocess.DEVNULL)
        lines = Path(file.name).read_text(errors="replace").splitlines()
    began = next(i for i, line in enumerate(lines) if 'execve("/guestd"' in line)
    own = lines[began].split()[0]
    calls = list(whole(line.split(None, 1)[1] for line in lines[began:] if line.split()[0] == own))
    return calls[:next(i for i, line in enumerate(calls) if line.startswith("listen(")) + 1]


def whole(lines):
    """The calls, also those that another process's line interrupts."""
    begun = ""
    for line in lines:
        if line.endswith("<unfinished ...>"):
            begun = line.removesuffix("<unfinished ...>")
        elif match := re.match(r"<\.\.\. \w+ resumed>(.*)", line):
            yield begun + match[1]
        elif re.match(r"\w+\(", line):
            yield line


def starting(command, units):
    """A contender that is started anew for each unit."""
    spent = [0.0]

    def measure(n):
        command[4] = str(n)
        out = subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True).stdout
        lines = [list(map(int, line.split())) for line in out.splitlines()]
        spent[0] += sum(cpu for _, cpu in lines) / 1e9
        return p50_us(lines)
    return Contender(measure, units, lambda: spent[0])


def boot(options):
    units = options.units(40)
    with empty_root(options) as (root, request):
        ours = runner(root, request, 1, "/guestd", "--listen", PORT, "--log-level", "off")
        lines = traced(ours)
        (root / "mounts").write_text("".join(f"{line}\n" for line in mounts_of(lines)))
        raw = runner(root, request, 1, "/raw_init", "init", "/response", "/mounts")
        yield Row("calls from exec to listen", len(lines), "", 150)
        yield Row("  of these mounts", sum(line.startswith("mount(") for line in lines), "")
        yield from compare("PID 1 to first answer", options, starting(ours, units), starting(raw, units), 1.3)
