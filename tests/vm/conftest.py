import statistics

import pytest
from agent import wait_for
from machine import HANG, KERNELS, Guest, accelerator


@pytest.fixture(scope="session", params=KERNELS)
def kernel(request):
    return request.param


@pytest.fixture(scope="session")
def booted(kernel):
    with Guest(kernel) as g:
        yield g


@pytest.fixture
def guest(booted):
    """The guest that all tests of a kernel share; each leaves it without processes."""
    yield booted
    booted.kill_all()
    wait_for(lambda: not booted.processes(), HANG, "all processes are gone")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        for g in Guest.running:
            report.sections.append(("a guest still up", g.report()))
    return report


def pytest_terminal_summary(terminalreporter):
    for kernel in KERNELS:
        times = [seconds for k, seconds in Guest.boots if k == kernel]
        if times:
            terminalreporter.write_line(
                f"Linux {kernel} ({accelerator()}): {len(times)} boots, from QEMU's start to the first answer "
                f"{min(times):.2f} s at best, {statistics.median(times):.2f} s in the median")
