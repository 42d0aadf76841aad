"""Kernel modules with what they need, by the kernel's own lists (depmod(8)): modules.dep and modules.builtin of
/lib/modules/RELEASE."""
import gzip
import lzma
import os
import re
import shutil
import subprocess

from . import content
from .tree import BakeError

NAME = re.compile(r"[\w-]+")


def key(name):
    """Modules are named with - or _ as one likes."""
    return re.sub(r"\.ko(\.(gz|xz|zst))?$", "", os.path.basename(name)).replace("-", "_")


def plain(file):
    """The name of a module that is unpacked."""
    return re.sub(r"(\.ko)\.(gz|xz|zst)$", r"\1", file)


def lines(folder, name):
    try:
        with open(os.path.join(folder, name)) as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []


def unpack(path):
    """The module as it is loaded: few kernels unpack it themselves (CONFIG_MODULE_DECOMPRESS)."""
    with open(path, "rb") as file:
        data = file.read()
    if path.endswith(".gz"):
        return gzip.decompress(data)
    if path.endswith(".xz"):
        return lzma.decompress(data)
    if path.endswith(".zst"):
        if not shutil.which("zstd"):
            raise BakeError(f"{path}: there is no program zstd here")
        return subprocess.run(["zstd", "-dcq"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


class Modules:
    """A kernel's modules: folder is /lib/modules/RELEASE, or what lies in its place."""

    def __init__(self, folder):
        self.folder = folder
        self.release = os.path.basename(os.path.abspath(folder))
        self.builtin = {key(line) for line in lines(folder, "modules.builtin")}
        self.needs = {}
        for line in lines(folder, "modules.dep"):
            name, _, needed = line.partition(":")
            self.needs[key(name)] = (name, needed.split())
        if not self.needs and not self.builtin:
            raise BakeError(f"{folder}: neither modules.dep nor modules.builtin is in it")

    def order(self, names):
        """The files, each behind what it needs, each once; what is built in needs none."""
        files = []
        for name in names:
            if key(name) in self.builtin:
                continue
            if not NAME.fullmatch(name) or key(name) not in self.needs:
                raise BakeError(f"{self.folder}: it has no module {name!r}")
            path, needed = self.needs[key(name)]
            # modules.dep names first what was needed last.
            files += [file for file in [*reversed(needed), path] if file not in files]
        return files

    def add(self, names, image):
        """Puts the modules into the image. Returns the statements of the configuration that load them."""
        statements, written = [], []
        for file in self.order(names):
            target = f"/lib/modules/{self.release}/{plain(file)}"
            try:
                data = unpack(os.path.join(self.folder, file))
            except (OSError, EOFError, lzma.LZMAError, subprocess.CalledProcessError) as error:
                raise BakeError(f"{os.path.join(self.folder, file)}: {error}") from error
            image.file(target.encode(), 0o644, content.of_bytes(data))
            written.append(plain(file))
            statements.append(["module", target])
        if names:  # whoever asks for another of them, or for one that is built in, is told the truth
            image.text(f"/lib/modules/{self.release}/modules.dep".encode(), self.list_of(written))
            image.text(f"/lib/modules/{self.release}/modules.builtin".encode(), self.builtin_of(names))
        return statements

    def builtin_of(self, names):
        """modules.builtin, of those that were asked for."""
        wanted = {key(name) for name in names}
        return "".join(f"{line}\n" for line in lines(self.folder, "modules.builtin") if key(line) in wanted)

    def list_of(self, written):
        """modules.dep of what is in the image."""
        text = ""
        for file in written:
            _, needed = self.needs[key(file)]
            text += " ".join([f"{file}:", *map(plain, needed)]) + "\n"
        return text
