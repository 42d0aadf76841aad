"""What of others is in a program: the linker's map says which archives, dpkg which packages and versions they are of."""
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from .source import ReleaseError

DOC = Path("/usr/share/doc")

# Compiled by our own build from a package's sources: in which archive of ours, and from which file.
COMPILED = {"libllhttp.a": "/usr/share/llhttp/llhttp.c",
            "libprotos.a": "/usr/include/google/protobuf/timestamp.proto"}

# By source package: the licence of what is linked of it, and those of its texts that its copyright file only refers to.
# Where there is a choice it is made here. A library that is not named is not shipped.
LICENCES = {
    "gcc-12": ("GPL-3.0-or-later WITH GCC-exception-3.1", ["GPL-3"]),
    "gcc-12-cross": ("GPL-3.0-or-later WITH GCC-exception-3.1", ["GPL-3"]),
    "glibc": ("LGPL-2.1-or-later", ["LGPL-2.1"]),
    "jansson": ("MIT", []),
    "libev": ("BSD-2-Clause", []),
    "libmd": ("BSD-3-Clause", []),
    "nghttp2": ("MIT", []),
    "node-undici": ("MIT", []),
    "protobuf": ("BSD-3-Clause", []),
    "protobuf-c": ("BSD-2-Clause", []),
    "zlib": ("Zlib", []),
}


class Package(NamedTuple):
    name: str
    architecture: str
    version: str
    source: str
    source_version: str

    @property
    def licence(self):
        return LICENCES[self.source][0]

    @property
    def copyright(self):
        return (DOC / self.name / "copyright").read_text()


def files(map_text):
    """Every file that the linker read for the program, each once, in its order."""
    return list(dict.fromkeys(re.findall(r"^LOAD (\S+)$", map_text, re.M)))


def archives(map_text):
    """Those archives of which something is in the program."""
    listed = map_text.partition("\n\n")[2].partition("\n\n")[0]
    return set(re.findall(r"^([^\s(][^(\n]*)\(", listed, re.M))


def foreign(map_text):
    """The files of others that are in the program: archives with a needed member, the compiler's objects, sources."""
    used = archives(map_text)
    found = {str(Path(f).resolve()) for f in files(map_text) if f.startswith("/") and (f in used or f.endswith(".o"))}
    ours = {Path(f).name for f in used if not f.startswith("/")}
    return sorted(found | {source for archive, source in COMPILED.items() if archive in ours})


def owner(path):
    """The Package that a file came with."""
    said = subprocess.run(["dpkg-query", "-S", path], stdout=subprocess.PIPE, text=True).stdout
    name = said.rpartition(": ")[0]
    if not name or "," in name:
        raise ReleaseError(f"{path}: it is of {'no package' if not name else name}")
    form = "${Package}\t${Architecture}\t${Version}\t${source:Package}\t${source:Version}"
    facts = subprocess.run(["dpkg-query", "-W", "-f", form, name], stdout=subprocess.PIPE, check=True, text=True).stdout
    package = Package(*facts.split("\t"))
    if package.source not in LICENCES:
        raise ReleaseError(f"{path}: the licence of {package.source} is not in packaging/releasing/linked.py")
    return package


def packages(map_text):
    """{Package: its files} of all that is in the program."""
    found = {}
    for path in foreign(map_text):
        found.setdefault(owner(path), []).append(path)
    return dict(sorted(found.items()))
