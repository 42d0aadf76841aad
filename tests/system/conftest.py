import os

import git_host

bare, home, mine, repo = git_host.bare, git_host.home, git_host.mine, git_host.repo  # fixtures


def pytest_configure(config):
    assert os.environ.get("GUESTD_IN_NAMESPACE"), "run by tools/test: these tests want a namespace of their own"
