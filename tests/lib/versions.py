"""Versions of the protos that are not this tree's: the one that was released last, and one that is yet to come.

The older one is proto/released.txt: what it does not list was not there. The newer one has, in every message, fields of every
wire type that this tree does not know, and a value more in every enum.
"""
import copy
import subprocess

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from agent import ROOT

FILES = sorted(str(p.relative_to(ROOT / "proto")) for p in (ROOT / "proto").glob("[!g]*/*.proto")) + sorted(
    f"guest/v1/{p.name}" for p in (ROOT / "proto/guest/v1").glob("*.proto"))
FUTURE = 20000  # the first number of what is yet to come
# A field of each wire type (https://protobuf.dev/programming-guides/encoding) from 19000 on, which no proto may use: varint,
# 64 bits, length, 32 bits; then a message, and the highest number that there can be.
UNKNOWN = (b"\xc0\xa3\x09\x96\x01" b"\xc9\xa3\x09ABCDEFGH" b"\xd2\xa3\x09\x05later" b"\xdd\xa3\x09WXYZ"
           b"\xe2\xa3\x09\x07\x0a\x05later" b"\xf8\xff\xff\xff\x0f\x01")
# Members of each kind that JSON has.
MEMBERS = {"later": {"a": [1, {"b": None}], "c": "d"}, "laterNull": None, "laterList": [[], {}, "x", 1.5e300],
           "laterTruth": True, "laterText": "\u00fc\ud83d\ude00"}


def current():
    """This tree's descriptors."""
    words = ["protoc", "-I", ROOT / "proto", "-I", "/usr/include", "--include_imports", "-o", "/dev/stdout", *FILES]
    return FileDescriptorSet.FromString(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)


def released():
    """{the first words of each line of the list}: "message", "message number", "service/method"."""
    return {" ".join(line.split(" ")[:1 if "/" in line.split(" ")[0] else 2])
            for line in (ROOT / "proto/released.txt").read_text().splitlines()}


def messages(prefix, held):
    """(full name, message) of messages and those within, entries of maps excepted."""
    for message in held:
        if message.options.map_entry:
            continue
        name = f"{prefix}.{message.name}"
        yield name, message
        yield from messages(name, message.nested_type)


def drop(repeated, gone):
    """Removes the elements of a repeated field for which gone() is true."""
    kept = [copy.deepcopy(e) for e in repeated if not gone(e)]
    del repeated[:]
    repeated.extend(kept)


def drop_empty_oneofs(message):
    used = sorted({f.oneof_index for f in message.field if f.HasField("oneof_index")})
    kept = [copy.deepcopy(message.oneof_decl[i]) for i in used]
    del message.oneof_decl[:]
    message.oneof_decl.extend(kept)
    for f in message.field:
        if f.HasField("oneof_index"):
            f.oneof_index = used.index(f.oneof_index)


def older():
    """The descriptors of the last release, without what it did not have."""
    files, there = current(), released()
    for file in files.file:
        if file.package.startswith("google."):
            continue
        for service in file.service:
            drop(service.method, lambda m: f".{file.package}.{service.name}/{m.name}" not in there)
        for name, message in messages(f".{file.package}", file.message_type):
            drop(message.field, lambda f: f"{name} {f.number}" not in there)
            drop_empty_oneofs(message)
            used = {f.type_name for f in message.field}
            drop(message.nested_type, lambda m: m.options.map_entry and f"{name}.{m.name}" not in used)
    return files


def newer():
    """Descriptors in which every message has fields that nobody knows yet, every enum a value, every service a method."""
    files = current()
    for file in files.file:
        if file.package.startswith("google."):
            continue
        for service in file.service:
            first = service.method[0]
            service.method.add(name="Later", input_type=first.input_type, output_type=first.output_type)
        for _, message in messages(f".{file.package}", file.message_type):
            add_fields(message)
        for enum in [*file.enum_type, *(e for _, m in messages("", file.message_type) for e in m.enum_type)]:
            enum.value.add(name=f"{enum.name.upper()}_LATER", number=FUTURE)
    return files


LATER = {Field.TYPE_UINT64: [1, 2 ** 63], Field.TYPE_DOUBLE: -1.5, Field.TYPE_STRING: "later", Field.TYPE_FIXED32: 7,
         Field.TYPE_BYTES: b"\x00\xff"}


def add_fields(message):
    for i, (kind, value) in enumerate(LATER.items()):
        message.field.add(name=f"later{i}", json_name=f"later{i}", number=FUTURE + i, type=kind,
                          label=Field.LABEL_REPEATED if isinstance(value, list) else Field.LABEL_OPTIONAL)


def fill(message):
    """Uses all that newer() added, in the message and all within it."""
    for m in inner(message):
        fill(m)
    for i, value in enumerate(LATER.values()):
        if isinstance(value, list):
            getattr(message, f"later{i}").extend(value)
        else:
            setattr(message, f"later{i}", value)
    return message


class Protos:
    """The messages of one version, in a pool of their own."""

    def __init__(self, files):
        self.pool = descriptor_pool.DescriptorPool()
        for file in files.file:
            self.pool.Add(file)

    def method(self, name):
        """(the request's class, the answer's class) of "package.Service/Method"; None when it has no such method."""
        service, method = name.split("/")
        found = self.pool.FindServiceByName(service).methods_by_name.get(method)
        return found and tuple(map(message_factory.GetMessageClass, (found.input_type, found.output_type)))


def inner(message):
    """Our messages in a message, entries of maps excepted."""
    for field, value in message.ListFields():
        ours = field.message_type and not field.message_type.full_name.startswith("google.")
        if ours and not field.message_type.GetOptions().map_entry:
            yield from value if field.label == field.LABEL_REPEATED else [value]


def grow(message):
    """Fields that nobody knows yet, in the message and all within it."""
    for m in inner(message):
        grow(m)
    message.MergeFromString(UNKNOWN)
    return message


def grow_json(value):
    """The same in JSON, in the object and those within it that are messages: not in maps of names to texts."""
    if isinstance(value, list):
        return [grow_json(v) for v in value]
    if isinstance(value, dict):
        return {**{k: v if k in ("envs", "metadata") else grow_json(v) for k, v in value.items()}, **MEMBERS}
    return value


def shrink(message, there):
    """Takes out what the released list does not have."""
    for field, _ in message.ListFields():
        if f".{message.DESCRIPTOR.full_name} {field.number}" not in there:
            message.ClearField(field.name)
    for m in inner(message):
        shrink(m, there)
    return message
