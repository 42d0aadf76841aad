"""A host freezes a guest whose init is the agent, over vsock, and wakes it with /init; on kernels that ship."""
from machine import HANG


def frozen(guest, kind="user"):
    """By a process of the agent's own cgroup: it goes on."""
    r = guest.run("cat", f"/sys/fs/cgroup/{kind}/cgroup.events", tag="_system")
    return b"frozen 1" in r.stdout


def test_a_host_holds_the_guest_still(guest):
    with guest.start("/bin/sh", "-c", "while :; do echo tick; sleep .02; done") as s:
        s.started()
        s.read_until(b"tick")
        r = guest.request("POST", "/freeze?maxWaitMs=5000")
        report = r.json()
        assert r.status == 200 and (report["frozen"], report["notFrozen"], report["failed"]) == (2, 0, 0)
        assert frozen(guest) and frozen(guest, "ptys")
        assert guest.request("GET", "/health").status == 204
        with guest.start("echo", "hello") as held:
            assert guest.request("POST", "/init").status == 204
            assert held.result().stdout == b"hello\n"
        assert not frozen(guest)
        s.read_until(b"tick")


def test_the_end_comes_to_frozen_processes_too(guest):
    with guest.start("sleep", str(HANG)) as s:
        s.started()
        assert guest.request("POST", "/freeze?maxWaitMs=5000").status == 200
        guest.kill_all()
        assert s.result().end["status"] == "signal: killed"
    assert guest.request("POST", "/unfreeze").status == 204


def test_a_root_in_memory_cannot_be_frozen(guest):
    r = guest.request("POST", "/fsfreeze")
    assert r.status == 500 and r.json()["message"] == "freeze the file system of '/': operation not supported"
    assert guest.request("POST", "/fsthaw").status == 204


def test_huge_pages(guest):
    report = guest.request("POST", "/collapse").json()
    assert report["regions"] > 0 and report["chunks"] == report["collapsed"] + report["alreadyHuge"] + report["skipped"]
