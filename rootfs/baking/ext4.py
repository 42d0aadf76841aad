"""Writes a tree as an ext4 file system (Documentation/filesystems/ext4/ in Linux's source): blocks of 4 KiB, inodes of
256 bytes, extents, directories as lists of names in their order, no journal.

mke2fs -d would do it from a folder: only with the builder's owners, times of change and order of names, or as root; one
that reads a tar came with e2fsprogs 1.47.1. Here all bytes follow from the tree.

The order on the disk: in each group of 32,768 blocks the superblock's copy (groups 0, 1 and powers of 3, 5, 7) and the
group descriptors, the two bitmaps, the inodes; then the data, file after file as they are walked.
"""
import functools
import os
import stat
import struct

from . import ext4_xattrs
from .tree import NS, BakeError, show

BLOCK = 4096
GROUP = 8 * BLOCK  # blocks of a group: as many as a block has bits
INODE = 256
EXTRA = 32  # bytes of an inode beyond the first 128 that are fields
FIRST_INODE = 11  # those below are the file system's own, 2 the root
ROOT_INODE = 2
EXTENT_BLOCKS = 32768  # of one extent
INLINE_EXTENTS = 4  # in an inode
LEAF_EXTENTS = (BLOCK - 12) // 12  # in a block
LINKS_MAX = 65000  # EXT4_LINK_MAX
BLOCKS_MAX = (1 << 32) - 1
BYTES_PER_INODE = 16384  # of free space, as mke2fs counts by default
EXTENTS_FLAG = 0x80000

# Features (super.rst): what was read and written since Linux 2.6.28.
COMPATIBLE = 0x0008 | 0x0020  # attributes; directories that grow get an index
INCOMPATIBLE = 0x0002 | 0x0040  # types in directory entries; extents
# Sparse superblocks, large and huge files, many subdirectories, extra fields.
READ_ONLY = 0x0001 | 0x0002 | 0x0008 | 0x0020 | 0x0040

TYPES = {stat.S_IFREG: 1, stat.S_IFDIR: 2, stat.S_IFCHR: 3, stat.S_IFBLK: 4, stat.S_IFIFO: 5, stat.S_IFLNK: 7}


