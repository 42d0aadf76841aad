import os
from contextlib import suppress

import pytest
from agent import wait_for
from clients import Async, Sync
from e2b import SandboxException


def pytest_configure(config):
    assert os.environ.get("E2B_DEBUG") == "true", "run by tests/sdk/run: the clients want an agent on port 49983"


@pytest.fixture(scope="session", params=[Sync, Async], ids=["sync", "async"])
def sdk(request):
    """Each test runs with both clients."""
    return request.param()


@pytest.fixture(autouse=True)
def tidy(sdk):
    """What a test leaves running does not outlive it."""
    yield
    for process in sdk(sdk.commands.list()):
        with suppress(SandboxException):  # one that has just ended is still listed, and cannot be killed
            sdk(sdk.commands.kill(process.pid))
    wait_for(lambda: sdk(sdk.commands.list()) == [], what="all processes have ended")
