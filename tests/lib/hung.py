"""A mount that never answers: a FUSE file system whose server does not even read. Needs root and a mount namespace."""
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
MNT_DETACH = 2


def checked(result):
    if result < 0:
        errno = ctypes.get_errno()
        raise OSError(errno, os.strerror(errno))


class HungMount:
    """`with HungMount(directory)`: every call on what is in it waits for ever, until let_go(), which fails them all."""

    def __init__(self, directory):
        self.directory = os.fspath(directory)
        self.fuse = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self.fuse},rootmode=40000,user_id=0,group_id=0,allow_other"
        checked(libc.mount(b"hung", self.directory.encode(), b"fuse", 0, options.encode()))

    def let_go(self):
        """The server dies (its last descriptor of /dev/fuse is closed): ENOTCONN for everybody. And it is unmounted."""
        if self.fuse >= 0:
            os.close(self.fuse)
            self.fuse = -1
            checked(libc.umount2(self.directory.encode(), MNT_DETACH))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.let_go()
