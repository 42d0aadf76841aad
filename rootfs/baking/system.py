"""What a root needs besides its programs: guestd itself, places to mount on, devices, users."""
import stat

from . import content
from .tree import NS, BakeError, Node, show

DIRECTORIES = [(b"/dev", 0o755), (b"/proc", 0o555), (b"/sys", 0o555), (b"/run", 0o755), (b"/tmp", 0o1777),
               (b"/root", 0o700), (b"/etc", 0o755), (b"/var", 0o755), (b"/home", 0o755)]
# Before anything is mounted the kernel opens /dev/console for its init.
DEVICES = [(b"/dev/console", 0o600, 5, 1), (b"/dev/null", 0o666, 1, 3)]
GROUPS = [("root", 0), ("tty", 5), ("nogroup", 65534)]
FIRST_UID, LAST_UID = 1000, 59999  # of people, as adduser(8) counts


class Image:
    """A tree with a time for what is added to it (seconds)."""

    def __init__(self, tree, epoch):
        self.tree, self.mtime_ns = tree, epoch * NS

    def put(self, path, mode, **fields):
        """Puts a node and, with the same time, the directories above it that are missing."""
        above = path.rstrip(b"/").split(b"/")[1:-1]
        for end in range(1, len(above) + 1):
            parent = b"/" + b"/".join(above[:end])
            if self.tree.get(parent) is None:
                self.tree.put(parent, Node(stat.S_IFDIR | 0o755, mtime_ns=self.mtime_ns))
        return self.tree.put(path, Node(mode, mtime_ns=self.mtime_ns, **fields))

    def file(self, path, mode, data, uid=0, gid=0):
        """Puts a file; where there is a link to one, that is replaced and not what it leads to."""
        if (old := self.tree.get(path, follow=False)) is not None and old.is_dir:
            raise BakeError(f"{show(path)}: the image has a directory there")
        return self.put(path, stat.S_IFREG | mode, content=data, uid=uid, gid=gid)

    def text(self, path, text, mode=0o644):
        """Puts a text file; one that is there already keeps its owner and mode."""
        data = content.of_bytes(text.encode(errors="surrogateescape"))
        old = self.tree.get(path)
        if old is None or not old.is_file:
            self.file(path, mode, data)
        else:
            old.content, old.mtime_ns = data, self.mtime_ns

    def skeleton(self):
        for path, mode in DIRECTORIES:
            if self.tree.get(path) is None:
                self.put(path, stat.S_IFDIR | mode)
            elif not self.tree.get(path).is_dir:
                raise BakeError(f"{show(path)}: is no directory, and has to be one")
        for path, mode, major, minor in DEVICES:
            if self.tree.get(path) is None:
                self.put(path, stat.S_IFCHR | mode, rdev=(major, minor))

    def agent(self, binary, path, initramfs):
        """Puts guestd at its place, and as /init where the kernel looks for that."""
        self.file(path, 0o755, binary)
        if initramfs and path != b"/init":
            self.put(b"/init", stat.S_IFLNK | 0o777, target=path.lstrip(b"/"))


class Users:
    """/etc/passwd, /etc/group and, where there is one, /etc/shadow."""

    def __init__(self, image):
        self.image = image
        self.passwd = self.read(b"/etc/passwd")
        self.group = self.read(b"/etc/group")
        self.shell = "/bin/bash" if image.tree.get(b"/bin/bash") else "/bin/sh"

    def read(self, path):
        return [line.split(":") for line in self.image.tree.text(path).splitlines() if line]

    def complete(self):
        """There is a root, and the groups that guestd mounts with."""
        if not any(row[0] == "root" for row in self.passwd):
            self.passwd.insert(0, ["root", "x", "0", "0", "root", "/root", self.shell])
        for name, gid in GROUPS:
            if not any(row[0] == name for row in self.group):
                self.group.append([name, "x", str(gid), ""])

    def free_id(self):
        used = {row[2] for row in self.passwd + self.group if len(row) > 2}
        return next(n for n in range(FIRST_UID, LAST_UID + 1) if str(n) not in used)

    def add(self, name, uid=None):
        """Adds a user with a group and a home of its own; one that is there already with that id is left as it is."""
        if any(row[0] == name for row in self.passwd):
            row = next(row for row in self.passwd if row[0] == name)
            if uid is not None and row[2:3] != [str(uid)]:
                raise BakeError(f"--user {name}:{uid}: the image has a user of that name with the id {row[2]}")
            return
        uid = self.free_id() if uid is None else uid
        if taken := [row[0] for row in self.passwd if row[2:3] == [str(uid)]]:
            raise BakeError(f"--user {name}:{uid}: the image's user {taken[0]!r} has that id")
        gid = next((row[2] for row in self.group if row[0] == name), str(uid))
        if not any(row[0] == name for row in self.group):
            self.group.append([name, "x", gid, ""])
        home = f"/home/{name}"
        self.passwd.append([name, "x", str(uid), gid, "", home, self.shell])
        if self.image.tree.get(home.encode()) is None:
            self.image.put(home.encode(), stat.S_IFDIR | 0o755, uid=uid, gid=int(gid))
        if shadow := self.image.tree.text(b"/etc/shadow"):
            self.image.text(b"/etc/shadow", f"{shadow}{name}:!:0:0:99999:7:::\n")

    def write(self):
        for path, rows in ((b"/etc/passwd", self.passwd), (b"/etc/group", self.group)):
            if rows != self.read(path):
                self.image.text(path, "".join(":".join(row) + "\n" for row in rows))
