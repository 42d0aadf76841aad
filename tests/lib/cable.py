"""Another host, behind a cable which can be cut: a network namespace."""
import subprocess

HERE = "10.9.0.1"


def ip(*words):
    subprocess.run(["ip", *words], check=True)


class Cable:
    def __enter__(self):
        ip("netns", "add", "other")
        ip("link", "add", "cable", "type", "veth", "peer", "name", "end", "netns", "other")
        ip("addr", "add", f"{HERE}/24", "dev", "cable")
        ip("link", "set", "cable", "up")
        ip("-n", "other", "addr", "add", "10.9.0.2/24", "dev", "end")
        ip("-n", "other", "link", "set", "end", "up")
        return self

    def __exit__(self, *_):
        ip("netns", "del", "other")

    def run(self, *words):
        """A process there; its output is a pipe."""
        return subprocess.Popen(["ip", "netns", "exec", "other", *words], stdout=subprocess.PIPE, text=True)

    def cut(self):
        ip("-n", "other", "link", "set", "end", "down")
