import os


def pytest_configure(config):
    assert os.environ.get("GUESTD_IN_NAMESPACE"), "run by tools/test: these tests want a namespace of their own"
