"""A folder as a source."""
import os
import stat

from .content import FileContent
from .tree import BakeError, Node, show


def read(tree, root, say):
    """Puts a folder's files into the tree. What belongs to whoever bakes belongs to root in the image: an unprivileged
    builder's folder is what root's would be. say: told what is left out."""
    links = {}
    todo = [(b"", os.fsencode(root))]
    while todo:
        path, at = todo.pop()
        try:
            info = os.lstat(at)
            if stat.S_ISSOCK(info.st_mode):
                say(f"{show(path)}: a socket: left out")
                continue
            key = (info.st_dev, info.st_ino)
            if info.st_nlink > 1 and key in links:
                tree.link(path, links[key])
                continue
            tree.put(path, node_of(at, info))
            if stat.S_ISDIR(info.st_mode):
                todo += [(path + b"/" + name if path else name, at + b"/" + name)
                         for name in sorted(os.listdir(at), reverse=True)]
            else:
                links[key] = path
        except OSError as error:
            raise BakeError(f"{show(path or b'.')}: {error.strerror}") from error


def node_of(at, info):
    uid = 0 if info.st_uid == os.geteuid() else info.st_uid
    gid = 0 if info.st_gid == os.getegid() else info.st_gid
    xattrs = {os.fsencode(name): os.getxattr(at, name, follow_symlinks=False)
              for name in os.listxattr(at, follow_symlinks=False)}
    node = Node(info.st_mode, uid, gid, info.st_mtime_ns, xattrs)
    if node.is_link:
        node.target = os.readlink(at)
    elif node.is_file:
        if not os.access(at, os.R_OK):
            raise PermissionError(13, "permission denied")
        node.content = FileContent(at, info.st_size)
    elif stat.S_ISCHR(info.st_mode) or stat.S_ISBLK(info.st_mode):
        node.rdev = (os.major(info.st_rdev), os.minor(info.st_rdev))
    return node
