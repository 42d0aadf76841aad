"""Flags and verbs against what is written about them: the table in docs/operations.md, the man pages, every command.

tests/lint/flags.py BUILD: asks BUILD/guestd and BUILD/guestctl, and reads the man pages that the build made.
"""
import re
import subprocess
import sys
from pathlib import Path

import markdown
import tree

OPERATIONS = "docs/operations.md"
build = Path(sys.argv[1]).resolve()


def say(*command):
    """What the program prints; it must succeed."""
    return subprocess.run([build / command[0], *command[1:]], stdout=subprocess.PIPE, check=True, text=True).stdout


def options_in(help_text):
    """{flag: (its argument's name or "", its letter or "")} of a --help."""
    rows = re.findall(r"^  (?:(-\w), )?(--?[a-z][a-z-]*)(?: (\S+(?: \S+)*))?(?:  |$)", help_text, re.M)
    return {flag: (arg, letter) for letter, flag, arg in rows}


def words_of(options):
    """{word as it is typed: whether an argument follows it}."""
    return {word: bool(arg) for flag, (arg, letter) in options.items() for word in (flag, letter) if word}


def check_table(options):
    """The table in the manual holds what guestd's --help holds."""
    written = {}
    for cell, *_ in markdown.table(tree.read(OPERATIONS), "Flags"):
        flag, letter = (re.findall(r"`([^`]+)`", cell) + [""])[:2]
        name, _, arg = flag.partition(" ")
        written[name] = (arg, letter)
    for flag in sorted(options.keys() | written.keys()):
        if options.get(flag) != written.get(flag):
            yield f"{OPERATIONS}: {flag}: --help says {options.get(flag)}, the table {written.get(flag)}"


def check_man(page, wanted):
    """A man page names each flag and verb of `wanted`, and no other."""
    text = (build / "docs/man" / page).read_text().replace(r"\-", "-")
    headings = [heading.split() for heading in re.findall(r"^\.SS guestctl (.+)", text, re.M)]
    named = set(re.findall(r"\\fB(-[\w-]+)\\fR", text)) | {verb_of(words)[0] for words in headings}
    for word in sorted(wanted - named):
        yield f"{page}: does not name {word}"
    for word in sorted(named - wanted):
        yield f"{page}: names {word}, which does not exist"


def unknown_flags(words, options):
    """Yields the flags at the front of `words` that `options` does not have; returns what follows the flags."""
    words = list(words)
    while words and words[0].startswith("-") and words[0] not in ("-", "--"):
        word = words.pop(0).split("=")[0]
        cluster = not word.startswith("--") and word not in options
        for flag in [f"-{letter}" for letter in word[1:]] if cluster else [word]:
            if flag not in options:
                yield flag
            elif options[flag] and words:
                words.pop(0)
    return words


def verb_of(words):
    """The verb that the words begin with, of two words where the first one has verbs of its own; and what follows it."""
    two = len(words) > 1 and words[0] in groups and re.fullmatch(r"[a-z][a-z-]*", words[1]) is not None
    return " ".join(words[:1 + two]), words[1 + two:]


def check_command(words):
    """Yields each flag or verb of a command line that does not exist."""
    name, rest = Path(words[0]).name, words[1:]
    if name in ("guestd", "envd"):
        yield from unknown_flags(rest, guestd)
    if name == "guestctl":
        rest = yield from unknown_flags(rest, guestctl)
        if rest and re.fullmatch(r"[a-z]+", rest[0]):  # VERB and ... stand for any
            verb, rest = verb_of(rest)
            if verb in verbs:
                yield from unknown_flags(rest, verbs[verb] | {"--help": False, "-h": False})
            else:
                yield verb


def check_bare(flag):
    """Yields a flag that is written without its program, when neither ours nor our tools have it."""
    letters = {f"-{letter}" for letter in flag[1:]}
    if flag not in ours and not letters <= ours and not re.search(rf"(?<![\w-]){flag}(?![\w-])", tools):
        yield flag


def check_document(path):
    for line, code in markdown.snippets(tree.read(path)):
        for words in filter(None, markdown.commands(code)):
            bare = re.match(r"--?[a-z][\w-]*", words[0])
            for wrong in check_bare(bare[0]) if bare else check_command(words):
                yield f"{path}:{line}: `{code.strip()}`: {wrong} does not exist"


def verbs_in(help_text, group=""):
    """The verbs that a --help lists; of those that a verb has, whose lines begin with its own name, by two words."""
    return re.findall(rf"^  ({group}[a-z][a-z-]*)", help_text, re.M)


table = options_in(say("guestd", "--help"))
guestd = words_of(table)
top = say("guestctl", "--help")
guestctl = words_of(options_in(top))
helps = {verb: say("guestctl", verb, "--help") for verb in verbs_in(top.partition("\nVerbs")[2])}
groups = {verb: within for verb, text in helps.items() if (within := verbs_in(text, f"{verb} "))}
helps |= {verb: say("guestctl", *verb.split(), "--help") for within in groups.values() for verb in within}
verbs = {verb: words_of(options_in(text)) for verb, text in helps.items()}
called = guestctl.keys() | {word for options in verbs.values() for word in options}
findings = [*check_table(table), *check_man("guestd.8", guestd.keys()),
            *check_man("guestctl.1", called | verbs.keys())]

guestd |= {word[1:]: arg for word, arg in guestd.items() if word.startswith("--")}  # -name is --name, as in Go
ours = guestd.keys() | called
tools = "\n".join(tree.read(path) for path in tree.files() if path.parts[0] in ("tools", "rootfs"))
for path in tree.files(".md"):
    findings += check_document(path)
tree.report(findings)
