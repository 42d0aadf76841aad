"""The fields of process.Process from 1000 on: each does what it says, and nobody sees them who did not ask."""
import os
import signal
import time

import pytest
from agent import RpcError, wait_for

ALL = {"offsets": True, "exited": True, "exitRecord": True}


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:  # it is gone, or goes while we read
        return False


def messages(stream):
    return [m["event"] for m in stream]


def run(agent, script, codec="json", **fields):
    """All events of a shell's life."""
    with agent.start("/bin/sh", "-c", script, codec=codec, **fields) as s:
        return messages(s)


def kinds(events):
    return [next(iter(e)) for e in events]


def output(events):
    import base64
    return b"".join(base64.b64decode(v) for e in events if "data" in e for k, v in e["data"].items() if k != "offset")


def watch(agent, selector, codec="json", **fields):
    with agent.stream("process.Process/Connect", {"process": selector, **fields}, codec) as s:
        return messages(s)


# --- what events say ---------------------------------------------------------------------------------------------------


def test_nobody_sees_them_who_did_not_ask(agent, codec):
    events = run(agent, "echo x; sleep .1; echo y >&2; exit 3", codec)
    assert kinds(events) == ["start", "data", "data", "end"]
    assert set(events[0]["start"]) == {"pid"} and set(events[1]["data"]) == {"stdout"}
    assert set(events[-1]["end"]) == {"exitCode", "exited", "status", "error"}


def test_offsets(agent, codec):
    events = run(agent, "printf 12345; sleep .2; printf abc >&2; sleep .2; printf 6", codec, events=ALL)
    assert int(events[0]["start"]["id"]) > 0 and int(events[0]["start"]["offset"]) == 0
    assert [(int(e["data"]["offset"]), *[k for k in e["data"] if k != "offset"]) for e in events if "data" in e] == \
        [(0, "stdout"), (5, "stderr"), (8, "stdout")]
    assert int(events[-1]["end"]["offset"]) == 9


def test_ids_in_the_list(agent, codec):
    with agent.start("sleep", "1000", codec=codec, events=ALL) as s:
        start = next(iter(s))["event"]["start"]
        assert agent.call("process.Process/List", {"ids": True}, codec)["processes"][0]["id"] == start["id"]
        assert "id" not in agent.call("process.Process/List", {}, codec)["processes"][0]
        agent.call("process.Process/SendSignal", {"process": {"id": start["id"]}, "number": 9}, codec)


def test_the_exit_record(agent, codec):
    before = time.time()
    record = run(agent, "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; exit 9", codec, events=ALL)[-1]["end"]["record"]
    assert record["code"] == 9 and "signal" not in record and "timedOut" not in record
    assert int(record["durationUs"]) > 0 and int(record["usage"]["userUs"]) > 1000
    assert int(record["usage"]["maxRssBytes"]) > 100 << 10
    assert record["startedAt"] <= record["endedAt"]
    assert abs(before - time.time()) < 60
    record = run(agent, "kill -SEGV $$", codec, events=ALL)[-1]["end"]["record"]
    assert record["code"] == -1 and record["signal"] == signal.SIGSEGV


def test_exited_comes_before_the_end_of_the_output(agent, codec):
    """A grandchild still writes when the leader has gone."""
    events = run(agent, "(sleep .05; echo late) & echo early", codec, events=ALL)
    order = kinds(events)
    assert order.index("exited") < len(order) - 1 and order[-1] == "end"
    assert output(events[order.index("exited"):]).endswith(b"late\n")
    assert events[order.index("exited")]["exited"]["record"]["endedAt"]


# --- replay ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("replay, seen", [
    ({"start": True}, b"0123456789"), ({"offset": 4}, b"456789"), ({"tail": 3}, b"789"), ({"offset": 99}, b""), ({}, b"")])
