"""Names under churn: what pids, tags and ids mean while processes come, go and are killed, beside a model that knows."""
import random

import pytest
from agent import RpcError, SLOW, wait_for
from steady import Steady, alive

TAGS = ["a", "b", "c", "long-" + "x" * 200, "ä€", None]
STEPS = 1500 // SLOW


@pytest.fixture(scope="module")
def agent():
    with Steady() as a:
        yield a


@pytest.fixture(autouse=True)
def nothing_left(agent):
    yield
    agent.kill_all()


class Model:
    """What should be: the living in the order of their start, and the exits of the others."""

    def __init__(self, agent, rng):
        self.agent, self.rng = agent, rng
        self.living, self.past = [], []  # of (pid, tag, code)

    def call(self, method, selector, **fields):
        return self.agent.call(f"process.Process/{method}", {"process": selector, **fields})

    def start(self):
        tag = self.rng.choice(TAGS)
        fields = {"tag": tag} if tag else {}
        code = self.rng.randrange(1, 100)
        with self.agent.start("/bin/sh", "-c", f"read x; exit {code}", stdin=True, **fields) as s:
            pid = s.started()
        assert pid not in [p for p, *_ in self.living]
        # The kernel may give a pid again, and a client a tag: then the old exit is found by neither.
        self.past = [p for p in self.past if p[0] != pid and (tag is None or p[1] != tag)]
        self.living.append((pid, tag, code))

    def end(self):
        """One of the living ends: by itself, or killed by its pid or tag."""
        pid, tag, code = self.rng.choice(self.living)
        how = self.rng.choice(["close", "pid", "tag"])
        if how == "tag" and tag:
            pid, tag, code = [p for p in self.living if p[1] == tag][-1]  # the one started last
        selector = {"tag": tag} if how == "tag" and tag else {"pid": pid}
        with self.agent.stream("process.Process/Connect", {"process": {"pid": pid}}) as watcher:
            assert watcher.started() == pid
            if how == "close":
                self.call("CloseStdin", selector)
            else:
                self.call("SendSignal", selector, signal="SIGNAL_SIGKILL")
                code = -1
            assert watcher.result().code == code
        self.living.remove(next(p for p in self.living if p[0] == pid))
        self.past.append((pid, tag, code))
        assert not alive(pid)

    def watch(self, selector):
        """(pid, exit code or None) of what a selector names."""
        with self.agent.stream("process.Process/Connect", {"process": selector}) as s:
            pid = s.started()
            if any(p == pid for p, *_ in self.living):
                return pid, None
            return pid, s.result().code

    def look(self):
        """A pid or a tag names the living before the past, and of several the last."""
        everybody = self.past[-50:] + self.living
        if not everybody:
            return
        pid, tag, _ = self.rng.choice(everybody)
        kind, value = ("tag", tag) if tag and self.rng.random() < 0.5 else ("pid", pid)
        at = 1 if kind == "tag" else 0
        want = [(p[0], None) for p in self.living if p[at] == value] or [(p[0], p[2]) for p in self.past if p[at] == value]
        assert self.watch({kind: value}) == want[-1], (kind, value)

    def list(self):
        listed = self.agent.call("process.Process/List").get("processes", [])
        assert [(p["pid"], p.get("tag")) for p in listed] == [(pid, tag) for pid, tag, _ in self.living]

    def nobody(self):
        for selector in ({"tag": "nobody"}, {"pid": 4194304}):
            with pytest.raises(RpcError) as e:
                self.watch(selector)
            assert e.value.code == "not_found"


@pytest.mark.parametrize("seed", [1, 20250101])
def test_names_under_churn(agent, seed):
    print(f"seed {seed}")
    rng = random.Random(seed)
    model = Model(agent, rng)
    for step in range(STEPS):
        if not model.living or (len(model.living) < 30 and rng.random() < 0.4):
            model.start()
        elif rng.random() < 0.4:
            model.end()
        else:
            rng.choice([model.look, model.look, model.list, model.nobody])()
    while model.living:
        model.end()
    model.list()


def test_kill_by_tag_reaches_one_among_many(agent):
    """Whatever stands before it in the table: each of many is found, and only that one ends."""
    pids = {}
    for i in range(100):
        with agent.start("sleep", "1000", tag=f"tag{i}") as s:
            pids[f"tag{i}"] = s.started()
    order = list(pids)
    random.Random(7).shuffle(order)
    for i, tag in enumerate(order):
        agent.call("process.Process/SendSignal", {"process": {"tag": tag}, "signal": "SIGNAL_SIGTERM"})
        wait_for(lambda: not alive(pids[tag]), what=f"{tag} has ended")
        if i % 10 == 0:
            wait_for(lambda: {p["tag"] for p in agent.call("process.Process/List")["processes"]} == set(order[i + 1:]))


def test_a_pid_that_is_used_again_never_has_an_old_exit(agent):
    """The kernel is made to give the same few pids again and again; every exit is another one."""
    def same_pids_again():
        with open("/proc/sys/kernel/ns_last_pid", "w") as f:
            f.write("20000")

    seen, again = {}, 0
    for i in range(600 // SLOW):
        if i % 5 == 0:
            same_pids_again()
        code = i % 200 + 1
        with agent.start("/bin/sh", "-c", f"read x; exit {code}", stdin=True, events={"offsets": True}) as s:
            start = next(iter(s))["event"]["start"]
            pid = start["pid"]
            again += pid in seen
            # While it lives the pid means it and not the one before, whose exit is remembered still.
            with agent.stream("process.Process/Connect", {"process": {"pid": pid}}) as c:
                assert c.started() == pid
                agent.call("process.Process/CloseStdin", {"process": {"pid": pid}})
                assert c.result().code == code
        for _ in range(2):  # and so it does afterwards
            with agent.stream("process.Process/Connect", {"process": {"pid": pid}}) as c:
                past = c.result()
                assert past.code == code and past.order == ["start", "end"]
        if pid in seen:
            old_id, old_code = seen[pid]
            assert int(start["id"]) > old_id
            with agent.stream("process.Process/Connect", {"process": {"id": str(old_id)}}) as c:
                first, last = c  # by its id the old one is still known
                assert first["event"]["start"].get("pid") == pid and last["event"]["end"]["exitCode"] == old_code
        seen[pid] = int(start["id"]), code
    assert again > 300 // SLOW
