"""Writes a tree as a squashfs: mksquashfs (squashfs-tools 4.5 or later) gets it as a tar, so that it needs nothing
unpacked."""
import os
import shutil
import stat
import subprocess
import tarfile

from .tree import NS, BakeError, show

TYPES = {stat.S_IFDIR: tarfile.DIRTYPE, stat.S_IFLNK: tarfile.SYMTYPE, stat.S_IFCHR: tarfile.CHRTYPE,
         stat.S_IFBLK: tarfile.BLKTYPE, stat.S_IFIFO: tarfile.FIFOTYPE, stat.S_IFREG: tarfile.REGTYPE}


def text(data):
    return data.decode("utf-8", "surrogateescape")


def member_of(path, node, first):
    """`first`: the path of the node's first name, when this is another."""
    if not 0 <= node.mtime_ns // NS < 1 << 32:
        raise BakeError(f"{show(path)}: squashfs cannot hold its time {node.mtime_ns // NS}")
    member = tarfile.TarInfo(text(path))
    member.mode, member.uid, member.gid, member.mtime = stat.S_IMODE(node.mode), node.uid, node.gid, node.mtime_ns // NS
    if first is not None:
        member.type, member.linkname = tarfile.LNKTYPE, text(first)
        return member
    member.type, member.linkname = TYPES[stat.S_IFMT(node.mode)], text(node.target)
    member.devmajor, member.devminor = node.rdev
    member.size = node.size if node.is_file else 0
    return member


def attributes_of(node):
    """The archive's header of a node's attributes; b"" without any. The names of files go into no pax header:
    mksquashfs 4.5 takes leading dots and slashes off a link's target there."""
    records = b""
    for name, value in sorted(node.xattrs.items()):
        rest = b" SCHILY.xattr." + name + b"=" + value + b"\n"
        length = len(rest) + 1
        while length != len(rest) + len(str(length)):
            length = len(rest) + len(str(length))
        records += str(length).encode() + rest
    if not records:
        return b""
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, len(records)
    return header.tobuf(tarfile.USTAR_FORMAT) + records + bytes(-len(records) % tarfile.BLOCKSIZE)


def write_tar(tree, out):
    first = {}
    for path, node in tree.walk():
        if not path:
            continue
        member = member_of(path, node, first.get(id(node)))
        first.setdefault(id(node), path)
        out.write(attributes_of(node) + member.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape"))
        if member.isreg():
            for piece in node.content.pieces() if node.size else ():
                out.write(piece)
            out.write(bytes(-member.size % tarfile.BLOCKSIZE))
    out.write(bytes(2 * tarfile.BLOCKSIZE))


def write(tree, path, epoch):
    """Writes the image to an empty file at `path`; epoch: the seconds that it says it was made at."""
    if not shutil.which("mksquashfs"):
        raise BakeError("a squashfs is made by mksquashfs, which is not here: install squashfs-tools")
    # mksquashfs 4.5 takes the root directory from no tar: its owner is who runs it, its time the clock's or, if that is
    # earlier, SOURCE_DATE_EPOCH.
    words = ["mksquashfs", "-", path, "-tar", "-noappend", "-no-progress", "-quiet", "-root-mode",
             f"{stat.S_IMODE(tree.root.mode):o}"]
    if os.geteuid() != 0:
        if not shutil.which("fakeroot"):
            raise BakeError("a squashfs is made as root or by fakeroot, which is not here")
        words = ["fakeroot", "--", *words]
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(max(0, epoch))}
    with subprocess.Popen(words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE) as process:
        try:
            write_tar(tree, process.stdin)
            process.stdin.close()
        except BrokenPipeError:
            pass  # it says why
        said = process.stderr.read().decode(errors="replace").strip()
    if process.returncode != 0:
        raise BakeError(f"mksquashfs: {said or process.returncode}")
