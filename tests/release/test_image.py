"""The container image: by skopeo's eyes, by ours, and its program run."""
import hashlib
import json
import os
import subprocess

import dist
from releasing import archives, oci, source


def archive(made):
    return made.folder / f"guestd-{dist.VERSION}-oci.tar"


def test_every_blob_is_what_its_name_says(made):
    blobs = made.tar(archive(made).name) / "blobs/sha256"
    files = list(blobs.iterdir())
    assert len(files) >= 4  # a layer, a configuration, a manifest, an index
    for file in files:
        assert hashlib.sha256(file.read_bytes()).hexdigest() == file.name


def test_skopeo_reads_it(made, tmp_path, clone):
    image = f"oci-archive:{archive(made)}"
    policy = ["--insecure-policy", "--override-arch", dist.ARCHITECTURE, "--override-os", "linux"]
    facts = json.loads(dist.run("skopeo", *policy, "inspect", image))
    assert (facts["Os"], facts["Architecture"]) == ("linux", dist.ARCHITECTURE) and len(facts["Layers"]) == 1
    config = json.loads(dist.run("skopeo", *policy, "inspect", "--config", image))
    assert config["config"]["Entrypoint"] == ["/usr/sbin/guestd"]
    dist.run("skopeo", *policy, "copy", "--all", image, f"oci:{tmp_path}/copied:latest")
    layer = facts["Layers"][0].removeprefix("sha256:")
    assert (tmp_path / "copied/blobs/sha256" / layer).exists()


def test_the_program_of_its_layer_runs(made, tmp_path):
    """As after `COPY --from`: nothing beside it."""
    layout = made.tar(archive(made).name)
    manifest = json.loads((layout / "index.json").read_text())
    for _ in range(2):
        blob = next(m for m in manifest["manifests"] if m.get("platform", {}).get("architecture", dist.ARCHITECTURE)
                    == dist.ARCHITECTURE)
        manifest = json.loads((layout / "blobs/sha256" / blob["digest"].removeprefix("sha256:")).read_text())
    layer, = manifest["layers"]
    dist.run("tar", "-C", tmp_path, "-xzf", layout / "blobs/sha256" / layer["digest"].removeprefix("sha256:"))
    files = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert files == {"usr/sbin/guestd", "usr/bin/guestctl", "usr/share/doc/guestd/LICENSE",
                     "usr/share/doc/guestd/THIRD-PARTY-NOTICES"}
    for name, path in dist.PROGRAMS.items():
        assert (tmp_path / "usr" / path).read_bytes() == made.program(name).read_bytes()
        assert dist.run("chroot", tmp_path, f"/usr/{path}", "--version").startswith(f"{name} {dist.VERSION}\n")


def test_each_architecture_has_its_own(tmp_path):
    """The image of a release for two: each reader gets the files for its machine."""
    what = source.Source("1.2.3-rc.4", 40 * "a", 1_700_000_000, "", True)
    roots = {a: {"usr/sbin/guestd": archives.Entry(a.encode(), 0o755)} for a in ("amd64", "arm64")}
    (tmp_path / "oci.tar").write_bytes(oci.archive(what, roots))
    for architecture in roots:
        into = tmp_path / architecture
        dist.run("skopeo", "--insecure-policy", "--override-arch", architecture, "copy",
                 f"oci-archive:{tmp_path}/oci.tar:1.2.3-rc.4", f"dir:{into}")
        manifest = json.loads((into / "manifest.json").read_text())
        layer, = manifest["layers"]
        dist.run("tar", "-C", into, "-xzf", into / layer["digest"].removeprefix("sha256:"))
        assert (into / "usr/sbin/guestd").read_text() == architecture
        dist.run(dist.ROOT / "rootfs/bake", tmp_path / "oci.tar", "-o", into / "i.cpio", "--agent", into / "usr/sbin/guestd",
                 "--platform", f"linux/{architecture}")
        assert architecture.encode() in (into / "i.cpio").read_bytes()


def test_rootfs_bake_takes_it(made, tmp_path):
    """As any container image, for another reader of the format."""
    image = tmp_path / "image.cpio"
    dist.run(dist.ROOT / "rootfs/bake", archive(made), "-o", image, "--agent", made.program("guestd"))
    listed = subprocess.run(["cpio", "--list", "--quiet"], stdin=open(image, "rb"), stdout=subprocess.PIPE, check=True,
                            text=True).stdout
    assert "usr/bin/guestctl" in listed.split() and os.path.getsize(image) > 1 << 20
