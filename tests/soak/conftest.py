import os
import sys
from pathlib import Path

import pytest

for folder in ("vm", "faults"):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / folder))

results = []


def pytest_configure(config):
    assert os.environ.get("GUESTD_IN_NAMESPACE"), "run by tools/soak: these tests want a namespace of their own"


@pytest.fixture
def say():
    """Keeps a line for the end: what was counted."""
    return results.append


def pytest_terminal_summary(terminalreporter):
    for line in results:
        terminalreporter.write_line(line)
