import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import dist  # noqa: E402


@pytest.fixture(scope="session")
def clone(tmp_path_factory):
    """The tree as it stands, committed. Tests leave it as it is, but for build/."""
    return dist.clone_of_tree(tmp_path_factory.mktemp("one") / "tree")


@pytest.fixture(scope="session")
def made(clone, tmp_path_factory):
    """A release of it, for each architecture."""
    dist.release(clone)
    return dist.Release(clone / "build/dist", tmp_path_factory.mktemp("unpacked"), clone / "build/dist-work")


@pytest.fixture(params=dist.ARCHITECTURES)
def target(made, request):
    """What of it is for one architecture."""
    return made.target(request.param)


@pytest.fixture
def native(made):
    """What of it is for this machine's."""
    return made.target(dist.NATIVE)


@pytest.fixture
def copy(clone, tmp_path):
    """A clone to change."""
    dist.git(clone, "clone", "--quiet", clone, tmp_path / "copy")
    return tmp_path / "copy"
