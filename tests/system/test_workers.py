"""Calls that hang: 200 of them on a FUSE mount whose server never answers. Everybody else is served meanwhile."""
import base64
import os
from pathlib import Path

import pytest
from agent import Agent, RpcError, wait_for
from hung import HungMount

STAT = "filesystem.Filesystem/Stat"
LANE = 2       # WORKER_LANE_MAX
WAITING = 256  # WORKER_QUEUE_MAX


@pytest.fixture
def mount(tmp_path):
    with HungMount(tmp_path) as m:
        yield m


def threads(agent):
    """The names of the threads that are not the loop."""
    names = []
    for task in os.listdir(f"/proc/{agent.pid}/task"):
        if int(task) != agent.pid:
            try:
                names.append(Path(f"/proc/{agent.pid}/task/{task}/comm").read_text().strip())
            except (FileNotFoundError, ProcessLookupError):
                pass
    return names


def workers(agent):
    return threads(agent).count("worker")


def metrics(agent):
    return agent.request("GET", "/metrics").json()


def ask(agent, path, method=STAT, field="path", **headers):
    """A Stat whose answer nobody waits for: its connection."""
    c = agent.connect()
    body = b'{"%s":"%s"}' % (field.encode(), os.fspath(path).encode())
    c.send_request("POST", f"/{method}", {"Content-Type": "application/json", **headers}, body)
    return c


def test_200_hung_calls_hold_up_nobody(agent, mount, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "file"
    elsewhere.write_text("x")
    agent.call(STAT, {"path": str(elsewhere)})  # the table of mounts is known from here on
    hung = [ask(agent, f"{mount.directory}/{i}") for i in range(200)]
    m = wait_for(lambda: (m := metrics(agent))["worker_queued"] >= 200 - LANE and m["worker_stuck"] == LANE and m, 10,
                 "all of them hang")
    assert m["worker_queued"] == 200 - LANE and m["worker_threads"] <= 4
    for _ in range(20):
        assert agent.call(STAT, {"path": str(elsewhere)})["entry"]["name"] == "file"
        assert agent.request("GET", "/health").status == 204
        assert agent.run("echo", "on").stdout == b"on\n"
    assert workers(agent) <= 4
    mount.let_go()
    for c in hung:
        assert c.read_response("POST").status != 200  # ENOTCONN, or not found behind the mount
        c.close()
    m = metrics(agent)
    assert m["worker_queued"] == m["worker_stuck"] == 0
    wait_for(lambda: workers(agent) == 0, 10, "the threads have left")


def test_a_path_in_bytes_has_the_lane_of_its_mount(agent, mount):
    paths = [base64.b64encode(f"{mount.directory}/{i}".encode()).decode() for i in range(20)]
    hung = [ask(agent, path, "guest.v1.Files/Stat", "pathBytes") for path in paths]
    wait_for(lambda: metrics(agent)["worker_queued"] == 20 - LANE and metrics(agent)["worker_stuck"] == LANE, 10,
             "all of them hang, two in the kernel")
    mount.let_go()
    for c in hung:
        assert c.read_response("POST").status != 200
        c.close()


def test_an_answer_comes_although_the_thread_is_in_the_kernel(agent, mount):
    """A deadline; and a client that goes. The connections are free, the threads are not."""
    agent.call(STAT, {"path": "/"})
    with pytest.raises(RpcError) as e:
        agent.call(STAT, {"path": f"{mount.directory}/x"}, Connect_Timeout_Ms="300")
    assert e.value.code == "deadline_exceeded"
    fds = agent.fds()
    gone = [ask(agent, f"{mount.directory}/{i}") for i in range(50)]
    wait_for(lambda: metrics(agent)["worker_queued"] == 50 + 1 - LANE, 10, "they wait")
    for c in gone:
        c.close()
    wait_for(lambda: agent.fds() <= fds + 1, 10, "their connections are gone")
    assert workers(agent) >= LANE
    mount.let_go()
    wait_for(lambda: metrics(agent)["worker_queued"] == 0, 10, "all have run")
    wait_for(lambda: workers(agent) == 0, 10, "the threads have left")


def test_more_calls_than_may_wait_are_refused(agent, mount, tmp_path_factory):
    """Those on the mount only: the others have a queue of their own."""
    agent.call(STAT, {"path": "/"})
    hung = [ask(agent, f"{mount.directory}/{i}") for i in range(LANE + WAITING)]
    wait_for(lambda: metrics(agent)["worker_queued"] == WAITING, 10, "they wait")
    with pytest.raises(RpcError) as e:
        agent.call(STAT, {"path": f"{mount.directory}/one-more"})
    assert e.value.code == "resource_exhausted"
    assert agent.call(STAT, {"path": str(tmp_path_factory.getbasetemp())})
    for c in hung:
        c.close()


def test_a_path_by_a_link_hangs_too(agent, mount, tmp_path_factory):
    """Nobody looks where a link leads before a worker does: such calls take threads, as many as there are extra ones for."""
    link = tmp_path_factory.mktemp("links") / "link"
    link.symlink_to(mount.directory)
    hung = [ask(agent, f"{link}/{i}") for i in range(8)]
    wait_for(lambda: metrics(agent)["worker_stuck"] == 8, 20, "each has its thread")
    assert agent.call(STAT, {"path": "/"})["entry"]["type"] == "FILE_TYPE_DIRECTORY"
    mount.let_go()
    for c in hung:
        assert c.read_response("POST").status != 200
        c.close()


def test_a_home_on_a_mount_that_hangs(agent, mount):
    """A path below the home is on its mount, once somebody has come by that name."""
    users = Path("/etc/passwd").read_text()
    try:
        with open("/etc/passwd", "a") as f:
            f.write(f"far:x:4711:4711::{mount.directory}:/bin/sh\n")
        who = {"Authorization": "Basic ZmFyOg=="}
        hung = [ask(agent, f"x{i}", **who) for i in range(3)]
        wait_for(lambda: metrics(agent)["worker_stuck"] >= LANE, 10, "they hang")
        hung += [ask(agent, f"y{i}", **who) for i in range(10)]
        wait_for(lambda: metrics(agent)["worker_queued"] >= 10, 10, "the others wait")
        assert workers(agent) <= 4 + 1
        mount.let_go()
        for c in hung:
            c.read_response("POST")
            c.close()
    finally:
        with open("/etc/passwd", "w") as f:
            f.write(users)


def test_an_agent_ends_although_calls_hang(mount):
    with Agent(env={"ASAN_OPTIONS": "detect_leaks=0"}) as agent:  # to look for leaks it would wait for the threads that hang
        agent.call(STAT, {"path": "/"})
        hung = [ask(agent, f"{mount.directory}/{i}") for i in range(5)]
        wait_for(lambda: metrics(agent)["worker_stuck"] == LANE, 10, "they hang")
        assert agent.stop() == 0  # within 8 s
        for c in hung:
            c.close()
