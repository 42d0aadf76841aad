"""A tar archive as a source: POSIX (ustar, pax), GNU and old ones, with hard links, devices and extended attributes.

One that is a container image's layer holds whiteouts, too: `.wh.NAME` takes NAME of the layers below away,
`.wh..wh..opq` all that the directory has of them (OCI image-spec, layer.md, "Representing Changes").
"""
import stat
import tarfile
from decimal import Decimal, InvalidOperation

from .content import Bounded, Content
from .tree import NS, BakeError, Node, show

WHITEOUT = b".wh."
OPAQUE = b".wh..wh..opq"
XATTR = "SCHILY.xattr."  # the key of an attribute in a pax header: of star, GNU tar and libarchive
TYPES = {tarfile.DIRTYPE: stat.S_IFDIR, tarfile.SYMTYPE: stat.S_IFLNK, tarfile.CHRTYPE: stat.S_IFCHR,
         tarfile.BLKTYPE: stat.S_IFBLK, tarfile.FIFOTYPE: stat.S_IFIFO}


def raw(text):
    """The bytes that tarfile made a text of."""
    return text.encode("utf-8", "surrogateescape")


def mtime_ns(member):
    """With all the digits that a pax header has; tarfile keeps a float."""
    try:
        ns = int(Decimal(member.pax_headers.get("mtime", member.mtime)) * NS)
    except (InvalidOperation, OverflowError, ValueError) as error:
        raise BakeError(f"{show(raw(member.name))}: its time is no number") from error
    if not -(1 << 31) * NS <= ns < (1 << 34) * NS:  # years 1901 to 2446: what ext4 holds is a little more
        raise BakeError(f"{show(raw(member.name))}: its time {ns // NS} is not in the range of a file's")
    return ns


def xattrs_of(member):
    return {raw(key[len(XATTR):]): raw(value) for key, value in member.pax_headers.items() if key.startswith(XATTR)}


def content_of(archive, file, member, spool):
    """Where the bytes of a regular file lie in the archive; a sparse one is filled up."""
    if member.issparse():
        out = spool.fill(archive.extractfile(member), member.name)
        return Content(out, 0, member.size)
    return Content(file, member.offset_data, member.size)


def node_of(archive, file, member, spool, layer):
    path = raw(member.name)
    kind = stat.S_IFREG if member.isreg() else TYPES.get(member.type)
    if kind is None:
        raise BakeError(f"{show(path)}: of a type ({member.type!r}) that no file has")
    if not (0 <= member.uid < 1 << 32 and 0 <= member.gid < 1 << 32):
        raise BakeError(f"{show(path)}: its owner {member.uid}:{member.gid} is none")
    node = Node(kind | (0o777 if kind == stat.S_IFLNK else stat.S_IMODE(member.mode)), member.uid, member.gid,
                mtime_ns(member), xattrs_of(member), layer=layer)
    if member.isreg():
        node.content = content_of(archive, file, member, spool)
    elif member.issym():
        node.target = raw(member.linkname)
        if not node.target or b"\0" in node.target:
            raise BakeError(f"{show(path)}: a symbolic link to nothing")
    elif kind in (stat.S_IFCHR, stat.S_IFBLK):
        node.rdev = (member.devmajor, member.devminor)
        if not (0 <= member.devmajor < 1 << 12 and 0 <= member.devminor < 1 << 20):
            raise BakeError(f"{show(path)}: a device with the number {member.devmajor}:{member.devminor}")
    return node


def prune(directory, layer):
    """Takes away what a directory has of the layers below `layer`; whether nothing is left of it."""
    for name, child in list(directory.children.items()):
        if (prune(child, layer) if child.is_dir else True) and child.layer < layer:
            del directory.children[name]
    return not directory.children


def white_out(tree, path, layer):
    """Obeys a whiteout; false when the name is none."""
    parent, _, name = path.rstrip(b"/").rpartition(b"/")
    if not name.startswith(WHITEOUT):
        return False
    directory = tree.directory(parent)
    if directory is None:
        return True
    if name == OPAQUE:
        prune(directory, layer)
        return True
    gone = name[len(WHITEOUT):]
    if gone in (b"", b".", b".."):
        raise BakeError(f"{show(path)}: a whiteout of nothing")
    child = directory.children.get(gone)
    if child is not None and (not child.is_dir or prune(child, layer)) and child.layer < layer:
        del directory.children[gone]
    return True


def check_end(file, offset, name):
    """tarfile takes a header that is cut off or damaged for the end."""
    file.seek(offset)
    if file.read(tarfile.BLOCKSIZE).strip(b"\0"):
        raise BakeError(f"{name}: damaged at byte {offset}")


def read(tree, file, name, spool, layer=None):
    """Puts all that a tar holds into the tree. `layer`: its number, from 1, when it is a layer of a container image."""
    unpacked = spool.unpacked(file, name)
    unpacked.seek(0)
    try:
        with tarfile.open(fileobj=Bounded(unpacked), mode="r:", encoding="utf-8", errors="surrogateescape") as archive:
            for member in archive:
                path = raw(member.name)
                archive.members = []  # else it keeps each header
                if layer is not None and white_out(tree, path, layer):
                    continue
                if member.islnk():
                    tree.link(path, raw(member.linkname))
                    tree.get(path, follow=False).layer = layer or 0
                else:
                    tree.put(path, node_of(archive, unpacked, member, spool, layer or 0))
            check_end(unpacked, archive.offset, name)
    except (tarfile.TarError, EOFError, OSError, UnicodeError, RecursionError) as error:
        raise BakeError(f"{name}: {error}") from error
