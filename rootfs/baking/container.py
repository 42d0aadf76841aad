"""A saved container image as a source: what `docker save` writes, or an OCI layout (image-spec, image-layout.md), as a
tar or a folder. The layers are applied in order; its configuration is returned."""
import json
import os
import re
import tarfile

from . import archive
from .content import Bounded, Content, part
from .tree import BakeError

JSON_MAX = 16 << 20  # bytes of an index, a manifest or a configuration
LAYERS_MAX = 1000  # docker allows 127
FILES_MAX = 10 * LAYERS_MAX  # of an image's tar, before which those that say what it is must come
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Files:
    """The files of an image by their names, in a folder or in a tar (the open file of one that is not compressed)."""

    def __init__(self, path, file=None):
        self.path, self.in_tar = path, None
        if file is not None:
            self.in_tar = {}
            self.list(file)

    def list(self, file):
        """Their places in the tar, as far as an image may have them."""
        try:
            with tarfile.open(fileobj=Bounded(file), mode="r:") as tar:
                for member in tar:
                    name = os.path.normpath(member.name)
                    if member.isreg():
                        self.in_tar[name] = Content(file, member.offset_data, member.size)
                    elif member.islnk():  # docker save before 25 wrote a layer that it had already as a link
                        self.in_tar[name] = os.path.normpath(member.linkname)
                    elif member.issym():
                        self.in_tar[name] = os.path.normpath(os.path.join(os.path.dirname(name), member.linkname))
                    tar.members = []  # else it keeps each header
                    if len(self.in_tar) > FILES_MAX:
                        break
        except (tarfile.TarError, EOFError, UnicodeError) as error:
            raise BakeError(f"{self.path}: {error}") from error

    def find(self, name):
        """A Content, or None."""
        if self.in_tar is not None:
            found = self.in_tar.get(os.path.normpath(name))
            return self.in_tar.get(found) if isinstance(found, str) else found
        path = os.path.realpath(os.path.join(self.path, name))
        if not path.startswith(os.path.realpath(self.path) + "/") or not os.path.isfile(path):
            return None
        return Content(open(path, "rb"), 0, os.path.getsize(path))

    def open(self, name):
        found = self.find(name)
        if found is None or isinstance(found, str):
            raise BakeError(f"{self.path}: {name!r} is missing in the image")
        return found

    def json(self, name):
        content = self.open(name)
        if content.size > JSON_MAX:
            raise BakeError(f"{self.path}: {name!r} has {content.size} bytes")
        try:
            value = json.loads(content.read())
        except (ValueError, RecursionError) as error:
            raise BakeError(f"{self.path}: {name!r}: {error}") from error
        return value

    def blob(self, descriptor):
        """The name of an OCI descriptor's blob, whose digest is checked."""
        digest = str(descriptor.get("digest"))
        if not DIGEST.fullmatch(digest):
            raise BakeError(f"{self.path}: {digest!r} is no sha256 digest")
        name = "blobs/sha256/" + digest.removeprefix("sha256:")
        if "sha256:" + self.open(name).digest().hex() != digest:
            raise BakeError(f"{self.path}: {name!r} is not what its digest says")
        return name


def image_in(path, file):
    """The image's files when there is one: in the folder `path`, or in `file`, an open tar. Else None."""
    if file is None:
        found = any(os.path.isfile(os.path.join(path, name)) for name in ("oci-layout", "manifest.json"))
        return Files(path) if found else None
    files = Files(path, file)
    return files if {"oci-layout", "manifest.json"} & files.in_tar.keys() else None


def choose(files, index, platform):
    """The descriptor of an index that is for the platform (os/architecture); of an unnamed one, the only one."""
    manifests = [m for m in index.get("manifests", []) if isinstance(m, dict)]
    named = [m for m in manifests if m.get("platform")]
    fitting = [m for m in named if f"{m['platform'].get('os')}/{m['platform'].get('architecture')}" == platform]
    if fitting:
        return fitting[0]
    if len(manifests) == 1:
        return manifests[0]
    raise BakeError(f"{files.path}: {len(manifests)} images, none of them for {platform} (--platform)")


def oci(files, platform):
    """(configuration, names of the layers) of an OCI layout."""
    descriptor = choose(files, files.json("index.json"), platform)
    for _ in range(3):  # an index in an index
        manifest = files.json(files.blob(descriptor))
        if "layers" in manifest:
            break
        descriptor = choose(files, manifest, platform)
    if "layers" not in manifest:
        raise BakeError(f"{files.path}: no manifest with layers")
    return files.json(files.blob(manifest["config"])), [files.blob(layer) for layer in manifest["layers"]]


def docker(files):
    """(configuration, names of the layers) of what docker save wrote."""
    images = files.json("manifest.json")
    if len(images) != 1:
        raise BakeError(f"{files.path}: {len(images)} images; save the one that is meant")
    return files.json(images[0]["Config"]), images[0]["Layers"]


def read(tree, files, platform, spool):
    """Applies an image's layers to the tree. Returns its configuration's "config": Env, Entrypoint, Cmd, User,
    WorkingDir."""
    try:
        config, layers = oci(files, platform) if files.find("oci-layout") else docker(files)
        if len(layers) > LAYERS_MAX:
            raise BakeError(f"{files.path}: {len(layers)} layers")
        found = f"{config.get('os', 'linux')}/{config.get('architecture', platform.partition('/')[2])}"
        if found != platform:
            raise BakeError(f"{files.path}: an image for {found}, not for {platform} (--platform)")
        for number, layer in enumerate(layers, 1):
            archive.read(tree, part(files.open(layer), layer), layer, spool, number)
        return config.get("config") or {}
    except (AttributeError, KeyError, TypeError) as error:
        raise BakeError(f"{files.path}: not a container image as its specification has it: {error!r}") from error


def default_platform():
    return f"linux/{ARCHITECTURES.get(os.uname().machine, os.uname().machine)}"
