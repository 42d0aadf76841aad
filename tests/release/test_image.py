"""The container image of all architectures: by skopeo's eyes, by ours, and its programs run."""
import hashlib
import json
import os
import subprocess

import dist

SKOPEO = ["skopeo", "--insecure-policy", "--override-os", "linux"]


def blob(made, descriptor):
    """The file that a descriptor stands for."""
    return made.tar(made.image.name) / "blobs/sha256" / descriptor["digest"].removeprefix("sha256:")


def read(made, descriptor):
    return json.loads(blob(made, descriptor).read_text())


def manifests(made):
    """{architecture: manifest}, by the index."""
    whole, = json.loads((made.tar(made.image.name) / "index.json").read_text())["manifests"]
    each = read(made, whole)["manifests"]
    found = {m["platform"]["architecture"]: read(made, m) for m in each}
    assert len(found) == len(each) and {m["platform"]["os"] for m in each} == {"linux"}
    return found


def layer(target):
    """The file of the only layer that the architecture's image has."""
    described, = manifests(target.release)[target.architecture]["layers"]
    return blob(target.release, described)


def test_every_blob_is_what_its_name_says(made):
    files = list((made.tar(made.image.name) / "blobs/sha256").iterdir())
    assert len(files) == 1 + 3 * len(dist.ARCHITECTURES)  # the index; a manifest, a configuration and a layer for each
    for file in files:
        assert hashlib.sha256(file.read_bytes()).hexdigest() == file.name


def test_its_index_names_each_architecture(made):
    found = manifests(made)
    assert sorted(found) == dist.ARCHITECTURES
    for architecture, manifest in found.items():
        config = read(made, manifest["config"])
        assert (config["os"], config["architecture"]) == ("linux", architecture)


def test_skopeo_reads_it(target):
    reader = [*SKOPEO, "--override-arch", target.architecture]
    image = f"oci-archive:{target.release.image}:{dist.VERSION}"
    facts = json.loads(dist.run(*reader, "inspect", image))
    assert (facts["Os"], facts["Architecture"]) == ("linux", target.architecture)
    assert facts["Layers"] == [f"sha256:{layer(target).name}"]
    config = json.loads(dist.run(*reader, "inspect", "--config", image))
    assert config["config"]["Entrypoint"] == ["/usr/sbin/guestd"]


def test_skopeo_copies_it_with_all_architectures(made, tmp_path):
    dist.run(*SKOPEO, "copy", "--all", f"oci-archive:{made.image}", f"oci:{tmp_path}/copied:latest")
    for target in map(made.target, dist.ARCHITECTURES):
        assert (tmp_path / "copied/blobs/sha256" / layer(target).name).exists()


def test_the_programs_of_its_layer_run(target, tmp_path):
    """As after `COPY --from`: nothing beside them."""
    dist.run("tar", "-C", tmp_path, "-xzf", layer(target))
    files = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert files == {"usr/sbin/guestd", "usr/bin/guestctl", "usr/share/doc/guestd/LICENSE",
                     "usr/share/doc/guestd/THIRD-PARTY-NOTICES"}
    for name, path in dist.PROGRAMS.items():
        program = tmp_path / "usr" / path
        assert dist.machine(program) == dist.MACHINES[target.architecture]
        assert program.read_bytes() == target.program(name).read_bytes()
        assert target.run(program, "--version").startswith(f"{name} {dist.VERSION}\n")
        if target.architecture == dist.NATIVE:
            assert dist.run("chroot", tmp_path, f"/usr/{path}", "--version").startswith(f"{name} {dist.VERSION}\n")


def test_rootfs_bake_takes_it(target, tmp_path):
    """As any container image, for another reader of the format."""
    image = tmp_path / "image.cpio"
    dist.run(dist.ROOT / "rootfs/bake", target.release.image, "-o", image, "--agent", target.program("guestd"),
             "--platform", f"linux/{target.architecture}")
    subprocess.run(["cpio", "--extract", "--make-directories", "--quiet", "usr/bin/guestctl"], stdin=open(image, "rb"),
                   cwd=tmp_path, check=True)
    assert (tmp_path / "usr/bin/guestctl").read_bytes() == target.program("guestctl").read_bytes()
    assert os.path.getsize(image) > 1 << 20
