"""What the checks of tools/lint share: which files the tree has, C without its comments, and how findings are told."""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def files(*endings):
    """The tree's own files with one of the endings (all without), tracked or new, as paths relative to the root."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                            stdout=subprocess.PIPE, check=True, text=True).stdout.split("\0")
    return sorted(Path(name) for name in set(listed)
                  if name and name.endswith(endings or "") and (ROOT / name).is_file())


def read(path):
    return (ROOT / path).read_text()


def code(path):
    """A C file's text with its comments blanked: lines and columns stay where they are."""
    pattern = r'"(?:\\.|[^"\\\n])*"|/\*.*?\*/|//[^\n]*'
    return re.sub(pattern, lambda m: m[0] if m[0][0] == '"' else re.sub(r"[^\n]", " ", m[0]), read(path), flags=re.S)


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def report(findings):
    """Tells the findings and ends: with failure when there are any."""
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)
