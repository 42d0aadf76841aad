"""Tars to bake, from {path: Facts}."""
import io
import stat
import tarfile

import images
from images import Facts

D, F, L, P, C, B = stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK
TYPES = {D: tarfile.DIRTYPE, F: tarfile.REGTYPE, L: tarfile.SYMTYPE, P: tarfile.FIFOTYPE, C: tarfile.CHRTYPE,
         B: tarfile.BLKTYPE}


def text(data):
    return data.decode("utf-8", "surrogateescape")


def member(path, f):
    m = tarfile.TarInfo(text(path))
    m.mode, m.uid, m.gid, m.mtime = stat.S_IMODE(f.mode), f.uid, f.gid, f.mtime
    m.devmajor, m.devminor = f.rdev
    m.pax_headers = {f"SCHILY.xattr.{text(n)}": text(v) for n, v in f.xattrs.items()}
    m.type = TYPES[stat.S_IFMT(f.mode)]
    if f.same and f.same != path:
        m.type, m.linkname = tarfile.LNKTYPE, text(f.same)
    elif m.type == tarfile.SYMTYPE:
        m.linkname = text(f.data)
    else:
        m.size = len(f.data)
    return m


def write(path, entries, mode="w"):
    """`entries`: (path, Facts) in their order."""
    with tarfile.open(path, mode, format=tarfile.PAX_FORMAT, encoding="utf-8", errors="surrogateescape") as out:
        for name, f in entries:
            m = member(name, f)
            out.addfile(m, io.BytesIO(f.data) if m.isreg() else None)
    return path


def everything():
    """All that a root may hold: each type, strange names, owners, modes, times, attributes."""
    t = 1_700_000_000
    long = b"/".join([b"d" * 100] * 5)
    entries = {
        b"etc": Facts(D | 0o755, mtime=t), b"bin": Facts(D | 0o755, mtime=t),
        b"bin/sh": Facts(F | 0o755, mtime=t, data=b"shell"),
        b"usr": Facts(D | 0o755, mtime=t), b"usr/bin": Facts(D | 0o755, mtime=t),
        b"empty": Facts(F | 0o600, mtime=t), b"one": Facts(F | 0o4755, 1, 2, t + 0.5, b"1"),
        b"page": Facts(F | 0o2644, 65534, 65534, t, b"p" * 4096),
        b"page1": Facts(F | 0o1644, 70000, 4_000_000_000, t, b"q" * 4097),
        b"zeros": Facts(F | 0, mtime=t, data=bytes(5 << 20)),
        b"mixed": Facts(F | 0o644, mtime=t, data=b"a" + bytes(3 << 20) + b"z"),
        b"new\nline": Facts(F | 0o644, mtime=t, data=b"n"), b"\xff\xfe\\x41": Facts(F | 0o644, mtime=t, data=b"x"),
        b'quo"te \'s': Facts(F | 0o644, mtime=t), b"n" * 255: Facts(F | 0o644, mtime=t, data=b"long"),
        "grün".encode(): Facts(D | 0o2775, 5, 6, t),
        b"link": Facts(L | 0o777, 3, 4, t, b"one"), b"dangling": Facts(L | 0o777, mtime=t, data=b"../../nowhere\xff"),
        b"link59": Facts(L | 0o777, mtime=t, data=b"s" * 59), b"link60": Facts(L | 0o777, mtime=t, data=b"s" * 60),
        b"link4095": Facts(L | 0o777, mtime=t, data=b"s" * 4095),
        b"a-hard": Facts(F | 0o640, 7, 7, t, b"shared"),
        b"b-hard": Facts(F | 0o640, 7, 7, t, b"shared", same=b"a-hard"),
        b"fifo": Facts(P | 0o620, 8, 9, t), b"tty": Facts(C | 0o666, mtime=t, rdev=(5, 0)),
        b"disk": Facts(B | 0o660, 0, 6, t, rdev=(259, 70000)),
        b"many": Facts(D | 0o755, mtime=t), long: Facts(F | 0o644, mtime=t, data=b"deep"),
        b"cap": Facts(F | 0o755, mtime=t, data=b"c",
                      xattrs={b"security.capability": images.cap(), b"user.note": b"yes"}),
        b"attributes": Facts(F | 0o644, mtime=t,
                             xattrs={b"user.a": b"1" * 1500, b"user.bb": b"", b"trusted.c": b"\x00\xff"}),
        b"annotated": Facts(D | 0o755, mtime=t, xattrs={b"user.dir": b"d"}),
    }
    for end in range(1, 5):
        entries[b"/".join([b"d" * 100] * end)] = Facts(D | 0o755, mtime=t)
    for i in range(300):
        entries[b"many/%0100d" % i] = Facts(F | 0o644, mtime=t)
    for path, f in entries.items():
        f.same = f.same or path
    return entries
