"""What faults cost in memory: nothing that stays."""
import time

from agent import RpcError
from faults import CallFaults, anonymous_kib, at_rest, attempt, settled


def test_many_failures_cost_no_memory():
    """Two hundred failed spawns: what the first of them cost is all that they cost."""
    with CallFaults(["clone3"]) as agent:
        before = at_rest(agent)

        def fail_spawns(n):
            for _ in range(n):
                with agent.fail("clone3", "ENOMEM", times=2):  # one may be of a thread, beside which there is another
                    assert isinstance(attempt(agent), RpcError)
            settled(agent, before)
            time.sleep(1.2)  # freed memory goes back after a second
            return anonymous_kib(agent)

        first = fail_spawns(50)
        assert fail_spawns(200) <= first + 64