def test_replay(agent, codec, replay, seen):
    with agent.start("/bin/sh", "-c", "printf 0123456789; read x; printf end", codec=codec, stdin=True, events=ALL) as s:
        pid = s.started()
        s.read_until(b"9")
        with agent.stream("process.Process/Connect", {"process": {"pid": pid}, "replay": replay, "events": ALL}, codec) as c:
            first = next(iter(c))["event"]["start"]
            assert int(first["offset"]) == 10 - len(seen)
            agent.call("process.Process/SendInput", {"process": {"pid": pid}, "input": {"stdin": "Cg=="}}, codec)
            assert output(messages(c)) == seen + b"end"
        s.result()


def test_an_ended_process_still_replays(agent, codec):
    events = run(agent, "printf 0123456789; exit 4", codec, events=ALL, tag="gone")
    by_id = {"id": events[0]["start"]["id"]}
    for selector in (by_id, {"tag": "gone"}, {"pid": events[0]["start"]["pid"]}):
        again = watch(agent, selector, codec, replay={"tail": 4}, events=ALL)
        assert output(again) == b"6789" and again[-1]["end"]["exitCode"] == 4
        assert int(again[0]["start"]["offset"]) == 6
        assert kinds(watch(agent, selector, codec)) == ["start", "end"]
    with pytest.raises(RpcError) as e:
        agent.call("process.Process/SendSignal", {"process": by_id, "signal": 15}, codec)
    assert e.value.code == "internal"
    with pytest.raises(RpcError) as e:
        watch(agent, {"id": 1})
    assert e.value.code == "not_found" and e.value.message == "process with id 1 not found"


def test_what_is_not_kept_any_more_is_a_gap(agent):
    """The ring holds its last megabyte."""
    with agent.start("/bin/sh", "-c", "head -c 3000000 /dev/zero; read x", stdin=True, events=ALL) as s:
        pid = s.started()
        s.read_bytes(3000000)
        with agent.stream("process.Process/Connect", {"process": {"pid": pid}, "replay": {"start": True}, "events": ALL}) as c:
            offset = int(next(iter(c))["event"]["start"]["offset"])
            assert 1900000 < offset < 3000000
            agent.call("process.Process/CloseStdin", {"process": {"pid": pid}})
            assert len(output(messages(c))) == 3000000 - offset
        s.result()


def test_the_output_of_the_ended_is_bounded(agent):
    """Each wrote 100 KB, and half a megabyte of all is kept: the last ones replay, the first ones say that they cannot."""
    ids = [run(agent, "head -c 100000 /dev/zero", events=ALL)[0]["start"]["id"] for _ in range(30)]
    last = watch(agent, {"id": ids[-1]}, replay={"start": True}, events=ALL)
    assert len(output(last)) == 100000
    first = watch(agent, {"id": ids[0]}, replay={"start": True}, events=ALL)
    assert kinds(first) == ["start", "end"] and int(first[0]["start"]["offset"]) == 100000


# --- signals -----------------------------------------------------------------------------------------------------------


def send(agent, pid, codec="json", **fields):
    agent.call("process.Process/SendSignal", {"process": {"pid": pid}, **fields}, codec)


def test_any_signal(agent, codec):
    for signo in (signal.SIGUSR1, signal.SIGHUP, signal.SIGRTMAX):
        with agent.start("sleep", "1000", codec=codec, events=ALL) as s:
            send(agent, s.started(), codec, number=int(signo))
            assert messages(s)[-1]["end"]["record"]["signal"] == signo
    with agent.start("sleep", "1000", codec=codec) as s:
        pid = s.started()
        for number in (65, 2**32 - 1):
            with pytest.raises(RpcError) as e:
                send(agent, pid, codec, number=number)
            assert e.value.code == "invalid_argument"
        send(agent, pid, codec, number=9)


@pytest.mark.parametrize("target, dies", [
    ("SIGNAL_TARGET_LEADER", "leader"), ("SIGNAL_TARGET_GROUP", "leader group"), ("SIGNAL_TARGET_TREE", "leader group session")])
