"""Everything at once, for long, by clients of which half vanish in the middle: what the agent holds does not grow."""
import collections
import math
import os
import random
import re
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import mix
from agent import protos, wait_for
from faults import at_rest, children, descriptors, leaves
from steady import FORGOTTEN_S, Steady
from vanishing import Client, Vanished

MINUTES = float(os.environ["GUESTD_SOAK_MINUTES"])
SEED = int(os.environ.get("GUESTD_SOAK_SEED") or random.randrange(1 << 32))
CLIENTS = 6
ROUNDS = max(4, min(12, round(MINUTES / 5)))
STRETCHES = math.ceil(MINUTES * 60 / ROUNDS / 20)  # of 20 s at most: what the vanished leave running is bounded (PROCESSES_MAX)
GROWS_KIB = 64  # the heap's holes differ from one round to the next


def anonymous_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"RssAnon:\s+(\d+)", f.read())[1])


class Mix(Steady):
    """With a directory for its clients, and a listener for each kind of them."""

    def __init__(self):
        self.home = tempfile.mkdtemp(dir="/dev/shm")
        self.stacyvm = f"{self.home}/socket"
        super().__init__("--listen", f"stacyvm@unix:{self.stacyvm}", "--listen", "tcp:127.0.0.1:0", "--open")
        self.held = at_rest(self, listeners=3)
        self.before = self.state()

    def at_peace(self):
        """Nothing runs, and it holds what it held."""
        return (children(self) == [] and self.call("process.Process/List") == {} and leaves(self) == []
                and descriptors(self) == self.held and self.threads() == 1)

    def clear(self):
        """Ends what the vanished have left running, and takes away their files: no half one is among them."""
        self.kill_all()
        for name in os.listdir(self.home):
            if os.path.isdir(f"{self.home}/{name}"):
                assert mix.left_over(f"{self.home}/{name}") == []
                shutil.rmtree(f"{self.home}/{name}")

    def rest(self):
        """What is left when nobody asks for anything any more: its memory in KiB."""
        wait_for(self.at_peace, 20, "no child, zombie, leaf, descriptor or thread is left")
        time.sleep(FORGOTTEN_S)
        return anonymous_kib(self.pid)

    def close(self):
        super().close()
        shutil.rmtree(self.home)


def work(agent, number, client_number, until):
    """One client's steps until then. Returns (steps by name, how many vanished)."""
    rng = random.Random(f"{SEED} {number} {client_number}")
    done, vanished = collections.Counter(), 0
    tcp = "127.0.0.1", int(agent.address("tcp").rsplit(":", 1)[1])
    while time.monotonic() < until:
        f, client = rng.choice(mix.STEPS), Client(agent, rng, rng.random() < 0.5, rng.choice([None, tcp]))
        path = f"{agent.home}/{number}-{client_number}-{sum(done.values())}"
        os.mkdir(path)
        done[f.__name__] += 1
        try:
            f(mix.Step(client, rng, path, agent.stacyvm))
        except Vanished:
            vanished += 1
            continue  # a worker may be at it still: its directory is looked at when all is quiet
        except Exception as e:
            raise AssertionError(f"seed {SEED}, round {number}, client {client_number}, step {sum(done.values())}: "
                                 f"{f.__name__}: {e!r}\n{agent.log[-2000:]}") from e
        shutil.rmtree(path)
    return done, vanished


def play(agent, number, seconds):
    """A stretch of a round. Returns (steps by name, how many vanished)."""
    until, done, vanished = time.monotonic() + seconds, collections.Counter(), 0
    with ThreadPoolExecutor(CLIENTS) as pool:
        for result in [pool.submit(work, agent, number, c, until) for c in range(CLIENTS)]:
            more, gone = result.result()
            done += more
            vanished += gone
    return done, vanished


def test_nothing_grows(say):
    protos()
    say(f"mix: seed {SEED}")
    done, vanished, memory = collections.Counter(), 0, []
    with Mix() as agent:
        for number in range(ROUNDS):
            for stretch in range(STRETCHES):
                more, gone = play(agent, f"{number}.{stretch}", MINUTES * 60 / ROUNDS / STRETCHES)
                done += more
                vanished += gone
                agent.clear()
            memory.append(agent.rest())
        held = len(agent.held)
    say(f"mix: {done.total()} steps, in {vanished} of which the client vanished: "
        + ", ".join(f"{count} {name}" for name, count in sorted(done.items())))
    say(f"mix: after each of {ROUNDS} rounds {' '.join(map(str, memory))} KiB of its own, {held} descriptors, 1 thread, no child, zombie or leaf")
    assert min(memory[ROUNDS // 2:]) <= max(memory[:ROUNDS // 2]) + GROWS_KIB
    assert set(done) == {f.__name__ for f in mix.STEPS}
