import os

import git_host
import git_remote

bare, home, mine, repo = git_host.bare, git_host.home, git_host.mine, git_host.repo  # fixtures
pair = git_remote.pair


def pytest_configure(config):
    assert os.environ.get("GUESTD_IN_NAMESPACE"), "run by tools/test: these tests want a namespace of their own"
