"""What an image holds, read by the tools of its format and not by what wrote it: {path: Facts}."""
import os
import re
import stat
import struct
import subprocess
from dataclasses import dataclass, field


@dataclass
class Facts:
    mode: int
    uid: int = 0
    gid: int = 0
    mtime: float = 0  # seconds
    data: bytes = b""  # of a file; of a symbolic link its target
    rdev: tuple = (0, 0)
    xattrs: dict = field(default_factory=dict)
    same: bytes = b""  # the first path of the file, when there are several

    def without(self, *names):
        return {k: v for k, v in self.__dict__.items() if k not in names}


# --- ext4, by debugfs -------------------------------------------------------------------------------------------------


def debugfs(image, commands):
    """What each command prints."""
    script = "".join(f"{command}\n" for command in commands)
    out = subprocess.run(["debugfs", "-f", "-", image], input=script.encode(), stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, check=True).stdout
    parts = re.split(rb"(?m)^debugfs: [^\n]*\n", out)
    assert len(parts) == len(commands) + 1
    return parts[1:]


def unescape(name):
    """debugfs shows bytes that are no text as \\x0a."""
    return re.sub(rb"\\x([0-9a-f]{2})", lambda m: bytes([int(m[1], 16)]), name)


def names_of(image, number):
    """[(inode, name)] of a directory."""
    out, = debugfs(image, [f"ls -l <{number}>"])
    rows = [re.match(rb" +(\d+) +\d+ \(\d+\) +\S+ +\S+ +\d+ +\S+ +\S+ (.*)$", line) for line in out.splitlines()
            if line]
    return [(int(row[1]), unescape(row[2])) for row in rows if row[2] not in (b".", b"..")]


def numbers(image):
    """[(path, inode)] of all files, the root as b""."""
    found, todo = [], [(b"", 2)]
    while todo:
        path, number = todo.pop()
        found.append((path, number))
        info, = debugfs(image, [f"stat <{number}>"])
        if b"Type: directory" in info:
            names = sorted(names_of(image, number), key=lambda row: row[1], reverse=True)
            todo += [(path + b"/" + name if path else name, n) for n, name in names]
    return found


def field_of(info, pattern, convert=int):
    found = re.search(pattern, info)
    return convert(found[1]) if found else None


def owner(info, which):
    """It shows ids above 2^31 as negative."""
    return field_of(info, which + rb": +(-?\d+)") & 0xFFFFFFFF


TYPES = {b"directory": stat.S_IFDIR, b"regular": stat.S_IFREG, b"symlink": stat.S_IFLNK, b"FIFO": stat.S_IFIFO,
         b"character": stat.S_IFCHR, b"block": stat.S_IFBLK}


def mtime_of(info):
    """Of `mtime: 0x65f5e100:77359400 -- ...`: seconds, and nanoseconds with two more bits of the seconds."""
    low, extra = (int(word, 16) for word in re.search(rb"\bmtime: 0x([0-9a-f]+):([0-9a-f]+)", info).groups())
    return low - (1 << 32 if low >> 31 else 0) + ((extra & 3) << 32) + (extra >> 2) / 1e9


def ext4(image, tmp):
    found = {}
    first = {}
    for path, number in numbers(image):
        info, eas = debugfs(image, [f"stat <{number}>", f"ea_list <{number}>"])
        kind = TYPES[field_of(info, rb"Type: (\w+)", bytes)]
        f = Facts(kind | field_of(info, rb"Mode: +(\d+)", lambda m: int(m, 8)), owner(info, rb"User"),
                  owner(info, rb"Group"), mtime_of(info), same=first.setdefault(number, path))
        if kind in (stat.S_IFCHR, stat.S_IFBLK):
            f.rdev = tuple(int(n) for n in re.search(rb"Device major/minor number: (\d+):(\d+)", info).groups())
        if kind == stat.S_IFREG or b"EXTENTS" in info and kind == stat.S_IFLNK:
            debugfs(image, [f"dump <{number}> {tmp}/content"])
            f.data = (tmp / "content").read_bytes()
            if kind == stat.S_IFLNK:
                f.data = f.data[:field_of(info, rb"Size: (\d+)")]
        elif kind == stat.S_IFLNK:
            f.data = unescape(re.search(rb'Fast link dest: "(.*)"', info)[1])
        for name in re.findall(rb"(?m)^  (\S+) \(\d+\)", eas):
            debugfs(image, [f"ea_get -f {tmp}/value <{number}> {name.decode()}"])
            f.xattrs[name] = (tmp / "value").read_bytes()
        found[path] = f
    return found


def check_ext4(image):
    r = subprocess.run(["e2fsck", "-fn", image], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert r.returncode == 0, r.stdout


# --- initramfs --------------------------------------------------------------------------------------------------------


def initramfs(image, _):
    data, at, found, by_number, first = image.read_bytes(), 0, {}, {}, {}
    while True:
        assert data[at:at + 6] == b"070701"
        n, mode, uid, gid, links, mtime, size, _, _, major, minor, length, _ = (
            int(data[i:i + 8], 16) for i in range(at + 6, at + 110, 8))
        name = data[at + 110:at + 110 + length - 1]
        start = at + (110 + length + 3) // 4 * 4
        at = start + (size + 3) // 4 * 4
        if name == b"TRAILER!!!":
            return found
        path = b"" if name == b"." else name
        found[path] = Facts(mode, uid, gid, mtime, rdev=(major, minor), same=first.setdefault(n, path))
        by_number.setdefault(n, []).append((found[path], links))
        for f, _ in by_number[n]:  # the last one has it
            f.data = data[start:start + size]


# --- squashfs, by unsquashfs ------------------------------------------------------------------------------------------


def squashfs(image, tmp):
    """Unpacked, as root."""
    out = tmp / "unpacked"
    subprocess.run(["unsquashfs", "-quiet", "-no-progress", "-d", out, image], stdout=subprocess.DEVNULL, check=True)
    found, first = {}, {}
    todo = [(b"", os.fsencode(out))]
    while todo:
        path, at = todo.pop()
        s = os.lstat(at)
        f = found[path] = Facts(s.st_mode, s.st_uid, s.st_gid, s.st_mtime, same=first.setdefault(s.st_ino, path))
        f.xattrs = {os.fsencode(n): os.getxattr(at, n, follow_symlinks=False)
                    for n in os.listxattr(at, follow_symlinks=False)}
        if stat.S_ISDIR(s.st_mode):
            todo += [(path + b"/" + n if path else n, at + b"/" + n) for n in sorted(os.listdir(at), reverse=True)]
        elif stat.S_ISLNK(s.st_mode):
            f.data = os.readlink(at)
        elif stat.S_ISREG(s.st_mode):
            with open(at, "rb") as file:
                f.data = file.read()
        elif not stat.S_ISFIFO(s.st_mode):
            f.rdev = (os.major(s.st_rdev), os.minor(s.st_rdev))
    return found


def read(form, image, tmp):
    return {"ext4": ext4, "initramfs": initramfs, "squashfs": squashfs}[form](image, tmp)


def cap():
    """security.capability of a program that may bind low ports: VFS_CAP_REVISION_2, effective, CAP_NET_BIND_SERVICE."""
    return struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)
