import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "lib"))

import guestctl  # noqa: E402
from agent import Agent, PRESET  # noqa: E402


def pytest_report_header():
    return f"guestd: build/{PRESET}/guestd"


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
