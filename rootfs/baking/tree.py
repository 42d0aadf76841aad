"""A file tree in memory: names, owners, modes, times, attributes and links as an image has them; contents stay where
they lie."""
import hashlib
import stat

NAME_MAX = 255  # bytes of a name, of ext4 as of Linux
PATH_MAX = 4096  # bytes of a path
TARGET_MAX = 4095  # bytes of a symbolic link's target
ENTRIES_MAX = 2_000_000  # of a tree: about 1 GiB of the builder's memory
LINKS_MAX = 40  # symbolic links in one path, as Linux follows
NS = 1_000_000_000


class BakeError(Exception):
    """What stops a bake; its text names the entry."""


def show(path):
    """A path (bytes) as a text for messages: one line, whatever it holds."""
    return repr(path)[1:]


class Node:
    """A file of any type. Several names may lead to one node: hard links.

    mode: type and permissions, as in stat(2); mtime_ns: since 1970; xattrs: {name: value}, both bytes; target: of a
    symbolic link; rdev: (major, minor) of a device; content: of a regular file (content.py); children: {name: node} of
    a directory; layer: of a container image, the number of the last one that had it.
    """
    __slots__ = ("mode", "uid", "gid", "mtime_ns", "xattrs", "target", "rdev", "content", "children", "layer")

    def __init__(self, mode, uid=0, gid=0, mtime_ns=0, xattrs=None, target=b"", rdev=(0, 0), content=None, layer=0):
        self.mode, self.uid, self.gid, self.mtime_ns = mode, uid, gid, mtime_ns
        self.xattrs = xattrs or {}
        self.target, self.rdev, self.content, self.layer = target, rdev, content, layer
        self.children = {} if stat.S_ISDIR(mode) else None

    @property
    def is_dir(self):
        return self.children is not None

    @property
    def is_link(self):
        return stat.S_ISLNK(self.mode)

    @property
    def is_file(self):
        return stat.S_ISREG(self.mode)

    @property
    def size(self):
        return self.content.size if self.content else len(self.target)


def split(path):
    """The names of a path as an archive or a user writes it, whose root is the tree's. BakeError where it would leave
    that."""
    names = [name for name in path.split(b"/") if name not in (b"", b".")]
    if b".." in names:
        raise BakeError(f"{show(path)}: '..' in a path may lead out of the root")
    if b"\0" in path or len(path) > PATH_MAX or any(len(name) > NAME_MAX for name in names):
        raise BakeError(f"{show(path[:100])}: no path of a file: it is too long or holds a NUL")
    return names


class Tree:
    """A root directory and all below it."""

    def __init__(self):
        self.root = Node(stat.S_IFDIR | 0o755)
        self.made = 0  # nodes put, ever: bounds memory

    def _follow(self, names, make, layer):
        """The directory that the names lead to, through symbolic links, none of which leads out of the tree; None when
        there is none."""
        stack, todo, links = [self.root], list(reversed(names)), 0
        while todo:
            name = todo.pop()
            if name == b"..":  # of a link's target; the root's parent is the root
                if len(stack) > 1:
                    stack.pop()
                continue
            node = stack[-1].children.get(name)
            if node is None and make:
                node = self._add(stack[-1], name, Node(stat.S_IFDIR | 0o755, layer=layer))
            if node is not None and node.is_link:
                links += 1
                if links > LINKS_MAX:
                    raise BakeError(f"{show(b'/'.join(names))}: too many symbolic links on its way")
                if node.target.startswith(b"/"):
                    stack = [self.root]
                todo += [n for n in reversed(node.target.split(b"/")) if n not in (b"", b".")]
                continue
            if node is None or not node.is_dir:
                if make:
                    raise BakeError(f"{show(b'/'.join(names))}: {show(name)} on its way is no directory")
                return None
            stack.append(node)
        return stack[-1]

    def _add(self, directory, name, node):
        self.made += 1
        if self.made > ENTRIES_MAX:
            raise BakeError(f"{show(name)}: more than {ENTRIES_MAX} entries")
        directory.children[name] = node
        return node

    def put(self, path, node):
        """Puts a node there, making missing directories above it. A directory over a directory keeps what that holds,
        all else takes the place of what was there."""
        names = split(path)
        if node.is_link and len(node.target) > TARGET_MAX:
            raise BakeError(f"{show(path)}: the target of the link is longer than {TARGET_MAX} bytes")
        if not names:
            if not node.is_dir:
                raise BakeError(f"{show(path)}: the root is no directory")
            node.children = self.root.children
            self.root = node
            return node
        directory = self._follow(names[:-1], True, node.layer)
        old = directory.children.get(names[-1])
        if node.is_dir and old is not None and old.is_dir:
            node.children = old.children
        return self._add(directory, names[-1], node)

    def link(self, path, to):
        """Puts a hard link to what lies at `to`."""
        node = self.get(to, follow=False)
        if node is None or node.is_dir:
            raise BakeError(f"{show(path)}: a hard link to {show(to)}, which is no file before it")
        names = split(path)
        if not names:
            raise BakeError(f"{show(path)}: the root is no directory")
        self._add(self._follow(names[:-1], True, node.layer), names[-1], node)

    def remove(self, path):
        """Removes what lies there, if anything does."""
        names = split(path)
        directory = self._follow(names[:-1], False, 0)
        if directory is not None and names:
            directory.children.pop(names[-1], None)

    def directory(self, path):
        """The directory there, through links; None when there is none."""
        return self._follow(split(path), False, 0)

    def get(self, path, follow=True):
        """The node there, or None; of a symbolic link, with follow, what it leads to."""
        names = split(path)
        for _ in range(LINKS_MAX):
            directory = self._follow(names[:-1], False, 0)
            node = self.root if not names else directory and directory.children.get(names[-1])
            if node is None or not follow or not node.is_link:
                return node
            target = [n for n in node.target.split(b"/") if n not in (b"", b".")]
            names = target if node.target.startswith(b"/") else names[:-1] + target
        return None

    def text(self, path):
        """The text of a small file; "" when there is none."""
        node = self.get(path)
        return node.content.read().decode(errors="surrogateescape") if node is not None and node.is_file else ""

    def walk(self):
        """(path without a leading slash, node) of everything, the root as b"", parents first, in the order of the
        names."""
        todo = [(b"", self.root)]
        while todo:
            path, node = todo.pop()
            yield path, node
            if node.is_dir:
                below = path + b"/" if path else b""
                todo += [(below + name, node.children[name]) for name in sorted(node.children, reverse=True)]

    def digest(self):
        """SHA-256 of all there is in it: names, metadata, contents, links."""
        total, seen = hashlib.sha256(), {}
        for path, node in self.walk():
            number = seen.setdefault(id(node), len(seen))
            fields = [number, node.mode, node.uid, node.gid, node.mtime_ns, *node.rdev, sorted(node.xattrs.items()),
                      node.target]
            if node.is_file and number == len(seen) - 1:
                fields.append(node.content.digest())
            total.update(repr((path, fields)).encode())
        return total.digest()
