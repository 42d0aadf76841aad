"""Trees as guest.v1.Files sends and takes them, in JSON; and directories that are compared with each other."""
import base64
import os
import stat

from agent import RpcError, Stream, encode, envelope

READ, WRITE = "guest.v1.Files/ReadTree", "guest.v1.Files/WriteTree"
TYPES = {stat.S_IFREG: "TYPE_FILE", stat.S_IFDIR: "TYPE_DIRECTORY", stat.S_IFLNK: "TYPE_SYMLINK"}


def b64(data):
    return base64.b64encode(data).decode()


class Writing(Stream):
    """A call of WriteTree: its messages, and its answer."""

    def __init__(self, connection, codec="json", **options):
        super().__init__(connection, WRITE, codec)
        connection.send_request("POST", f"/{WRITE}", {"Content-Type": f"application/connect+{codec}",
                                                      "Transfer-Encoding": "chunked"})
        self.message({"options": options})

    def message(self, m):
        data = envelope(encode(WRITE, m, self.codec))
        self.connection.send(b"%x\r\n%b\r\n" % (len(data), data))

    def items(self, *items):
        self.message({"items": list(items)})

    def answer(self, *items):
        """Sends the items, each in a message, and the end. Where the call is over before, the answer says why."""
        try:
            for item in items:
                self.items(item)
            self.connection.send(b"0\r\n\r\n")
        except ConnectionError:
            pass
        [answer] = self
        return answer


def entry(path, kind="TYPE_FILE", data=b"", more=False, **fields):
    return {"entry": {"path": b64(os.fsencode(path)), "type": kind, "mode": 0o600, **fields}, "data": b64(data), "more": more}


def directory(path, mode=0o755):
    return entry(path, "TYPE_DIRECTORY", mode=mode)


def link(path, target):
    return entry(path, "TYPE_SYMLINK", linkTarget=b64(os.fsencode(target)))


def read(agent, path, codec="json", **fields):
    """The items of a tree."""
    with agent.stream(READ, {"pathBytes": b64(os.fsencode(path)), **fields}, codec) as stream:
        return [item for message in stream for item in message.get("items", [])]


def write(agent, path, *items, codec="json", **options):
    with agent.connect() as c:
        return Writing(c, codec, pathBytes=b64(os.fsencode(path)), **options).answer(*items)


def refused(code, function, *args, **kwargs):
    """The text of the error that it ends with."""
    try:
        function(*args, **kwargs)
    except RpcError as e:
        assert e.code == code, e
        return str(e)
    raise AssertionError(f"not {code}, but nothing at all")


def describe(root):
    """All of a directory: names, kinds, bits, contents, links' texts and times, the root's own too."""
    root = os.fsencode(root)
    found = {}
    for folder, folders, files in os.walk(root):
        for path in [folder, *(os.path.join(folder, name) for name in files),
                     *(p for name in folders if os.path.islink(p := os.path.join(folder, name)))]:
            st = os.lstat(path)
            what = None
            if stat.S_ISLNK(st.st_mode):
                what = os.readlink(path)
            elif stat.S_ISREG(st.st_mode):
                with open(path, "rb") as f:
                    what = f.read()
            found[os.path.relpath(path, root)] = (st.st_mode, st.st_mtime_ns, what)
    return found


def grow(rng, root, entries):
    """A random tree: names of any bytes, every mode, times before 1970, links to anything, files of many sizes."""
    folders = [os.fsencode(root)]
    os.mkdir(root)
    for i in range(entries):
        name = rng.choice([b"%d", b"-%d", b" %d\n", b"\xff%d", "ü%d".encode(), b"%d" + b"n" * 200]) % i
        path = os.path.join(rng.choice(folders), name)
        kind = rng.random()
        if kind < 0.3:
            os.mkdir(path)
            folders.append(path)
        elif kind < 0.4:
            os.symlink(rng.choice([b"/etc", b"..", b"no\xffwhere", b"x" * 3000]), path)
        else:
            with open(path, "wb") as f:
                f.write(rng.randbytes(rng.choice([0, 1, 1000, 65536, 65537, 300_000])))
            os.chmod(path, rng.randrange(0o10000))
        os.utime(path, ns=(0, rng.randrange(-10**18, 2 * 10**18)), follow_symlinks=False)
    for path in reversed(folders):
        os.chmod(path, rng.choice([0o755, 0o700, 0o2750, 0o500, 0o1777]))
        os.utime(path, ns=(0, rng.randrange(-10**18, 2 * 10**18)))
