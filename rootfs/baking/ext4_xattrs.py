"""Extended attributes as ext4 keeps them (attributes.rst): in the inode where they fit, else in one block."""
import struct

from .tree import BakeError, show

MAGIC = 0xEA020000
PREFIXES = [(1, b"user."), (4, b"trusted."), (6, b"security."), (7, b"system.")]


def split(path, name):
    for index, prefix in PREFIXES:
        if name.startswith(prefix) and len(name) > len(prefix):
            return index, name[len(prefix):]
    raise BakeError(f"{show(path)}: ext4 has no attribute {show(name)}")


def words(data):
    data += bytes(-len(data) % 4)
    return struct.unpack(f"<{len(data) // 4}I", data)


def rotate(value, bits):
    return (value << bits | value >> (32 - bits)) & 0xFFFFFFFF


def entry_hash(name, value):
    """As ext4_xattr_hash_entry of Linux, with bytes that have no sign."""
    total = 0
    for byte in name:
        total = rotate(total, 5) ^ byte
    for word in words(value):
        total = rotate(total, 16) ^ word
    return total


class Attributes:
    """`inline`: the bytes behind an inode's fields; `block`: those of a block of its own, b"" without one."""

    def __init__(self, path, xattrs, room, block):
        self.inline = self.block = b""
        if not xattrs:
            return
        # In a block they are sorted by these three (ext4_xattr_cmp of e2fsprogs and Linux).
        split_names = sorted((*split(path, name), value) for name, value in xattrs.items())
        entries = sorted(split_names, key=lambda e: (e[0], len(e[1]), e[1]))
        if any(len(name) > 255 for _, name, _ in entries):
            raise BakeError(f"{show(path)}: the name of an attribute is longer than 255 bytes")
        if (body := pack(entries, room - 4, 0, hashed=False)) is not None:
            self.inline = struct.pack("<I", MAGIC) + body
            return
        body = pack(entries, block - 32, 32, hashed=True)
        if body is None:
            raise BakeError(f"{show(path)}: its attributes are larger than a block of {block} bytes")
        total = 0
        for _, name, value in entries:
            total = rotate(total, 16) ^ entry_hash(name, value)
        self.block = struct.pack("<IIIII12x", MAGIC, 1, 1, total, 0) + body


def pack(entries, room, base, hashed):
    """Entries from the front, four bytes of zeros, values from the back; None when they do not fit. base: added to
    offsets."""
    padded = [(-len(name) % 4, -len(value) % 4) for _, name, value in entries]
    if sum(16 + len(n) + a + len(v) + b for (_, n, v), (a, b) in zip(entries, padded)) + 4 > room:
        return None
    head, values = b"", b""
    for index, name, value in entries:
        values = value + bytes(-len(value) % 4) + values
        where = base + room - len(values) if value else 0
        total = entry_hash(name, value) if hashed else 0
        head += struct.pack("<BBHIII", len(name), index, where, 0, len(value), total) + name + bytes(-len(name) % 4)
    return head + bytes(room - len(head) - len(values)) + values
