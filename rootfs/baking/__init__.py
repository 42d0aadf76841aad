"""What rootfs/bake is made of. Sources (folder, archive, container) fill a tree, the image's own files (system,
modules, config) are added to it, and a writer (ext4, cpio, squashfs) writes it. Nothing of a source is ever unpacked
onto the builder's disk: no name in it can reach outside, and owners, modes and devices need no right of the
builder's."""
