"""What guestd adds to the services of others, and its own: each field is tested and documented.

tests/lint/extensions.py BUILD: of each package in proto/ that is not our own, it looks at the fields from 1000 on and
at every field of the messages that those lead to; of our own at every field of a file with a service. Each of them

- stands in a table of docs/protocol.md: "What guestd adds", whose last column says how guestctl makes use of it (with
  which flag a request sends it, or which verb shows what an answer says); or that of the service, which may have a page of
  its own;
- stands in a Go literal of its message in tests/sdk/go: a test sends it, or says what it must be.

The flags and verbs in the table are asked of BUILD/guestctl. Enums that the fields have are tested with each value but
the default, which is there without being sent. The features of GetInfo are those of the table in "guest.v1.Agent", whose
messages are only told: they are read by eye.
"""
import re
import subprocess
import sys
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

import markdown
import tree

PROTOCOL = "docs/protocol.md"
PAGES = {"guest.v1.Git": "docs/git.md"}  # of services that have their own
FEATURES = "agent/system/version.c"
TOLD = "guest/v1/agent.proto"
FIRST = 1000
guestctl = Path(sys.argv[1]).resolve() / "guestctl"


def packages():
    """The descriptors of each .proto: those whose package is somebody else's, and guestd's by its numbers only; and ours."""
    protos = [str(path.relative_to("proto")) for path in tree.files(".proto") if path.parts[0] == "proto"]
    compiled = subprocess.run(["protoc", "-I", "proto", "-I", "/usr/include", "-o", "/dev/stdout", *protos],
                              cwd=tree.ROOT, stdout=subprocess.PIPE, check=True).stdout
    files = FileDescriptorSet.FromString(compiled).file
    return ([file for file in files if not file.package.startswith("guest.")],
            [file for file in files if file.package.startswith("guest.") and file.name != TOLD])


def types_in(file):
    """({name: message}, {name: enum}) of a file, nested ones too, by their names within the package."""
    messages, enums = {}, {e.name: e for e in file.enum_type}
    waiting = [(m.name, m) for m in file.message_type]
    while waiting:
        name, message = waiting.pop()
        if message.options.map_entry:
            continue  # of no name in the .proto: the map itself is the field
        messages[name] = message
        enums.update({f"{name}.{e.name}": e for e in message.enum_type})
        waiting += [(f"{name}.{m.name}", m) for m in message.nested_type]
    return messages, enums


def added(file, first):
    """The fields that guestd adds to a file, as {name: (message's name, field)}, and their enums as {name: enum}."""
    messages, enums = types_in(file)
    fields = {f"{name}.{f.name}": (name, f) for name, m in messages.items() for f in m.field if f.number >= first}
    waiting, used = list(fields.values()), {}
    while waiting:
        kind = waiting.pop()[1].type_name.removeprefix(f".{file.package}.")
        if kind in enums:
            used[kind] = enums[kind]
        for f in messages[kind].field if kind in messages else ():
            if f"{kind}.{f.name}" not in fields:
                fields[f"{kind}.{f.name}"] = (kind, f)
                waiting.append((kind, f))
    return fields, used


# --- the table -------------------------------------------------------------------------------------------------------


def check_table(heading, wanted, uses):
    written, page = set(), PAGES.get(heading, PROTOCOL)
    for cell, *rest in markdown.table(tree.read(page), re.escape(heading)):
        names = re.findall(r"`([^`]+)`", cell)
        for name in names:
            if name in written:
                yield f"{page}: {name} has two rows"
            written.add(name)
        if uses:
            yield from check_use(", ".join(names), rest[-1])
    for name in sorted(wanted - written):
        yield f"{page}: {name} has no row in \"{heading}\""
    for name in sorted(written - wanted):
        yield f"{page}: \"{heading}\" has a row for {name}, which no .proto adds"


def check_use(names, use):
    """The last cell of a row: one or more `guestctl VERB [FLAG...]` that exist."""
    uses = re.findall(r"`guestctl ([a-z]+)([^`]*)`", use)
    if not uses:
        yield f"{PROTOCOL}: {names}: the row does not say how guestctl makes use of it"
    for verb, words in uses:
        said = subprocess.run([guestctl, verb, "--help"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if said.returncode != 0:
            yield f"{PROTOCOL}: {names}: guestctl has no verb {verb}"
            continue
        for flag in re.findall(r"(?<!\S)--?[a-z][a-z-]*", words):
            if not re.search(rf"^  .*(?<![\w-]){flag}(?![\w-])", said.stdout, re.M):
                yield f"{PROTOCOL}: {names}: guestctl {verb} has no {flag}"


# --- the tests -------------------------------------------------------------------------------------------------------


def camel(name):
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def literals(text):
    """{Go's name of a message: the fields that literals of it name}."""
    found, within = {}, [None]
    for message, brace, field in re.findall(r"\b(?:agent)?pb\.(\w+)\{|([{}])|\b(\w+):(?!=)", text):
        if message:
            within.append(message)
        elif brace == "{":
            within.append(within[-1])  # an element, whose type the list or map around it has said
        elif brace:
            within.pop()
        elif within[-1]:
            found.setdefault(within[-1], set()).add(field)
    return found


def check_tests(fields, enums, named, text):
    for name, (message, field) in sorted(fields.items()):
        kind, go = message.replace(".", "_"), camel(field.name)
        if field.HasField("oneof_index") and not field.proto3_optional:
            kind = f"{kind}_{go}"  # a choice's wrapper, which a nested message of that name moves aside
        if go not in named.get(kind, set()) | named.get(f"{kind}_", set()):
            yield f"tests/sdk/go: no literal pb.{kind}{{{go}: ...}}: {name} is not tested"
    for name, enum in sorted(enums.items()):
        # The names of values are those of the scope that the enum is in.
        scope = name.replace(".", "_") if "." not in name else name.rpartition(".")[0].replace(".", "_")
        for value in enum.value:
            if value.number != 0 and f"pb.{scope}_{value.name}" not in text:
                yield f"tests/sdk/go: no pb.{scope}_{value.name}: the value is not tested"


# --- features --------------------------------------------------------------------------------------------------------


def check_features():
    source = set(re.findall(r'"([^"]+)"', re.search(r"features\[\] = \{([^}]*)\}", tree.code(FEATURES))[1]))
    written = {cell.strip("`") for cell, *_ in markdown.table(tree.read(PROTOCOL), r"guest\.v1\.Agent")}
    for name in sorted(source ^ written):
        where = FEATURES if name in source else PROTOCOL
        yield f"{PROTOCOL}: the feature {name} is named in {where} only"


findings, wanted = [], set()
go = re.sub(r'"(?:\\.|[^"\\\n])*"|`[^`]*`|//[^\n]*', '""', "\n".join(
    tree.read(path) for path in tree.files("_test.go") if path.parts[:3] == ("tests", "sdk", "go")))
named = literals(go)
others, ours = packages()
for file in others:
    fields, enums = added(file, FIRST)
    wanted |= fields.keys()
    findings += check_tests(fields, enums, named, go)
findings += check_table("What guestd adds", wanted, True)
for file in ours:
    fields, enums = added(file, 1)
    findings += check_tests(fields, enums, named, go)
    for service in file.service:
        findings += check_table(f"{file.package}.{service.name}", fields.keys(), False)
tree.report([*findings, *check_features()])
