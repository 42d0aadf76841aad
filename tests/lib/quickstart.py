"""docs/quickstart.md as somebody follows it: a section's commands, in a directory with what the page says is there."""
import contextlib
import os
import re
import signal
import subprocess

from agent import BINARY, ROOT, SLOW

PAGE = (ROOT / "docs/quickstart.md").read_text()


def blocks(section, language):
    """The blocks of a section in that language, as one text."""
    text = re.search(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S).group(1)
    return "".join(re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S))


def follow(section, directory, seconds, path=(), env=None):
    """Runs a section's commands; (exit code, what was said). What they leave running is ended."""
    (directory / "rootfs").symlink_to(ROOT / "rootfs")
    words = {**os.environ, **(env or {}), "PATH": ":".join([*map(str, path), str(BINARY.parent), os.environ["PATH"]])}
    with open(directory / "said", "w") as said:
        shell = subprocess.Popen(["bash", "-e", "-c", blocks(section, "sh")], cwd=directory, env=words, start_new_session=True,
                                 stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)
        try:
            code = shell.wait(seconds * SLOW)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            with contextlib.suppress(ProcessLookupError):  # it left none
                os.killpg(shell.pid, signal.SIGKILL)  # bash's jobs are of its group
            shell.wait()
    return code, (directory / "said").read_text()
