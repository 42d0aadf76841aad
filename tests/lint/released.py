"""What was released of the protos stays: nothing that a client was built with is taken away or becomes something else.

tests/lint/released.py [--write | --current]: proto/released.txt lists, a line each, every field, value, method and reservation
of the last release. All of them must still be in proto/, as they were, where a client could tell the difference: number, name,
type, whether it is repeated, has presence, and of which oneof it is. A field or value may go when its number and its name are
reserved from then on; a method, a message or an enum may not. With --write the file says what there is now; with --current,
which tools/release asks of a tagged commit, it must say so already.
"""
import subprocess
import sys

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorSet

import tree

RELEASED = "proto/released.txt"
OURS = ("process/", "guest/")
RESERVED_END = {"message": 1, "enum": 0}  # a message's range ends before its `end`, an enum's with it


def compiled(root, *protos):
    """The descriptors of .proto files below a folder."""
    out = subprocess.run(["protoc", "-I", root, "-I", "/usr/include", "-o", "/dev/stdout", *protos],
                         stdout=subprocess.PIPE, check=True).stdout
    return FileDescriptorSet.FromString(out).file


def spelled(field, message):
    """The type of a field as a .proto spells it, and what else of it a client sees."""
    words = [field.type_name or FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()]
    if field.label == FieldDescriptorProto.LABEL_REPEATED:
        words.insert(0, "repeated")
    if field.proto3_optional:
        words.insert(0, "optional")
    elif field.HasField("oneof_index"):
        words.append(f"of {message.oneof_decl[field.oneof_index].name}")
    return " ".join(words)


def reservations(kind, name, holder):
    for span in holder.reserved_range:
        for number in range(span.start, span.end + 1 - RESERVED_END[kind]):
            yield f"{name} reserved {number}"
    for word in holder.reserved_name:
        yield f"{name} reserved {word}"


def of_enum(prefix, enum):
    name = prefix + enum.name
    yield name
    yield from reservations("enum", name, enum)
    for value in enum.value:
        yield f"{name} {value.number} {value.name}"


def of_message(prefix, message):
    name = prefix + message.name
    yield name
    yield from reservations("message", name, message)
    for field in message.field:
        yield f"{name} {field.number} {field.name} {spelled(field, message)}"
    for enum in message.enum_type:
        yield from of_enum(name + ".", enum)
    for nested in message.nested_type:
        yield from of_message(name + ".", nested)


def of_service(prefix, service):
    name = prefix + service.name
    yield name
    for m in service.method:
        sent = "stream " * m.client_streaming + m.input_type
        received = "stream " * m.server_streaming + m.output_type
        yield f"{name}/{m.name} {sent} returns {received}"


def lines(files):
    """What a client can tell of them, sorted."""
    found = set()
    for file in files:
        prefix = f".{file.package}."
        for enum in file.enum_type:
            found.update(of_enum(prefix, enum))
        for message in file.message_type:
            found.update(of_message(prefix, message))
        for service in file.service:
            found.update(of_service(prefix, service))
    return found


def may_go(line, now):
    """Whether a line that is not there any more was a field or value, and nobody can take its place."""
    holder, *rest = line.split(" ")
    return len(rest) >= 2 and rest[0] != "reserved" and "/" not in holder and \
        f"{holder} reserved {rest[0]}" in now and f"{holder} reserved {rest[1]}" in now


def breaks(released, now):
    """A finding for each line that was released and does not hold any more."""
    for line in sorted(released - now):
        if may_go(line, now):
            continue
        key = line.split(" ")[:1 if "/" in line.split(" ")[0] else 2]
        other = [n for n in now - released if n.split(" ")[:len(key)] == key]
        yield f"{RELEASED}: {line}: " + (f"is {other[0]}" if other else "is gone")


def main():
    protos = [str(path.relative_to("proto")) for path in tree.files(".proto") if path.parts[0] == "proto"]
    now = lines(compiled(tree.ROOT / "proto", *[p for p in protos if p.startswith(OURS)]))
    if sys.argv[1:] == ["--write"]:
        (tree.ROOT / RELEASED).write_text("".join(f"{line}\n" for line in sorted(now)))
    released = set(tree.read(RELEASED).splitlines())
    findings = list(breaks(released, now))
    if sys.argv[1:] == ["--current"]:
        findings += [f"{RELEASED}: {line}: is missing (tests/lint/released.py --write)" for line in sorted(now - released)]
    tree.report(findings)


if __name__ == "__main__":
    main()
