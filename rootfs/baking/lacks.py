"""What an image lacks, and what that costs."""
import struct

PROGRAMS = [(b"/bin", b"/usr/bin", b"/usr/local/bin", b"/sbin", b"/usr/sbin")]
BUNDLES = [b"/etc/ssl/certs/ca-certificates.crt", b"/etc/pki/tls/certs/ca-bundle.crt", b"/etc/ssl/ca-bundle.pem",
           b"/etc/ssl/cert.pem"]
PT_INTERP = 3


def program(tree, name):
    return any(tree.get(directory + b"/" + name) for directories in PROGRAMS for directory in directories)


def interpreter(elf):
    """The program that an ELF file (64 bits, little endian) wants to be loaded by; None when it is static or no ELF
    file."""
    if elf[:6] != b"\x7fELF\x02\x01":
        return None
    offset, = struct.unpack_from("<Q", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 54)
    for i in range(count):
        at = offset + i * size
        if struct.unpack_from("<I", elf, at)[0] == PT_INTERP:
            start, = struct.unpack_from("<Q", elf, at + 8)
            return elf[start:elf.index(b"\0", start)]
    return None


def of(tree, agent, default_user, users):
    """Yields a line for each thing that is missing. agent: guestd's bytes; default_user: whom the configuration names;
    users: the names and ids of /etc/passwd."""
    if agent[:4] != b"\x7fELF":
        yield "the agent is no program (no ELF file): the kernel cannot start it"
    if (wants := interpreter(agent)) and not tree.get(wants):
        yield f"{wants.decode(errors='replace')}: it loads the agent, which is not static; it cannot start"
    if not tree.get(b"/bin/sh"):
        yield "/bin/sh: no script runs, nor what clients pass to a shell"
    if not program(tree, b"bash"):
        yield "bash: the E2B clients run each command as /bin/bash -l -c"
    if not program(tree, b"git"):
        yield "git: the clients' git calls, which run it in the guest"
    if not any(tree.get(path) for path in BUNDLES):
        yield "certificates of authorities (ca-certificates): programs trust no TLS server"
    if default_user and default_user not in users:
        yield f"user {default_user!r}: the default user, of whom /etc/passwd knows nothing; no process starts as that"