def test_targets(agent, codec, target, dies):
    """The leader, a child in its group, one in a group of its own."""
    script = "sleep 1000 & echo $!; set -m; sleep 1001 & echo $!; set +m; echo; exec sleep 1002"
    with agent.start("/bin/bash", "-c", script, codec=codec) as s:
        leader = s.started()
        group, session = map(int, s.read_until(b"\n\n").split())
        send(agent, leader, codec, number=15, target=target)
        assert s.result().end["status"] == "signal: terminated"
        pids = {"group": group, "session": session}
        for name, pid in pids.items():
            if name in dies:
                wait_for(lambda: not alive(pid), what=f"{name} is dead")
        time.sleep(0.1)
        for name, pid in pids.items():
            assert alive(pid) == (name not in dies)
            if alive(pid):
                os.kill(pid, 9)


def test_grace(agent, codec):
    """TERM first, which the leader heeds and its child does not."""
    stubborn = "trap '' TERM; echo $$; while :; do sleep .05; done"
    script = 'trap "echo bye; exit 5" TERM; sh -c "$STUBBORN" & wait'  # its own trap before the child's
    with agent.start("/bin/sh", "-c", script, codec=codec, events=ALL, envs={"STUBBORN": stubborn}) as s:
        pid = s.started()
        child = int(s.read_until(b"\n"))
        send(agent, pid, codec, number=15, target="SIGNAL_TARGET_TREE", graceMs=300)
        events = messages(s)
        assert output(events).endswith(b"bye\n") and events[-1]["end"]["exitCode"] == 5
        wait_for(lambda: not alive(child), what="what ignored SIGTERM is killed")


def test_kill_by_default_reaches_the_leader_only_when_told_so():
    from agent import Agent
    with Agent("--kill", "leader") as agent, agent.start("/bin/sh", "-c", "sleep 1003 & echo $!; wait") as s:
        pid = s.started()
        child = int(s.read_until(b"\n"))
        send(agent, pid, signal=9)
        assert s.result().end["status"] == "signal: killed"
        assert alive(child)
        os.kill(child, 9)


# --- how it is started -------------------------------------------------------------------------------------------------


def test_an_idempotency_key_starts_once(agent, codec, tmp_path):
    options = {"idempotencyKey": "k1"}
    script = f"echo run >>{tmp_path}/runs; echo hi; sleep .3; echo bye"
    with agent.start("/bin/sh", "-c", script, codec=codec, options=options) as first:
        with agent.start("/bin/sh", "-c", script, codec=codec, options=options) as second:
            a, b = first.result(), second.result()
            assert a.pid == b.pid and a.stdout == b.stdout == b"hi\nbye\n"
    third = run(agent, script, codec, options=options, events=ALL)  # it has ended meanwhile
    assert third[0]["start"]["pid"] == a.pid and output(third) == b"hi\nbye\n"
    assert open(f"{tmp_path}/runs").read() == "run\n"
    run(agent, script, codec, options={"idempotencyKey": "k2"})
    assert open(f"{tmp_path}/runs").read() == "run\nrun\n"


def test_no_new_privs(agent, codec):
    script = "grep NoNewPrivs /proc/self/status"
    assert output(run(agent, script, codec)) == b"NoNewPrivs:\t0\n"
    assert output(run(agent, script, codec, options={"noNewPrivs": True})) == b"NoNewPrivs:\t1\n"


def test_umask_and_nice(agent, codec):
    script = "umask; nice"
    assert output(run(agent, script, codec)) == b"0022\n0\n"
    assert output(run(agent, script, codec, options={"umask": 0o77, "nice": 5})) == b"0077\n5\n"
    assert output(run(agent, script, codec, options={"umask": 0, "nice": -5})) == b"0000\n-5\n"


def test_limits(agent, codec):
    limits = [{"name": "nofile", "soft": 50, "hard": 60}, {"name": "core", "soft": 0, "hard": str(2**64 - 1)}]
    assert output(run(agent, "ulimit -Sn; ulimit -Hn; ulimit -Hc", codec, options={"limits": limits})) == \
        b"50\n60\nunlimited\n"


