import os
import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "lib"))

import guestctl  # noqa: E402
import emulation  # noqa: E402
from agent import Agent, PRESET  # noqa: E402


def pytest_report_header():
    return f"guestd: build/{PRESET}/guestd"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Takes out what is beyond an emulator, and tells how many; a name that stands for nothing is an error."""
    whole = not any("::" in word for word in config.args)
    if whole and (names := emulation.stale([item.nodeid for item in items])):
        raise pytest.UsageError(f"{emulation.LIST}: there is no {', '.join(names)}")
    out = [item for item in items if any(emulation.is_named(item.nodeid, name) for name in emulation.beyond())]
    config.hook.pytest_deselected(items=out)
    items[:] = [item for item in items if item not in out]


TEST_MAX_S = 600 + 120 * float(os.environ.get("GUESTD_SOAK_MINUTES", 0))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """A test that waits for ever is one that fails: keepalives come on a stream whose end does not."""
    def give_up(*_):
        raise TimeoutError(f"no end within {TEST_MAX_S:.0f} s")
    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, TEST_MAX_S)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def agent():
    with Agent() as a:
        yield a


@pytest.fixture(scope="module")
def shared():
    """An agent for tests that leave nothing behind."""
    with Agent() as a:
        yield a


@pytest.fixture(params=["json", "proto"])
def codec(request):
    return request.param


@pytest.fixture(params=["connect", "grpc"])
def protocol(request):
    """What guestctl speaks."""
    guestctl.protocol = request.param
    yield request.param
    guestctl.protocol = "connect"
