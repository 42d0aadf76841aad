"""Where the binary's bytes come from, by the linker's map."""
import re
from collections import defaultdict

from table import Row

from agent import BINARY, ROOT

NOT_IN_FILE = (".bss", ".tbss", ".debug", ".comment", ".eh_frame", ".gcc_except_table")


def pieces(text):
    """(output section, size, object file) of everything that the linker placed."""
    text = text[text.index("Linker script and memory map"):]
    text = re.sub(r"^( \S+)\n +0x", r"\1 0x", text, flags=re.M)  # a long name stands on a line of its own
    section = ""
    for line in text.splitlines():
        if match := re.match(r"(\.?\w\S*)", line):
            section = match[1]
        elif match := re.match(r" \S+ +0x[0-9a-f]+ +0x([0-9a-f]+) (\S.*)", line):
            yield section, int(match[1], 16), match[2]


def origin(file):
    """(owner, part) of an object: a folder of ours, or a library."""
    match = re.match(r"(?:.*/)?lib(\w[\w-]*)\.a\((.+?)\)|(.*)", file)
    library, member = match[1], match[2]
    if library is None:
        return ("ours", "agent") if "CMakeFiles/guestd.dir" in file else ("library", "start files")
    if library == "protos":
        return "ours", "proto (generated)"
    if file.startswith(("agent/", "init/")):
        # The map names no folder: the one that is called as its library, else the one that is nearest.
        found = [p for top in ("agent", "init") for p in (ROOT / top).rglob(member.removesuffix(".o"))]
        source = min(found, key=lambda p: (library not in p.parts, len(p.parts)))
        return "ours", str(source.parent.relative_to(ROOT))
    return "library", library


def budget():
    """{(owner, part): bytes}"""
    sums = defaultdict(int)
    for section, size, file in pieces((BINARY.parent / "guestd.map").read_text()):
        if size and not section.startswith(NOT_IN_FILE):
            sums[origin(file)] += size
    return sums


def size(_):
    total = BINARY.stat().st_size
    sums = budget()
    for owner in ("ours", "library"):
        for (_, part), n in sorted(((k, n) for k, n in sums.items() if k[0] == owner), key=lambda item: -item[1]):
            yield Row(f"  {owner}: {part}", n, "B")
    yield Row("  headers, relocations, padding", total - sum(sums.values()), "B")
    yield Row("binary", total, "B", 1_800_000)
