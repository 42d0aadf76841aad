"""The floors of docs/design.md "The house": what a file includes lies on its own floor or below, protocols are named where
they are spoken, and one file knows the processor.
"""
import re
from pathlib import Path

import tree

# Each floor, and the floors that its files may include besides their own.
BELOW = {
    "agent/core": [],
    "agent/guest": ["agent/core"],
    "agent/net": ["agent/core"],
    "agent/http": ["agent/core", "agent/net"],
    "agent/rpc/codec": ["agent/core", "proto"],
    "agent/rpc": ["agent/core", "agent/net", "agent/http", "agent/rpc/codec", "proto"],
    "agent/stacyvm": ["agent/core", "agent/guest", "agent/net"],  # a wire of its own, without HTTP
    "init": ["agent/core", "agent/guest"],
    # guestctl speaks the agent's language with the agent's own codecs, envelopes and lists of fields, reads and writes trees
    # as the agent does, and shares nothing else.
    "ctl/client": ["agent/core", "agent/http/fields.h", "agent/rpc/codec", "agent/rpc/envelope.h", "agent/rpc/gzip.h"],
    "ctl": ["agent/core", "agent/rpc/codec", "ctl/client", "proto", "agent/guest/fs/tree_read.h",
            "agent/guest/fs/tree_write.h", "agent/files/tree_message.h"],
}
SERVICE = ["agent/core", "agent/guest", "agent/net", "agent/http", "agent/rpc", "agent/rpc/codec", "proto"]

# Libraries that belong to one floor: who else includes them goes around it.
LIBRARIES = {
    "llhttp.h": ["agent/http", "ctl/client"],
    "nghttp2/nghttp2.h": ["agent/http", "ctl/client"],
    "zlib.h": ["agent/http", "agent/rpc", "ctl", "init"],
    "sha2.h": ["agent/files", "agent/system"],
    "jansson.h": ["agent/rpc/codec"],
    "ev.h": ["agent/core"],
    "protobuf-c/protobuf-c.h": ["agent/rpc/codec"],
}

# Names that only rpc/ and http/ may say, in code or in a string of it.
PROTOCOLS = [
    (r'"(?:application|text|multipart|image|audio|video)/', "a content type"),
    (r"(?i)\bgrpc", "gRPC"),
    (r"(?i)\bconnect(?:-[a-z]|\+(?:json|proto))", "a header or content type of Connect"),
    (r"(?i)\bhttps?/[0-9]", "an HTTP version"),
    (r"(?i)\"(?:transfer-encoding|content-(?:type|length|encoding)|www-authenticate|accept-encoding)\b",
     "a header of HTTP's framing or content"),
]

# What tells one processor from another; only this file may ask.
PROCESSOR_FILE = Path("agent/core/arch.c")
PROCESSORS = re.compile(r"\b(?:__x86_64__|__x86_64|__amd64\w*|__i386\w*|__aarch64\w*|__arm\w*|__ARM_\w+|__riscv\w*|__CHAR_UNSIGNED__"
                        r"|AUDIT_ARCH_\w+|__asm__ volatile|asm volatile|\w*mmintrin|arm_neon|cpuid)\b")


def floor_of(path):
    """The floor that a file belongs to. A folder of agent/ that BELOW does not name is a service."""
    parts = Path(path).parts
    if parts[:3] == ("agent", "rpc", "codec"):
        return "agent/rpc/codec"
    if parts[:2] == ("ctl", "client") and len(parts) > 2:
        return "ctl/client"
    if parts[0] == "agent":
        return "agent/" + parts[1] if len(parts) > 2 else "agent/main"
    return parts[0]


def find(name, includer):
    """Where "name" lies: as the compiler finds it, and "proto" for what is generated from the protos."""
    for base in (includer.parent, Path("agent"), Path(".")):
        if (tree.ROOT / base / name).is_file():
            return str(base / name)
    return "proto" if name.endswith(".pb-c.h") else None


def allowed(floor, target):
    """Whether a file of the floor may include the target, a path or "proto"."""
    where = "proto" if target == "proto" else floor_of(target)
    if floor == "agent/main":
        return where.startswith("agent/") or where == "init"
    below = BELOW.get(floor, SERVICE)
    return where == floor or where in below or target in below


def check_includes(path, text):
    floor = floor_of(path)
    for m in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', text, re.M):
        where, name = f"{path}:{tree.line_of(text, m.start())}", m[2]
        if floor not in LIBRARIES.get(name, [floor]):
            yield f"{where}: <{name}> is for {' and '.join(LIBRARIES[name])}"
        if m[1] == "<":
            continue
        target = find(name, path)
        if ".." in Path(name).parts:
            yield f"{where}: an include names its file from agent/ or the root, without .."
        elif not target:
            if name != "commit.h":  # made by the build
                yield f'{where}: there is no "{name}"'
        elif not allowed(floor, target):
            yield f"{where}: {floor} may not include {target}"


def check_protocols(path, text):
    if floor_of(path) in ("agent/http", "agent/rpc", "agent/rpc/codec"):
        return
    for pattern, what in PROTOCOLS:
        for m in re.finditer(pattern, text):
            yield f'{path}:{tree.line_of(text, m.start())}: {m[0]!r} names {what}; that is for rpc/ and http/'


def check_processor(path, text):
    if path != PROCESSOR_FILE:
        for m in PROCESSORS.finditer(text):
            yield f"{path}:{tree.line_of(text, m.start())}: {m[0]} is of one processor; that is for {PROCESSOR_FILE}"


findings = []
for path in tree.files(".c", ".h"):
    text = tree.code(path)
    findings += check_processor(path, text)
    if path.parts[0] not in ("agent", "init", "ctl"):
        continue
    findings += check_includes(path, text)
    if path.parts[0] == "agent":
        findings += check_protocols(path, text)
tree.report(findings)
