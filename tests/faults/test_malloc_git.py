"""The same for git: each method, with credentials and errors. What git itself had done when the memory was short stays done."""
import tempfile

import git_host
import pytest
from faults import MallocFaults, at_rest, each_allocation, settled
from git_host import git
from git_steps import STEPS, Place


@pytest.fixture(scope="module")
def agent():
    with MallocFaults() as a, tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        a.place = Place(folder)
        with a.place.server:
            a.before = at_rest(a)
            yield a


@pytest.mark.parametrize("step", STEPS, ids=lambda s: s.__name__)
def test_an_allocation_fails(agent, step):
    each_allocation(agent, 1, lambda: step(agent))


def test_nothing_is_left(agent):
    """Of clones neither, but for whole ones, whose answer alone had no memory."""
    settled(agent, agent.before)
    for clone in agent.place.root.glob("clone*"):
        assert git(clone, "status", "--porcelain") == b"" and git_host.head(clone) == git_host.head(agent.place.bare, "main")
