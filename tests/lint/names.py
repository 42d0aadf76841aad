"""Names that users rely on: the log's events and their fields stand in docs/operations.md, and limits bound something.

tests/lint/names.py BUILD: asks BUILD/guestd for its limits.
"""
import re
import subprocess
import sys
from pathlib import Path

import markdown
import tree

OPERATIONS = "docs/operations.md"
EVENT = re.compile(r'(?:\blog_(?:debug|info|warn|error)\(|, LOG_[A-Z]+,)\s*"([^"]*)"')


def logged():
    """{event: its fields} of each line that the source logs."""
    events = {}
    for path in tree.files(".c"):
        if path.parts[0] in ("agent", "init"):
            text = tree.code(path)
            for m in EVENT.finditer(text):
                call = text[m.end():text.index(";", m.end())]
                events.setdefault(m[1], set()).update(re.findall(r'\bLOG_(?:STR|INT)\(\s*"([^"]*)"', call))
    return events


def written():
    """{event: its fields} of the manual's table."""
    rows = markdown.table(tree.read(OPERATIONS), "The log")
    return {event.strip("`"): set(re.findall(r"`([^`]+)`", fields)) for event, fields, *_ in rows}


def check_events(source, manual):
    for event in sorted(source.keys() | manual.keys()):
        if event not in manual:
            yield f"{OPERATIONS}: the event {event} is missing, with the fields {sorted(source[event])}"
        elif event not in source:
            yield f"{OPERATIONS}: nothing logs the event {event}"
        elif source[event] != manual[event]:
            yield f"{OPERATIONS}: {event} has the fields {sorted(source[event])}, not {sorted(manual[event])}"


def check_limits(limits):
    """Each limit that guestd prints is used, and no document names another."""
    sources = "\n".join(tree.code(path) for path in tree.files(".c", ".h")
                        if path.parts[0] in ("agent", "ctl", "init") and path.name != "limits.h")
    used = set(re.findall(r"\b[A-Z][A-Z0-9_]+\b", sources))
    for name in sorted(limits - used):
        yield f"agent/core/limits.h: nothing uses {name}"
    for path in tree.files(".md"):
        text = tree.read(path)
        for m in re.finditer(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*_(?:MAX|MIN|MS|S|BYTES|SIZE|WINDOW))`", text):
            if m[1] not in limits | used:
                yield f"{path}:{tree.line_of(text, m.start())}: there is no limit {m[1]}"


guestd = Path(sys.argv[1]) / "guestd"
printed = subprocess.run([guestd, "--limits"], stdout=subprocess.PIPE, check=True, text=True).stdout
limits = {line.split()[0] for line in printed.splitlines()}
tree.report([*check_events(logged(), written()), *check_limits(limits)])