def ceil(a, b):
    return -(-a // b)


class File:
    """A node with what the file system adds: its number, its links, its blocks."""

    def __init__(self, path, node):
        self.path, self.node, self.number, self.links = path, node, 0, 0
        self.names = []  # of a directory: (name, File)
        self.parent = self
        self.extents = []  # (first block of the file, of the disk, count)
        self.leaves = []  # blocks that hold extents
        self.attributes = ext4_xattrs.Attributes(path, node.xattrs, INODE - 128 - EXTRA, BLOCK)
        self.attribute_block = 0

    @property
    def size(self):
        return self.blocks * BLOCK if self.node.is_dir else self.node.size

    @functools.cached_property
    def blocks(self):
        """Blocks of its content; known when all have their names."""
        if self.node.is_dir:
            return len(self.directory())
        if self.node.is_link and self.node.size < 60:  # it lies in the inode
            return 0
        return ceil(self.node.size, BLOCK)

    def directory(self):
        """The blocks of a directory. An entry does not cross from one to the next, and the last of a block reaches to
        its end."""
        blocks, block, last = [], bytearray(), 0
        for name, file in [(b".", self), (b"..", self.parent), *self.names]:
            length = 8 + ceil(len(name), 4) * 4
            if len(block) + length > BLOCK:
                struct.pack_into("<H", block, last + 4, BLOCK - last)
                blocks.append(bytes(block.ljust(BLOCK, b"\0")))
                block = bytearray()
            last = len(block)
            block += struct.pack("<IHBB", file.number, length, len(name), TYPES[stat.S_IFMT(file.node.mode)]) + name
            block += bytes(last + length - len(block))
        struct.pack_into("<H", block, last + 4, BLOCK - last)
        return [*blocks, bytes(block.ljust(BLOCK, b"\0"))]


def number(tree):
    """The files of a tree in their order, numbered, with their names and links."""
    files, by_node, by_path = [], {}, {}
    for path, node in tree.walk():
        file = by_node.get(id(node))
        if file is None:
            file = by_node[id(node)] = File(path, node)
            file.number = FIRST_INODE + len(files) - 1 if files else ROOT_INODE
            files.append(file)
        parent, _, name = path.rpartition(b"/")
        file.links += 1
        if node.is_dir:
            by_path[path] = file
            file.links += 1  # its "."; the root's other one is its ".."
        if path:
            parent = by_path[parent]
            parent.names.append((name, file))
            parent.links += 1 if node.is_dir else 0
            file.parent = parent
        if not node.is_dir and file.links > LINKS_MAX:
            raise BakeError(f"{show(path)}: more than {LINKS_MAX} hard links")
    return files


class Layout:
    """How many groups there are, and where in them all lies. data: blocks that files need; free: blocks left over."""

    def __init__(self, data, inodes, free):
        self.groups, self.inodes = ceil(inodes, 8 * BLOCK), inodes
        while True:
            self.inode_blocks = ceil(ceil(self.inodes, self.groups) * INODE, BLOCK)
            self.descriptor_blocks = ceil(self.groups * 32, BLOCK)
            self.blocks = data + free + sum(self.overhead(g) for g in range(self.groups))
            if self.blocks <= self.groups * GROUP:
                break
            self.groups = max(self.groups + 1, ceil(self.blocks, GROUP))
        # A last group has to hold its own tables.
        self.blocks = max(self.blocks, (self.groups - 1) * GROUP + self.overhead(self.groups - 1) + 1)
        self.inodes_per_group = self.inode_blocks * BLOCK // INODE
        self.inodes = self.inodes_per_group * self.groups
        if self.blocks > BLOCKS_MAX:
            raise BakeError(f"the image would have {self.blocks} blocks and {self.inodes} inodes")

    def has_super(self, group):
        if group <= 1:
            return True
        return any(group == base ** power for base in (3, 5, 7) for power in range(1, 21))

    def head(self, group):
        """Blocks of the superblock and the descriptors at a group's begin."""
        return 1 + self.descriptor_blocks if self.has_super(group) else 0

    def overhead(self, group):
        return self.head(group) + 2 + self.inode_blocks

    def end(self, group):
        return min(self.blocks, (group + 1) * GROUP)

    def start(self, group):
        """The first block of data."""
        return group * GROUP + self.overhead(group)


class Allocator:
    """Hands out the blocks of data in their order."""

    def __init__(self, layout):
        self.layout, self.group, self.next = layout, 0, layout.start(0)

    def run(self, count):
        """Up to `count` blocks in a row: (first, how many)."""
        while self.next >= self.layout.end(self.group):
            self.group += 1
            self.next = self.layout.start(self.group)
        first = self.next
        got = min(count, EXTENT_BLOCKS, self.layout.end(self.group) - first)
        self.next += got
        return first, got

    def place(self, file):
        """Gives a file its blocks."""
        at = 0
        while at < file.blocks:
            first, got = self.run(file.blocks - at)
            file.extents.append((at, first, got))
            at += got
        if len(file.extents) > INLINE_EXTENTS:
            leaves = ceil(len(file.extents), LEAF_EXTENTS)
            if leaves > INLINE_EXTENTS:
                raise BakeError(f"{show(file.path)}: {file.size} bytes are more than four blocks of extents describe")
            file.leaves = [self.run(1)[0] for _ in range(leaves)]
        if file.attributes.block:
            file.attribute_block = self.run(1)[0]


def need(files):
    """An upper bound of the blocks that files need: a file may be cut at each group's tables."""
    total = 0
    for file in files:
        cuts = ceil(file.blocks, GROUP // 2) + 1
        total += file.blocks + (1 if file.attributes.block else 0)
        total += ceil(cuts, LEAF_EXTENTS) if cuts > INLINE_EXTENTS else 0
    return total


def extent_root(file):
    """The 60 bytes of an inode that say where its content lies."""
    def node(entries, room, depth):
        return struct.pack("<HHHHI", 0xF30A, len(entries), room, depth, 0) + b"".join(entries)

    extents = [struct.pack("<IHHI", at, count, 0, first) for at, first, count in file.extents]
    if not file.leaves:
        return node(extents, INLINE_EXTENTS, 0), []
    leaves, index = [], []
    for i, block in enumerate(file.leaves):
        part = extents[i * LEAF_EXTENTS:(i + 1) * LEAF_EXTENTS]
        leaves.append((block, node(part, LEAF_EXTENTS, 0)))
        index.append(struct.pack("<IIHH", file.extents[i * LEAF_EXTENTS][0], block, 0, 0))
    return node(index, INLINE_EXTENTS, 1), leaves


def device(rdev):
    """As new_encode_dev of Linux, in the second word; numbers of 8 bits as old_encode_dev, in the first."""
    major, minor = rdev
    if major < 256 and minor < 256:
        return struct.pack("<II", major << 8 | minor, 0)
    return struct.pack("<III", 0, (minor & 0xFF) | major << 8 | (minor & ~0xFF) << 12, 0)


def inode(file):
    """The bytes of an inode, and the blocks of extents that belong to it."""
    node, leaves, flags = file.node, [], 0
    if node.is_dir or node.is_file or file.blocks:
        where, leaves = extent_root(file)
        flags = EXTENTS_FLAG
    elif node.is_link:
        where = node.target
    else:
        where = device(node.rdev) if stat.S_IFMT(node.mode) in (stat.S_IFCHR, stat.S_IFBLK) else b""
    seconds, nanoseconds = divmod(node.mtime_ns, NS)
    if not -(1 << 31) <= seconds < (1 << 34) - (1 << 31):
        raise BakeError(f"{show(file.path)}: ext4 cannot hold its time {seconds}")
    # The upper two bits of the seconds (inodes.rst, "Inode Timestamps").
    extra = nanoseconds << 2 | (seconds - ((seconds + (1 << 31)) % (1 << 32) - (1 << 31))) >> 32 & 3
    low, size = seconds & 0xFFFFFFFF, file.size
    sectors = (file.blocks + len(file.leaves) + (1 if file.attribute_block else 0)) * (BLOCK // 512)
    links = file.links if not node.is_dir or file.links <= LINKS_MAX else 1  # dir_nlink: 1 stands for too many to count
    out = struct.pack("<HHIIIIIHHIII", node.mode, node.uid & 0xFFFF, size & 0xFFFFFFFF, low, low, low, 0,
                      node.gid & 0xFFFF, links, sectors & 0xFFFFFFFF, flags, 0)
    out += where.ljust(60, b"\0")
    out += struct.pack("<IIIIHHHHHH", 0, file.attribute_block, size >> 32, 0, sectors >> 32, 0, node.uid >> 16,
                       node.gid >> 16, 0, 0)
    out += struct.pack("<HHIIIIIII", EXTRA, 0, extra, extra, extra, low, extra, 0, 0)
    return (out + file.attributes.inline).ljust(INODE, b"\0"), leaves


class Image:
    """The file that is written."""

    def __init__(self, out, files, layout, uuid, hash_seed, label, epoch):
        self.out, self.files, self.layout = out, files, layout
        self.uuid, self.hash_seed, self.label, self.epoch = uuid, hash_seed, label, epoch
        self.used_inodes = FIRST_INODE - 1 + len(files) - 1

    def at(self, block, data):
        self.out.seek(block * BLOCK)
        self.out.write(data)

    def write_content(self, file):
        node = file.node
        if not file.extents:
            return
        if node.is_dir:
            data = iter([b"".join(file.directory())])
        elif node.is_link:
            data = iter([node.target])
        else:
            data = node.content.pieces()
        rest = b""
        for _, first, count in file.extents:
            self.out.seek(first * BLOCK)
            room = count * BLOCK
            while room > 0:
                piece = rest or next(data, b"")
                if not piece:
                    break
                if piece.strip(b"\0"):
                    self.out.write(piece[:room])
                else:  # a hole in the builder's file
                    self.out.seek(len(piece[:room]), os.SEEK_CUR)
                rest = piece[room:]
                room -= min(room, len(piece))

    def write_inodes(self):
        for file in self.files:
            data, leaves = inode(file)
            group, index = divmod(file.number - 1, self.layout.inodes_per_group)
            table = group * GROUP + self.layout.head(group) + 2
            self.out.seek(table * BLOCK + index * INODE)
            self.out.write(data)
            for block, leaf in leaves:
                self.at(block, leaf)
            if file.attribute_block:
                self.at(file.attribute_block, file.attributes.block)

    def write_groups(self, last):
        """The bitmaps; the descriptors are returned. Blocks of data are taken from the first on, `last` is the first
        free one."""
        layout, descriptors, free_total = self.layout, b"", 0
        numbers = [f.number for f in self.files if f.node.is_dir]
        for group in range(layout.groups):
            first, size = group * GROUP, layout.end(group) - group * GROUP
            used = min(max(last - first, layout.overhead(group)), size)
            self.at(first + layout.head(group), bitmap(used, size))
            per, before = layout.inodes_per_group, group * layout.inodes_per_group
            used_inodes = min(max(self.used_inodes - before, 0), per)
            self.at(first + layout.head(group) + 1, bitmap(used_inodes, per))
            directories = sum(before < n <= before + per for n in numbers)
            where = [first + layout.head(group) + i for i in range(3)]
            descriptors += struct.pack("<IIIHHH", *where, size - used, per - used_inodes, directories).ljust(32, b"\0")
            free_total += size - used
        return descriptors, free_total

    def super(self, group, free):
        layout, epoch = self.layout, max(0, self.epoch) & 0xFFFFFFFF
        out = struct.pack("<IIIIIIIIIIIII", layout.inodes, layout.blocks, 0, free, layout.inodes - self.used_inodes, 0,
                          2, 2, GROUP, GROUP, layout.inodes_per_group, 0, epoch)
        # Mounted never, checked by nothing but need; clean; errors are passed over as mke2fs has it; made by Linux.
        out += struct.pack("<HhHHHHIIIIHH", 0, -1, 0xEF53, 1, 1, 0, epoch, 0, 0, 1, 0, 0)
        out += struct.pack("<IHHIII", FIRST_INODE, INODE, group, COMPATIBLE, INCOMPATIBLE, READ_ONLY)
        out += self.uuid + self.label.ljust(16, b"\0") + bytes(64)
        # The index's hash is half MD4, with signed bytes; user_xattr and acl are mounted with by default.
        out += bytes(4 + 4 + 16 + 12) + self.hash_seed + struct.pack("<BBHI", 1, 0, 0, 0xC)
        out = (out + struct.pack("<II", 0, epoch)).ljust(0x15C, b"\0") + struct.pack("<HHI", EXTRA, EXTRA, 1)
        return out.ljust(1024, b"\0")

    def write(self):
        allocator = Allocator(self.layout)
        for file in self.files:
            allocator.place(file)
        for file in self.files:
            self.write_content(file)
        self.write_inodes()
        descriptors, free = self.write_groups(allocator.next)
        for group in filter(self.layout.has_super, range(self.layout.groups)):
            self.at(group * GROUP, (bytes(1024) if group == 0 else b"") + self.super(group, free))
            self.at(group * GROUP + 1, descriptors)
        self.out.truncate(self.layout.blocks * BLOCK)


def bitmap(used, size):
    """The first `used` bits are set, and those beyond `size`."""
    bits = bytearray(BLOCK)
    bits[:used // 8] = b"\xff" * (used // 8)
    if used % 8:
        bits[used // 8] = (1 << used % 8) - 1
    for bit in range(size, min(8 * BLOCK, ceil(size, 8) * 8)):
        bits[bit // 8] |= 1 << bit % 8
    bits[ceil(size, 8):] = b"\xff" * (BLOCK - ceil(size, 8))
    return bytes(bits)


def write(tree, out, free_bytes, uuid, hash_seed, label, epoch):
    """Writes the image to an empty file. free_bytes: left over for the guest; uuid and hash_seed: 16 bytes each; epoch:
    seconds, the time that the file system says it was made at."""
    files = number(tree)
    free = ceil(free_bytes, BLOCK)
    inodes = FIRST_INODE + len(files) + ceil(free_bytes, BYTES_PER_INODE)
    Image(out, files, Layout(need(files), inodes, free), uuid, hash_seed, label, epoch).write()
