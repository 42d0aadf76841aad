"""Debian packages of what a build has installed: guestd for a guest, guestctl for a host."""
import email.utils
import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

from .archives import Entry, compressed, folders_of
from .source import ROOT

HERE = ROOT / "packaging/debian"
MAINTAINER = "guestd maintainers <maintainers@guestd.example>"
# Which of the installed files go into which package, by the beginnings of their paths.
CONTENT = {"guestd": ("sbin/", "share/man/man8/", "share/guestd/"),
           "guestctl": ("bin/", "share/man/man1/", "share/bash-completion/", "share/zsh/", "share/fish/")}
UNIT = "share/guestd/guestd.service"
EXAMPLES = ("share/guestd/guestd.conf", "share/guestd/guestd.openrc")
SCRIPTS = ("preinst", "postinst", "prerm", "postrm")


def version_of(source):
    """The version as Debian orders it: a pre-release before its release."""
    return source.version.replace("-", "~", 1) + "-1"


def changelog(name, source):
    """Debian's changelog knows this release only; the package's own history is upstream's."""
    date = email.utils.formatdate(source.epoch)
    return (f"{name} ({version_of(source)}) unstable; urgency=medium\n\n"
            f"  * Release {source.version}: see changelog.gz.\n\n -- {MAINTAINER}  {date}\n")


def documents(name, source, notices):
    changes = (ROOT / "CHANGELOG.md").read_bytes()
    return {"changelog.Debian.gz": Entry(compressed(changelog(name, source).encode())),
            "changelog.gz": Entry(compressed(changes)),
            "copyright": Entry((HERE / "copyright").read_bytes()),
            "THIRD-PARTY-NOTICES.gz": Entry(compressed(notices.encode()))}


def place(name, path, entry):
    """Where an installed file lies in the package, and what it is there: man pages are compressed."""
    if path == UNIT:
        return "lib/systemd/system/guestd.service", entry
    if path in EXAMPLES:
        return f"usr/share/doc/{name}/examples/{Path(path).name}", entry
    if path.startswith("share/man/"):
        return f"usr/{path}.gz", Entry(compressed(entry.data))
    if path.startswith("share/zsh/site-functions/"):
        return "usr/" + path.replace("site-functions", "vendor-completions"), entry
    return f"usr/{path}", entry


def content(name, source, installed, notices):
    """{path: Entry} of the package."""
    found = dict(place(name, p, e) for p, e in installed.items() if p.startswith(CONTENT[name]))
    for file, entry in documents(name, source, notices).items():
        found[f"usr/share/doc/{name}/{file}"] = entry
    found[f"usr/share/lintian/overrides/{name}"] = Entry((HERE / f"{name}.lintian-overrides").read_bytes())
    return found


def control(name, source, architecture, entries, packages):
    """The control file: what the tree has of it, and what only the build knows."""
    size = sum((len(e.data) + 1023) // 1024 for e in entries.values()) + len(folders_of(entries))
    used = sorted({f"{p.source} (= {p.source_version})" for p in packages})
    fields = {"Package": name, "Version": version_of(source), "Architecture": architecture, "Maintainer": MAINTAINER,
              "Installed-Size": str(size), "Built-Using": ", ".join(used)}
    first = "".join(f"{field}: {value}\n" for field, value in fields.items())
    return first + (HERE / f"{name}.control").read_text()


def write(folder, entries, epoch):
    """Writes the files below a folder, with the release's time and modes."""
    for path, entry in entries.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(entry.data)
        file.chmod(entry.mode)
    for path in [folder, *sorted(folder.rglob("*"), reverse=True)]:
        if path.is_dir():
            path.chmod(0o755)
        os.utime(path, (epoch, epoch))


def package(name, source, architecture, installed, notices, packages, out):
    """Writes the .deb into the folder `out`; its path."""
    entries = content(name, source, installed, notices)
    sums = "".join(f"{hashlib.md5(e.data).hexdigest()}  {path}\n" for path, e in sorted(entries.items()))
    own = {"control": Entry(control(name, source, architecture, entries, packages).encode()),
           "md5sums": Entry(sums.encode())}
    for script in SCRIPTS:
        file = HERE / f"{name}.{script}"
        if file.exists():
            own[script] = Entry(file.read_bytes(), 0o755)
    deb = Path(out) / f"{name}_{version_of(source)}_{architecture}.deb"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / name
        write(folder, {**entries, **{f"DEBIAN/{f}": e for f, e in own.items()}}, source.epoch)
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Zxz", "-z6", "--threads-max=1", "--build", folder, deb],
                       check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "SOURCE_DATE_EPOCH": str(source.epoch), "LC_ALL": "C.UTF-8"})
    return deb
