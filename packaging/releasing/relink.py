"""All that a program was linked of, but the C library and the compiler's own, and a script that links it again."""
import re
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from .archives import Entry, of_folder
from .source import ROOT, ReleaseError

SCRIPT = """#!/bin/sh
# Links guestd and guestctl anew, from these objects and this machine's C library and compiler (package libc6-dev).
# CC, CFLAGS, LDFLAGS and STRIP are as for any build; -LFOLDER in LDFLAGS finds another C library first. Where the machine is
# of another architecture, CC and STRIP are the cross compiler and its strip.
set -eu
cd "$(dirname "$0")"
{commands}
"""
LINK = """${{CC:-cc}} ${{CFLAGS:-}} ${{LDFLAGS:-}} {words}
${{STRIP:-strip}} -R .eh_frame -R .gcc_except_table {program}"""


def command(folder, program):
    """The words of the build's own command that links the program, without the compiler."""
    said = subprocess.run(["ninja", "-C", folder, "-t", "commands", "-s", program], stdout=subprocess.PIPE, check=True,
                          text=True).stdout
    for step in said.strip().splitlines()[-1].split(" && "):
        words = shlex.split(step)
        if "-o" in words and words[words.index("-o") + 1] == program:
            return words[1:]
    raise ReleaseError(f"the command that links {program} is not to be found")


def taken(built, word, into):
    """What a word of the command is in the script; the file that it names is copied below `into`. None: left out."""
    if word.startswith("-Wl,-Map="):
        return None
    if word == f"-Wl,-T,{ROOT}/cmake/frames.ld":
        shutil.copyfile(ROOT / "cmake/frames.ld", into / "frames.ld")
        return "-Wl,-T,frames.ld"
    if not re.search(r"\.[ao]$", word):
        return word
    path = Path(word)
    place = Path("libraries") / path.name if path.is_absolute() else Path("objects") / path
    (into / place).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(built.folder / path, into / place)
    return str(place)


def strip_tool(built):
    """The strip of the build's toolchain."""
    return re.search(r"^CMAKE_STRIP:\w+=(.+)$", (built.folder / "CMakeCache.txt").read_text(), re.M)[1]


def entries(built, programs):
    """{path: Entry}."""
    with tempfile.TemporaryDirectory() as scratch:
        into, commands = Path(scratch), []
        for program in programs:
            words = [taken(built, word, into) for word in command(built.folder, program)]
            commands.append(LINK.format(program=program, words=" ".join(shlex.quote(w) for w in words if w)))
        subprocess.run([strip_tool(built), "-D", "--strip-debug", *into.rglob("*.[ao]")], check=True)
        script = SCRIPT.format(commands="\n".join(commands))
        return {**of_folder(into), "relink": Entry(script.encode(), 0o755)}
