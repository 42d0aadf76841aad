"""Archives whose bytes depend on nothing but what is in them: sorted, of root, at one time."""
import gzip
import io
import tarfile
from pathlib import Path
from typing import NamedTuple


class Entry(NamedTuple):
    """A regular file of an archive."""
    data: bytes
    mode: int = 0o644


def program(path):
    return Entry(Path(path).read_bytes(), 0o755)


def of_folder(folder):
    """{path below it: Entry} of a folder's regular files."""
    folder = Path(folder)
    return {str(p.relative_to(folder)): Entry(p.read_bytes(), 0o755 if p.stat().st_mode & 0o100 else 0o644)
            for p in folder.rglob("*") if p.is_file()}


def folders_of(paths):
    """All folders above the paths, from the top."""
    return sorted({str(up) for path in paths for up in Path(path).parents if str(up) != "."})


def tar(entries, epoch):
    """A tar of {path: Entry}, with the folders above them, as bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in sorted({*entries, *folders_of(entries)}):
            member = tarfile.TarInfo(path)
            member.mtime, member.mode = epoch, 0o755
            member.uname = member.gname = "root"
            if path in entries:
                member.size, member.mode = len(entries[path].data), entries[path].mode
                archive.addfile(member, io.BytesIO(entries[path].data))
            else:
                member.type = tarfile.DIRTYPE
                archive.addfile(member)
    return out.getvalue()


def compressed(data):
    """By gzip, without a name or a time."""
    return gzip.compress(data, 9, mtime=0)


def below(folder, entries):
    """The same entries in a folder."""
    return {f"{folder}/{path}": entry for path, entry in entries.items()}
