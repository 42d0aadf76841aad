"""sandbox.git of the published package, which is git in a shell."""
import subprocess

import pytest


@pytest.fixture
def home(sdk):
    """The user's home, which is empty again afterwards."""
    yield "/home/user"
    subprocess.run(["find", "/home/user", "-mindepth", "1", "-delete"], check=True)


def run(sdk, command):
    return sdk.run(command).stdout


def test_a_repositorys_life(sdk, home):
    git, repo = sdk.sandbox.git, f"{home}/repo"
    sdk(git.configure_user("Ann", "ann@example.com"))
    assert sdk(git.get_config("user.name")) == "Ann"
    sdk(git.set_config("pull.rebase", "false"))
    sdk(git.init(repo, initial_branch="main"))
    run(sdk, f"echo 1 > {repo}/a; echo 1 > {repo}/b")
    assert {f.name: f.status for f in sdk(git.status(repo)).file_status} == {"a": "untracked", "b": "untracked"}
    sdk(git.add(repo, files=["a"]))
    sdk(git.commit(repo, "first", author_name="Bob", author_email="bob@example.com"))
    sdk(git.add(repo))
    sdk(git.commit(repo, "second"))
    assert run(sdk, f"git -C {repo} log --format=%an:%s") == "Ann:second\nBob:first\n"
    sdk(git.create_branch(repo, "side"))
    assert sdk(git.branches(repo)).current_branch == "side"
    sdk(git.checkout_branch(repo, "main"))
    assert sorted(sdk(git.branches(repo)).branches) == ["main", "side"]
    sdk(git.delete_branch(repo, "side", force=True))
    run(sdk, f"echo 2 > {repo}/a")
    sdk(git.restore(repo, ["a"]))
    assert run(sdk, f"cat {repo}/a") == "1\n"
    sdk(git.reset(repo, mode="hard", target="HEAD~1"))
    status = sdk(git.status(repo))
    assert status.current_branch == "main" and status.file_status == [] and not status.detached


def test_remotes(sdk, home):
    git, bare, repo = sdk.sandbox.git, f"{home}/bare.git", f"{home}/repo"
    sdk(git.configure_user("Ann", "ann@example.com"))
    sdk(git.init(bare, bare=True, initial_branch="main"))
    sdk(git.init(repo, initial_branch="main"))
    sdk(git.commit(repo, "first", allow_empty=True))
    sdk(git.remote_add(repo, "origin", bare))
    assert sdk(git.remote_get(repo, "origin")) == bare
    sdk(git.push(repo, remote="origin", branch="main"))
    sdk(git.clone(f"file://{bare}", path=f"{home}/clone", depth=1))
    sdk(git.commit(repo, "second", allow_empty=True))
    sdk(git.push(repo))
    sdk(git.pull(f"{home}/clone"))
    assert run(sdk, f"git -C {home}/clone log --format=%s -1") == "second\n"
    assert sdk(git.status(repo)).upstream == "origin/main"


def test_credentials_that_are_kept(sdk, home):
    sdk(sdk.sandbox.git.dangerously_authenticate("ann", "secret", host="localhost", protocol="http"))
    assert run(sdk, "cat ~/.git-credentials") == "http://ann:secret@localhost\n"