def test_extra_groups(agent, codec):
    out = output(run(agent, "id -G", codec, options={"extraGroups": ["tty", "54321"]})).split()
    assert b"5" in out and b"54321" in out


@pytest.mark.parametrize("options, message", [
    ({"idempotencyKey": "k" * 129}, "options: bytes of idempotency_key 129: more than 128"),
    ({"umask": 512}, "options: umask 512: more than 511"),
    ({"nice": 20}, "options: nice 20: not from -20 to 19"),
    ({"limits": [{"name": "wisdom"}]}, "options: there is no limit 'wisdom'"),
    ({"limits": [{"name": "core"}] * 17}, "options: limits 17: more than 16"),
    ({"limits": [{"name": "core", "soft": 2, "hard": 1}]}, "error starting process 'true': set core: invalid argument"),
    ({"extraGroups": ["nobody-knows-it"]}, "error starting process 'true': there is no group 'nobody-knows-it'"),
    ({"extraGroups": ["tty"] * 33}, "options: extra_groups 33: more than 32"),
    ({"graceMs": 86400001}, "options: grace_ms 86400001: more than 86400000"),
    ({"maxOutput": {}}, "options: max_output of 0 bytes"),
])
def test_bad_options_are_named(agent, codec, options, message):
    with pytest.raises(RpcError) as e:
        agent.run("true", codec=codec, options=options)
    assert (e.value.code, e.value.message) == ("invalid_argument", message)


# --- how it is ended ---------------------------------------------------------------------------------------------------


def test_the_deadline_has_a_grace_and_a_target(agent, codec):
    script = "trap 'echo asked; exit 0' TERM; sleep 1004 & echo $!; wait"
    with agent.start("/bin/sh", "-c", script, codec=codec, headers={"Connect-Timeout-Ms": 300},
                     options={"graceMs": 5000, "killTarget": "SIGNAL_TARGET_LEADER"}) as s:
        s.started()
        child = int(s.read_until(b"\n"))
        s.read_until(b"asked")
        with pytest.raises(RpcError) as e:
            s.result()
        assert e.value.code == "deadline_exceeded" and alive(child)
        os.kill(child, 9)


@pytest.mark.parametrize("wanted", [True, False])
def test_kill_on_disconnect(agent, codec, wanted):
    s = agent.start("sleep", "1005", codec=codec, options={"killOnDisconnect": wanted})
    pid = s.started()
    s.close()
    if wanted:
        wait_for(lambda: not alive(pid), what="it is killed with its client")
    else:
        time.sleep(0.3)
        assert alive(pid)
        os.kill(pid, 9)


def test_max_output_keeps_the_head(agent, codec):
    events = run(agent, "head -c 300000 /dev/zero | tr '\\0' a; echo $? >&2; exit 6", codec,
                 options={"maxOutput": {"bytes": 1000}})
    assert output(events) == b"a" * 1000
    assert events[-1]["end"]["truncated"] and events[-1]["end"]["exitCode"] == 6  # nobody got SIGPIPE
    events = run(agent, "printf 12345", codec, options={"maxOutput": {"bytes": 5}})
    assert output(events) == b"12345" and "truncated" not in events[-1]["end"]


def test_max_output_keeps_the_tail(agent, codec):
    options = {"maxOutput": {"bytes": 10, "keep": "KEEP_TAIL"}}
    events = run(agent, "head -c 3000000 /dev/zero; echo; echo 123456789", codec, options=options, events=ALL)
    assert output(events) == b"123456789\n" and events[-1]["end"]["truncated"]
    assert [int(e["data"]["offset"]) for e in events if "data" in e] == [3000001]
    events = run(agent, "printf 12345", codec, options=options)
    assert output(events) == b"12345" and "truncated" not in events[-1]["end"]
