"""The programs' symbols, by their build ids, as debuggers look for them below /usr/lib/debug."""
import re
import subprocess

from .archives import Entry


def build_id(program):
    """The build id of an ELF file, in hexadecimal."""
    notes = subprocess.run(["readelf", "-nW", program], stdout=subprocess.PIPE, check=True, text=True).stdout
    return re.search(r"Build ID: ([0-9a-f]{40})", notes)[1]


def entries(files):
    """{path: Entry} for the .debug files."""
    found = {}
    for file in files:
        name = build_id(file)
        found[f".build-id/{name[:2]}/{name[2:]}.debug"] = Entry(file.read_bytes())
    return found
