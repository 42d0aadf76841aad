"""Contents of files, left where they are until they are written: in a file, in an archive, in memory. And compressed
input, which is unpacked into a nameless file first, because archives are read at offsets."""
import bz2
import gzip
import hashlib
import io
import lzma
import shutil
import subprocess
import tempfile

from .tree import BakeError

PIECE = 1 << 20  # bytes read at a time
HEADER_MAX = 16 << 20  # bytes that an archive's header may ask to be read at once


class Content:
    """`size` bytes at an offset of an open file."""

    def __init__(self, file, offset, size):
        self.file, self.offset, self.size = file, offset, size

    def pieces(self):
        """The bytes, piece by piece."""
        at, left = self.offset, self.size
        while left > 0:
            self.file.seek(at)
            piece = self.file.read(min(PIECE, left))
            if not piece:
                raise BakeError(f"{getattr(self.file, 'name', 'a file')}: ends before its size")
            yield piece
            at, left = at + len(piece), left - len(piece)

    def read(self):
        return b"".join(self.pieces())

    def digest(self):
        total = hashlib.sha256()
        for piece in self.pieces():
            total.update(piece)
        return total.digest()


def of_bytes(data):
    return Content(io.BytesIO(data), 0, len(data))


class FileContent(Content):
    """A file of the builder's disk, opened for each reading only: a folder has many."""

    def __init__(self, path, size):
        super().__init__(None, 0, size)
        self.path = path

    def pieces(self):
        with open(self.path, "rb") as file:
            yield from Content(file, 0, self.size).pieces()
            if file.read(1):
                raise BakeError(f"{self.path!r}: grew while it was read")


class Bounded:
    """A file that refuses to read more at once than a header may have: what an archive claims is not believed."""

    def __init__(self, file):
        self.file, self.name = file, getattr(file, "name", "")
        self.seek, self.tell = file.seek, file.tell

    def read(self, size=-1):
        if size < 0 or size > HEADER_MAX:
            raise BakeError(f"{self.name}: a header of {size} bytes")
        return self.file.read(size)


class Spool:
    """Makes nameless files, in all of at most max_bytes: a small archive may unpack to any size."""

    def __init__(self, max_bytes):
        self.left = max_bytes

    def fill(self, source, name):
        """A nameless file with all that the source yields."""
        out = tempfile.TemporaryFile()
        while piece := source.read(PIECE):
            self.left -= len(piece)
            if self.left < 0:
                raise BakeError(f"{name}: unpacks to more than --max-bytes")
            out.write(piece)
        out.flush()
        out.seek(0)
        return out

    def unpacked(self, file, name):
        """The file itself, or what it holds when it is compressed: gzip, bzip2, xz or zstd, by its first bytes."""
        file.seek(0)
        magic = file.read(6)
        file.seek(0)
        try:
            if magic[:2] == b"\x1f\x8b":
                return self.fill(gzip.GzipFile(fileobj=file), name)
            if magic[:3] == b"BZh":
                return self.fill(bz2.BZ2File(file), name)
            if magic == b"\xfd7zXZ\0":
                return self.fill(lzma.LZMAFile(file), name)
            if magic[:4] == b"\x28\xb5\x2f\xfd":
                return self.unzstd(file, name)
        except (OSError, EOFError, lzma.LZMAError) as error:
            raise BakeError(f"{name}: {error}") from error
        return file

    def unzstd(self, file, name):
        """Python before 3.14 has no zstd of its own."""
        if not shutil.which("zstd"):
            raise BakeError(f"{name}: it is compressed with zstd, and there is no program zstd here")
        packed = tempfile.TemporaryFile()  # the program reads a descriptor, and `file` may be a part of another
        shutil.copyfileobj(file, packed, PIECE)
        packed.seek(0)
        with subprocess.Popen(["zstd", "-dcq"], stdin=packed, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as process:
            try:
                out = self.fill(process.stdout, name)
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0:
            raise BakeError(f"{name}: zstd cannot unpack it")
        return out


class Part(io.RawIOBase):
    """A part of an open file as a file: an archive in an archive."""

    def __init__(self, content, name):
        super().__init__()
        self.content, self.name, self.at = content, name, 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=io.SEEK_SET):
        self.at = offset + (0, self.at, self.content.size)[whence]
        return self.at

    def tell(self):
        return self.at

    def readinto(self, buffer):
        left = max(0, self.content.size - self.at)
        self.content.file.seek(self.content.offset + self.at)
        data = self.content.file.read(min(len(buffer), left))
        buffer[:len(data)] = data
        self.at += len(data)
        return len(data)


def part(content, name):
    """A content as a file of its own."""
    return io.BufferedReader(Part(content, name), PIECE)
