"""Saved container images: layers in order, whiteouts, configurations."""
import hashlib
import io
import json
import tarfile

import images
import pytest
import sources
from images import Facts
from sources import D, F, L

PLATFORM = ("--platform", "linux/amd64")


def layer(entries, mode="w"):
    """A layer's bytes. A path alone is an empty file, as a whiteout is."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=tarfile.PAX_FORMAT, encoding="utf-8",
                      errors="surrogateescape") as archive:
        for path, f in [e if isinstance(e, tuple) else (e, Facts(F | 0o644)) for e in entries]:
            m = sources.member(path, f)
            archive.addfile(m, io.BytesIO(f.data) if m.isreg() else None)
    return out.getvalue()


def configuration(**config):
    return json.dumps({"architecture": "amd64", "os": "linux", "config": config}).encode()


def save(folder, files):
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def oci(layers, config=configuration(), manifests=1):
    """An OCI layout: {name: bytes}."""
    files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}

    def blob(data):
        digest = hashlib.sha256(data).hexdigest()
        files[f"blobs/sha256/{digest}"] = data
        return {"digest": f"sha256:{digest}", "size": len(data)}

    manifest = blob(json.dumps({"config": blob(config), "layers": [blob(data) for data in layers]}).encode())
    other = blob(b'{"layers":[]}')
    index = [{**manifest, "platform": {"os": "linux", "architecture": "amd64"}}]
    index += [{**other, "platform": {"os": "linux", "architecture": "arm64"}}] * (manifests - 1)
    files["index.json"] = json.dumps({"manifests": index[::-1]}).encode()
    return files


def docker(layers, config=configuration()):
    """What docker save wrote before it wrote OCI layouts."""
    names = [f"{i}/layer.tar" for i in range(len(layers))]
    manifest = [{"Config": "config.json", "RepoTags": None, "Layers": names}]
    return {**dict(zip(names, layers)), "config.json": config, "manifest.json": json.dumps(manifest).encode()}


def packed(folder):
    """The folder as a tar beside it."""
    path = folder.with_suffix(".tar")
    with tarfile.open(path, "w") as archive:
        archive.add(folder, arcname=".")
    return path


LAYERS = [
    [(b"etc", Facts(D | 0o755)), (b"etc/keep", Facts(F | 0o644, data=b"1")), (b"etc/gone", Facts(F | 0o644, data=b"1")),
     (b"opt", Facts(D | 0o700, 5, 5)), (b"opt/old", Facts(F | 0o644)), (b"opt/sub", Facts(D | 0o755)),
     (b"opt/sub/old", Facts(F | 0o644)),
     (b"dir", Facts(D | 0o755)), (b"dir/a", Facts(F | 0o644)), (b"was-dir", Facts(D | 0o755)),
     (b"was-dir/a", Facts(F | 0o644)),
     (b"was-file", Facts(F | 0o644)), (b"again", Facts(F | 0o644, data=b"1"))],
    [b"etc/.wh.gone", (b"etc/keep", Facts(F | 0o600, 7, 7, data=b"2")), (b"opt/new", Facts(F | 0o644, data=b"2")),
     b"opt/.wh..wh..opq",
     b".wh.dir", (b"was-dir", Facts(F | 0o644, data=b"2")), (b"was-file", Facts(L | 0o777, data=b"etc/keep")),
     (b"again", Facts(F | 0o644, data=b"2")), b".wh.again", b".wh.never-there", b"no/such/.wh.place"],
    [(b"dir", Facts(D | 0o711)), (b"dir/b", Facts(F | 0o644, data=b"3")),
     (b"etc/hard", Facts(F | 0o600, same=b"etc/keep"))],
]


@pytest.mark.parametrize("kind", [oci, docker])
@pytest.mark.parametrize("shape", ["folder", "tar"])
@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_layers_are_applied_in_order(bake, tmp_path, kind, shape, mode):
    folder = save(tmp_path / "image", kind([layer(entries, mode) for entries in LAYERS]))
    found = images.initramfs(bake(packed(folder) if shape == "tar" else folder, *PLATFORM).ok().path, tmp_path)
    assert found[b"etc/keep"] == Facts(F | 0o600, 7, 7, data=b"2", same=b"etc/hard")
    assert found[b"etc/hard"].data == b"2"
    assert found[b"opt"].mode == D | 0o700 and found[b"opt/new"].data == b"2"
    assert found[b"was-dir"].data == b"2" and found[b"was-file"].data == b"etc/keep" and found[b"again"].data == b"2"
    assert found[b"dir"].mode == D | 0o711 and b"dir/b" in found
    assert not {b"etc/gone", b"opt/old", b"opt/sub", b"opt/sub/old", b"dir/a", b"was-dir/a"} & found.keys()
    assert not [path for path in found if b".wh." in path]


def test_the_platform_is_chosen(bake, tmp_path):
    folder = save(tmp_path / "image", oci([layer([b"x"])], manifests=2))
    assert b"x" in images.initramfs(bake(folder, *PLATFORM).ok().path, tmp_path)
    r = bake(folder, "--platform", "linux/riscv64")
    assert r.status == 1 and "2 images, none of them for linux/riscv64" in r.says
    r = bake(save(tmp_path / "one", docker([layer([b"x"])])), "--platform", "linux/arm64")
    assert r.status == 1 and "an image for linux/amd64, not for linux/arm64" in r.says


def test_its_configuration_becomes_statements(bake, tmp_path):
    config = configuration(Env=["PATH=/bin:/usr/bin", 'NOTE=two "words" \\ here', "LINES=a\nb"], User="app:app",
                           WorkingDir="/srv", Entrypoint=["/bin/run"], Cmd=["--flag", "an arg"])
    own = layer([(b"etc/guestd.conf", Facts(F | 0o600, data=b"hostname box"))])
    folder = save(tmp_path / "image", docker([own], config))
    r = bake(folder, *PLATFORM, "--set", "ready 1024", "--start", "on-failure").ok()
    found = images.initramfs(r.path, tmp_path)
    assert found[b"etc/guestd.conf"].data.decode().splitlines() == [
        "hostname box", "env PATH=/bin:/usr/bin", 'env "NOTE=two \\"words\\" \\\\ here"', "default-user app",
        'start restart=on-failure user=app cwd=/srv -- /bin/run --flag "an arg"', "ready 1024"]
    assert found[b"etc/guestd.conf"].mode == F | 0o600
    assert "variable 'LINES'" in r.says and "user 'app'" in r.says
    (tmp_path / "own").write_text("# mine\n")
    found = images.initramfs(bake(folder, *PLATFORM, "--config", str(tmp_path / "own")).ok().path, tmp_path)
    assert found[b"etc/guestd.conf"].data.startswith(b"# mine\nenv ") and b"start" not in found[b"etc/guestd.conf"].data


def broken(change):
    files = oci([layer([b"x"])])
    change(files)
    return files


def swap_blob(files):
    name = next(n for n in files if n.startswith("blobs/"))
    files[name] += b" "


@pytest.mark.parametrize("files,says", [
    (broken(swap_blob), "is not what its digest says"),
    (broken(lambda f: f.update({"index.json": b"[1]"})), "not a container image"),
    (broken(lambda f: f.update({"index.json": b"{"})), "'index.json'"),
    (broken(lambda f: f.update({"index.json": b'{"manifests":[{"digest":"sha256:../../etc/passwd"}]}'})),
     "is no sha256 digest"),
    ({**docker([layer([b"x"])]), "config.json": b"[]"}, "not a container image"),
    ({**docker([]), "manifest.json": b'[{"Config": "config.json", "Layers": ["../../../etc/passwd"]}]'}, "is missing"),
    (docker([b"no tar at all" * 100]), "0/layer.tar"),
    (docker([layer([b".wh..."])]), "a whiteout of nothing"),
    (docker([layer([b"x"])], configuration()[:-2]), "'config.json'"),
])
def test_a_broken_image_is_named(bake, tmp_path, files, says):
    r = bake(save(tmp_path / "image", files), *PLATFORM)
    assert r.status == 1 and says in r.says
    assert not (tmp_path / "image.cpio").exists()


def test_start_needs_a_command(bake, tmp_path):
    r = bake(save(tmp_path / "image", docker([layer([b"x"])])), *PLATFORM, "--start")
    assert r.status == 1 and "no entry point and no command" in r.says
    r = bake(sources.write(tmp_path / "s.tar", []), "--start")
    assert r.status == 1 and "is no container image" in r.says
