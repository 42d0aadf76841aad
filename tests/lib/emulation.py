"""What an emulator cannot do: tests/emulated/beyond says which tests that are, and why."""
from agent import ARCH, ROOT

LIST = ROOT / "tests/emulated/beyond"


def beyond(folder=""):
    """The names of the list that begin with that folder, without it; none where nothing is emulated."""
    if ARCH != "arm64":
        return []
    names = [line for line in LIST.read_text().splitlines() if line and not line.startswith("#")]
    return [name.removeprefix(folder) for name in names if name.startswith(folder)]


def is_named(test, name):
    """Whether a name of the list stands for the test (a node id of pytest's)."""
    return test == name or test.startswith(name if "[" in name else f"{name}[")


def stale(tests):
    """Names of the list that stand for none of the tests, though tests of their files are among them."""
    files = {test.split("::")[0] for test in tests}
    return [name for name in beyond() if name.split("::")[0] in files and not any(is_named(test, name) for test in tests)]
