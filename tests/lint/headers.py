"""One header per .c: it is included first, and what a .c gives to others stands in one header of its own folder.

tests/lint/headers.py BUILD: what a .c gives to others is read from the objects of that build.
"""
import re
import subprocess
import sys
from pathlib import Path

import tree

PLACES = ("agent", "ctl", "init")


def given(build):
    """Yields (source, name) for each function and variable that an object of ours gives to others."""
    for place in PLACES:
        for obj in sorted((build / place).rglob("*.c.o")):
            source = Path(place, str(obj).partition(".dir/")[2].removesuffix(".o"))
            listed = subprocess.run(["nm", "--defined-only", "--extern-only", "--format=just-symbols", obj],
                                    stdout=subprocess.PIPE, check=True, text=True).stdout
            if (tree.ROOT / source).is_file():
                yield from ((source, name) for name in listed.split() if name != "main")


headers = {path: tree.code(path) for path in tree.files(".h") if path.parts[0] in PLACES}
findings = []
for path, text in headers.items():
    shown = path.relative_to("agent") if path.parts[0] == "agent" and len(path.parts) > 2 else path
    guard = re.sub(r"\W", "_", str(shown)).upper()
    if f"#ifndef {guard}\n#define {guard}\n" not in text:
        findings.append(f"{path}: its guard is not {guard}")
for path in tree.files(".c"):
    own = path.with_suffix(".h")
    first = re.search(r'^#include ["<](.*)[">]', tree.code(path), re.M)
    if own in headers and (not first or Path(first[1]).name != own.name):
        findings.append(f"{path}: its first include is not {own.name}, which so is not known to stand alone")
objects = list(given(Path(sys.argv[1])))
if not objects:
    findings.append(f"{sys.argv[1]} has no objects")
for source, name in objects:
    found = [path for path, text in headers.items() if re.search(rf"\b{name}\s*[(;\[]", text)]
    if len(found) != 1 or found[0].parent != source.parent:
        where = " and ".join(map(str, found)) or "no header"
        findings.append(f"{source}: {name} stands in {where}, not in one header of its folder")
tree.report(findings)
