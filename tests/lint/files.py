"""What every file of the tree must be like: its length, its test, its text, and nothing unfinished or skipped in it."""
import re
from pathlib import Path

import tree

LINES_MAX = 700
SOURCES = ("agent", "ctl", "init")
# Tested by the system tests, over a real socket: they only bind what lies below them.
NO_UNIT_TEST = re.compile(r"_service\.c$|_rest\.c$|_verb\.c$|(^|/)main\.c$")
# Somebody else's text (a patch, what a fuzzer feeds on): as it came.
FOREIGN = re.compile(r"\.patch$|(^|/)corpus/|(^|/)go\.sum$|(^|/)Cargo\.lock$|(^|/)LICENSE$")
# A letter in brackets, so that this file does not hold what it looks for.
MARKS = re.compile(r"\b(?:T[O]DO|F[I]XME|X[X]X|H[A]CK)\b")
SKIPS = re.compile(r"\bpytest\.(?:sk[i]p|xf[a]il|importorsk[i]p)\b|\bmark\.(?:sk[i]p|sk[i]pif|xf[a]il)\b"
                   r"|\bunittest\.sk[i]p|\bsk[i]p\(\)|\bt\.Sk[i]p|\b(?:it|test|describe)\.(?:sk[i]p|t[o]do)\b")


def unit_test_of(path):
    """Where the unit test of a source lies: that of agent/core/seg.c is tests/unit/core/seg_test.c."""
    shown = path.relative_to("agent") if path.parts[0] == "agent" else path
    return "tests/unit" / shown.with_name(f"{path.stem}_test.c")


def text_of(path):
    """The file's text, or None when it holds none."""
    raw = (tree.ROOT / path).read_bytes()
    if b"\0" in raw:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def check_text(path, text):
    lines = text.split("\n")
    if text and not text.endswith("\n"):
        yield f"{path}: its last line has no end"
    if text.endswith("\n\n"):
        yield f"{path}: ends with an empty line"
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            yield f"{path}:{number}: ends with white space"
        if found := MARKS.search(line) or SKIPS.search(line):
            yield f"{path}:{number}: {found[0]}: nothing is left unfinished or skipped here"
    if len(lines) - 1 > LINES_MAX:
        yield f"{path}: {len(lines) - 1} lines, more than {LINES_MAX}"


findings = []
paths = tree.files()
for path in paths:
    text = None if FOREIGN.search(str(path)) else text_of(path)
    if text is not None:
        findings += check_text(path, text)
for path in paths:
    if path.parts[0] in SOURCES and path.suffix == ".c" and not NO_UNIT_TEST.search(str(path)):
        if unit_test_of(path) not in paths:
            findings.append(f"{path}: has no unit test {unit_test_of(path)}")
    if path.parts[:2] == ("tests", "unit") and path.name.endswith("_test.c"):
        stem = str(path.relative_to("tests/unit")).removesuffix("_test.c")
        if not any(base / f"{stem}{end}" in paths for base in (Path("agent"), Path(".")) for end in (".c", ".h")):
            findings.append(f"{path}: there is no {stem}.c that it would test")
tree.report(findings)
