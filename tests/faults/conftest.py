import os

import faults
import pytest
import sweep
from agent import PRESET

# guestd-failing is built with the sanitizers, which find what a failure leaks; they also keep what is freed.
collect_ignore_glob = ["*malloc*.py"] if PRESET == "release" else ["test_memory.py"]

state = None


def pytest_configure(config):
    global state
    assert os.environ.get("GUESTD_IN_NAMESPACE"), "run by tools/test: these tests want a namespace of their own"
    if path := os.environ.get("GUESTD_SWEEP"):  # run by tools/sweep
        state = sweep.State(path)


def pytest_collection_modifyitems(config, items):
    """Goes on where the last sweep stopped."""
    if not state:
        return
    done = [item for item in items if item.nodeid in state.done]
    items[:] = [item for item in items if item.nodeid not in state.done]
    config.hook.pytest_deselected(items=done)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if call.when == "setup":
        faults.TALLY.begin()
    elif call.when == "call" and state and report.passed and faults.TALLY.failed:
        state.add(item.nodeid, faults.TALLY)


def pytest_terminal_summary(terminalreporter):
    if state:
        terminalreporter.write_line(state.summary())
