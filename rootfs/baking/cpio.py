"""Writes a tree as an initramfs: a cpio archive of the format "newc"
(Documentation/driver-api/early-userspace/buffer-format.rst).

It has no attributes, and its times are whole seconds, which the kernel keeps where it was built to
(CONFIG_INITRAMFS_PRESERVE_MTIME).
"""
import stat

from .tree import NS, BakeError, show

SIZE_MAX = (1 << 32) - 1  # of a file: eight digits


def header(number, node, size, links, name):
    major, minor = node.rdev if node is not None and stat.S_IFMT(node.mode) in (stat.S_IFCHR, stat.S_IFBLK) else (0, 0)
    mode, uid, gid, seconds = (node.mode, node.uid, node.gid, node.mtime_ns // NS) if node else (0, 0, 0, 0)
    fields = [number, mode, uid, gid, links, seconds, size, 0, 0, major, minor, len(name) + 1, 0]
    data = b"070701" + b"".join(b"%08x" % field for field in fields) + name + b"\0"
    return data + bytes(-len(data) % 4)


def write(tree, out):
    """Writes the archive. Of hard links the last one carries the content."""
    names, left = {}, {}
    for path, node in tree.walk():
        names.setdefault(id(node), len(names) + 1)
        left[id(node)] = left.get(id(node), 0) + 1
    total = dict(left)
    for path, node in tree.walk():
        if not 0 <= node.mtime_ns // NS < 1 << 32:
            raise BakeError(f"{show(path)}: an initramfs cannot hold its time {node.mtime_ns // NS}")
        left[id(node)] -= 1
        size = node.size if left[id(node)] == 0 and not node.is_dir else 0
        if size > SIZE_MAX:
            raise BakeError(f"{show(path)}: an initramfs cannot hold a file of {size} bytes")
        out.write(header(names[id(node)], node, size, total[id(node)] + (1 if node.is_dir else 0), path or b"."))
        if size and node.is_link:
            out.write(node.target)
        elif size:
            for piece in node.content.pieces():
                out.write(piece)
        out.write(bytes(-size % 4))
    out.write(header(0, None, 0, 1, b"TRAILER!!!"))
