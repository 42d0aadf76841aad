"""A container image without a daemon: an OCI layout in a tar (https://github.com/opencontainers/image-spec), FROM scratch."""
import datetime
import hashlib
import json

from .archives import Entry, compressed, tar

MEDIA = "application/vnd.oci.image."


class Layout:
    """Blobs by their digests."""

    def __init__(self):
        self.entries = {"oci-layout": Entry(b'{"imageLayoutVersion":"1.0.0"}')}

    def add(self, media, data, **more):
        """Keeps a blob; its descriptor."""
        digest = hashlib.sha256(data).hexdigest()
        self.entries[f"blobs/sha256/{digest}"] = Entry(data)
        return {"mediaType": MEDIA + media, "digest": f"sha256:{digest}", "size": len(data), **more}

    def add_json(self, media, value, **more):
        return self.add(media, json.dumps(value, sort_keys=True, separators=(",", ":")).encode(), **more)


def add_image(layout, source, architecture, entries, created):
    """One architecture's image, of one layer; its descriptor."""
    plain = tar(entries, source.epoch)
    layer = layout.add("layer.v1.tar+gzip", compressed(plain))
    platform = {"architecture": architecture, "os": "linux", **({"variant": "v8"} if architecture == "arm64" else {})}
    config = layout.add_json("config.v1+json", {
        **platform, "created": created,
        "config": {"Entrypoint": ["/usr/sbin/guestd"], "Env": ["PATH=/usr/sbin:/usr/bin"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(plain).hexdigest()]},
        "history": [{"created": created, "created_by": "tools/release"}]})
    manifest = {"schemaVersion": 2, "mediaType": MEDIA + "manifest.v1+json", "config": config, "layers": [layer]}
    return layout.add_json("manifest.v1+json", manifest, platform=platform)


def archive(source, roots):
    """The tar's bytes, of {architecture: {path in the image: Entry}}."""
    layout = Layout()
    created = datetime.datetime.fromtimestamp(source.epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    notes = {"org.opencontainers.image.title": "guestd", "org.opencontainers.image.version": source.version,
             "org.opencontainers.image.revision": source.commit, "org.opencontainers.image.created": created,
             "org.opencontainers.image.licenses": "Apache-2.0"}
    images = [add_image(layout, source, a, entries, created) for a, entries in sorted(roots.items())]
    index = layout.add_json("index.v1+json", {
        "schemaVersion": 2, "mediaType": MEDIA + "index.v1+json", "manifests": images, "annotations": notes})
    index["annotations"] = {"org.opencontainers.image.ref.name": source.version}
    layout.entries["index.json"] = Entry(json.dumps(
        {"schemaVersion": 2, "mediaType": MEDIA + "index.v1+json", "manifests": [index]}).encode())
    return tar(layout.entries, source.epoch)
