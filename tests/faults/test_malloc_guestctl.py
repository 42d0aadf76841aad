"""Each allocation of a command of guestctl fails once: it does what was asked, or says what is missing and exits with a failure."""
import os
import signal
import subprocess

import pytest
from agent import SLOW, Agent
from faults import CTL_FAILING, MANY, Orders, places

TREE = [("d/one", b"1" * 300_000), ("d/e/two", b"2"), ("three", b"")]


@pytest.fixture(scope="module")
def agent():
    with Agent() as a:
        yield a


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Some files, in a directory of their own."""
    root = tmp_path_factory.mktemp("tree")
    for name, data in TREE:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def same(root):
    return all((root / name).read_bytes() == data for name, data in TREE)


# Each: the words, what it reads, and whether what it did and wrote is right.
COMMANDS = {
    "exec": lambda tree, to: (["exec", "-e", "A=b", "sh", "-c", "echo $A; exit 0"], b"", lambda out: out == b"b\n"),
    "exec-input": lambda tree, to: (["exec", "-i", "cat"], b"in" * 50_000, lambda out: out == b"in" * 50_000),
    "ps": lambda tree, to: (["ps"], b"", lambda out: b"PID" in out),
    "info": lambda tree, to: (["info"], b"", lambda out: b"version" in out),
    "ls": lambda tree, to: (["ls", f"{tree}"], b"", lambda out: b"three" in out and b"d" in out),
    "up": lambda tree, to: (["cp", f"{tree}/d/one", f":{to}"], b"", lambda out: to.read_bytes() == TREE[0][1]),
    "down": lambda tree, to: (["cp", f":{tree}/d/one", f"{to}"], b"", lambda out: to.read_bytes() == TREE[0][1]),
    "tree-up": lambda tree, to: (["cp", "-r", f"{tree}", f":{to}"], b"", lambda out: same(to)),
    "tree-down": lambda tree, to: (["cp", "-r", f":{tree}", f"{to}"], b"", lambda out: same(to)),
}


def run(command, given, orders):
    """What came of it; of one that hangs that it was killed."""
    try:
        return subprocess.run(command, input=given, capture_output=True, timeout=10 * SLOW, pass_fds=(orders.file,),
                              env={**os.environ, **orders.env})
    except subprocess.TimeoutExpired as e:
        return subprocess.CompletedProcess(command, -signal.SIGKILL, e.stdout or b"", e.stderr or b"")


def clear(path):
    subprocess.run(["rm", "-rf", path], check=True)


@pytest.mark.parametrize("protocol", ["connect", "grpc"])
@pytest.mark.parametrize("name", COMMANDS)
def test_an_allocation_fails(agent, tree, tmp_path, name, protocol):
    to, orders, wrong = tmp_path / "to", Orders(CTL_FAILING), []
    words, given, right = COMMANDS[name](tree, to)
    for n in range(1, MANY):
        with orders.fail(n) as faults:
            r = run([CTL_FAILING, "--protocol", protocol, "-t", f"unix:{agent.path}", *words], given, orders)
        said = r.stderr.decode(errors="replace")
        if "Sanitizer" in said or "runtime error" in said or r.returncode < 0:
            wrong.append(f"{n}: {r.returncode}{places(faults.where, CTL_FAILING)}: {said[-2000:]}")
        elif r.returncode == 0 and not right(r.stdout):
            wrong.append(f"{n}: not what was asked{places(faults.where, CTL_FAILING)}: {r.stdout[-200:]} {said}")
        elif r.returncode != 0 and not said.strip():
            wrong.append(f"{n}: {r.returncode} without a word{places(faults.where, CTL_FAILING)}")
        clear(to)
        if faults.failed == 0:
            break
    orders.close()
    assert r.returncode == 0, said
    assert 3 < n < MANY - 1, "the allocations were not seen"
    assert not wrong, "\n".join(wrong)
