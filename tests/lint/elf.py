"""What is shipped: static, hardened programs of a bounded size.

tests/lint/elf.py BUILD: reads BUILD/guestd and BUILD/guestctl, their symbols in *.debug, and the floors' archives.
"""
import re
import subprocess
import sys
from pathlib import Path

import tree

SIZE_MAX = 1_800_000

# What unwinds a stack: it would find no tables (cmake/frames.ld).
UNWINDERS = {"pthread_exit", "pthread_cancel", "thrd_exit", "backtrace", "_Unwind_Backtrace", "_Unwind_RaiseException"}


def tool(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True).stdout


def segments(program):
    """(type, flags) of each program header."""
    rows = re.findall(r"^ +([A-Z_]+) +(?:0x[0-9a-f]+ +){5}([RWE ]{3})", tool("readelf", "-lW", program), re.M)
    return [(kind, flags.replace(" ", "")) for kind, flags in rows]


def check_program(program, kind):
    """Yields what is wrong with the file as it is shipped, of that type (docs/design.md, "Size")."""
    parts, dynamic, header = segments(program), tool("readelf", "-dW", program), tool("readelf", "-hW", program)
    kinds = [found for found, _ in parts]
    if not re.search(rf"Type: +{kind} ", header):
        yield f"is not ET_{kind}"
    if "LOAD" not in kinds:
        yield "has no program headers that can be read"
    if "INTERP" in kinds:
        yield "asks for a dynamic linker (INTERP)"
    if "(NEEDED)" in dynamic:
        yield "needs shared libraries (NEEDED)"
    # Without a dynamic section its symbols are all bound by the linker.
    if "DYNAMIC" in kinds and not re.search(r"\(FLAGS\).*\bBIND_NOW\b|\(FLAGS_1\).*\bNOW\b", dynamic):
        yield "is not bound at its start (BIND_NOW)"
    if "GNU_RELRO" not in kinds:
        yield "has no GNU_RELRO"
    if ("GNU_STACK", "RW") not in parts:
        yield "has no GNU_STACK, or one that is not RW"
    for found, flags in parts:
        if "W" in flags and "E" in flags:
            yield f"has a segment that is writable and executable ({found})"
    if tool("nm", program):
        yield "is not stripped"
    if re.search(r" \.eh_frame(_hdr)? ", tool("readelf", "-SW", program)):
        yield "has unwind tables (.eh_frame), which nothing in it reads"
    if program.stat().st_size > SIZE_MAX:
        yield f"has {program.stat().st_size:,} bytes, more than {SIZE_MAX:,}"


def check_symbols(program):
    """Yields what the program's symbols lack."""
    names = tool("nm", "--format=just-symbols", f"{program}.debug").split()
    if "__stack_chk_fail" not in names:
        yield "has no stack protector (__stack_chk_fail)"
    if not re.search(r" \.debug_frame ", tool("readelf", "-SW", f"{program}.debug")):
        yield "has no unwind tables for a debugger beside it (.debug_frame)"
    if not any(re.fullmatch(r"__\w+_chk", name) for name in names):
        yield "has no checked functions (__*_chk)"


def check_archives(archives):
    """The C library has these symbols for itself; that our own code calls them is seen in its archives."""
    called = {path: set(tool("nm", "--undefined-only", "--format=just-symbols", path).split()) for path in archives}
    for path, names in called.items():
        if "__stack_chk_fail" not in names:
            yield f"{path.name} was compiled without the stack protector"
        for name in sorted(names & UNWINDERS):
            yield f"{path.name} calls {name}, which needs the unwind tables that are not shipped"
    if not any(re.fullmatch(r"__\w+_chk", name) for names in called.values() for name in names):
        yield "nothing calls a checked function (__*_chk): _FORTIFY_SOURCE is off"


build = Path(sys.argv[1])
findings = []
for name, kind in (("guestd", "EXEC"), ("guestctl", "DYN")):
    program = build / name
    findings += [f"{name} {what}" for what in (*check_program(program, kind), *check_symbols(program))]
archives = [path for place in ("agent", "ctl", "init") for path in sorted((build / place).glob("lib*.a"))]
findings += check_archives(archives)
tree.report(findings)
