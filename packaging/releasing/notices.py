"""THIRD-PARTY-NOTICES: the terms of all that is linked in, and how to link it anew."""
from pathlib import Path

from .linked import LICENCES

COMMON = Path("/usr/share/common-licenses")
RULE = "=" * 100 + "\n"

HEAD = """guestd {version} for linux-{architecture}: what of others is in its programs, and on which terms

guestd and guestctl are under the Apache License 2.0 (LICENSE). The packages of Debian below are linked into them, statically.
Their copyright files follow as Debian has them; they speak of whole source packages, of which only some files are linked.
Where a package offers a choice of licences, the one in the table is taken.

{table}
The C library (glibc) is under the GNU Lesser General Public License 2.1: you may change it and link the programs anew.
guestd-{version}-linux-{architecture}-relink.tar.gz has the object files of everything else and a script, `relink`, that
links them with the C library and the compiler of the machine on which it runs:

    tar -xzf guestd-{version}-linux-{architecture}-relink.tar.gz
    guestd-{version}-linux-{architecture}-relink/relink      # CC, CFLAGS and LDFLAGS as for any build

The source of each package is Debian's, by its name and version in the table: `apt-get source NAME=VERSION`, or
snapshot.debian.org. guestd's own source at the commit that `guestd --version` names links with it, too.

"""


def table(packages):
    rows = [(p.name, p.source, p.source_version, p.licence) for p in packages]
    rows.insert(0, ("package", "source", "version", "licence"))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    return "".join("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[3]]) + "\n" for row in rows)


def text(version, architecture, packages):
    """The whole file, of an iterable of linked.Package."""
    packages = list({p.source: p for p in packages}.values())
    parts = [HEAD.format(version=version, architecture=architecture, table=table(packages))]
    parts += [f"{RULE}{p.source} {p.source_version}\n{RULE}\n{p.copyright.rstrip()}\n\n" for p in packages]
    for name in sorted({name for p in packages for name in LICENCES[p.source][1]}):
        parts.append(f"{RULE}{name}\n{RULE}\n{(COMMON / name).read_text().rstrip()}\n\n")
    return "".join(parts).rstrip() + "\n"
