import os

from agent import PRESET

# guestd-failing is built with the sanitizers, which find what a failure leaks; they also keep what is freed.
collect_ignore = ["test_malloc.py", "test_stacyvm_malloc.py"] if PRESET == "release" else ["test_memory.py"]


def pytest_configure(config):
    assert os.environ.get("GUESTD_IN_NAMESPACE"), "run by tools/test: these tests want a namespace of their own"
