"""guestctl as the tests call it, over the protocol that the test under way is about (the fixture `protocol`)."""
from agent import BUILD

CTL = BUILD / "guestctl"
protocol = "connect"


def command(*args):
    """The words of a command line."""
    return [CTL, "--protocol", protocol, *map(str, args)]
