"""docs/errors.toml against the sources, and docs/troubleshooting.md against it.

tests/lint/errors.py [--write]: each message stands in the strings of its source, beside the status that it is said to have; each
status has a message, unless nothing answers with it; the tables in the page are those that the file makes. --write makes them.
"""
import re
import sys
import tomllib

import tree

TABLE = "docs/errors.toml"
PAGE = "docs/troubleshooting.md"
BEGIN, END = "<!-- docs/errors.toml: from here -->\n", "<!-- docs/errors.toml: to here -->\n"
STATUSES = [name.lower() for name in re.findall(r"\bSTATUS_(\w+) = [1-9]", tree.read("agent/core/err.h"))]
OTHERS = {"console": "On the console, and in `guestctl boot`", "log": "In the log"}
LITERAL = re.compile(r'"(?:[^"\\\n]|\\.)*"')
STRINGS = re.compile(rf"{LITERAL.pattern}(?:\s*(?:PRI\w+\s*)?{LITERAL.pattern})*")
CONVERSION = re.compile(r"%[-+ #0]*(?:\d+|\*)?(?:\.(?:\d+|\*))?(?:hh|h|ll|l|z|j|t)?[a-zA-Z]?")


def strings(text):
    """(start, text with "..." for what printf puts in) of each string of a C file, adjacent ones as one."""
    for m in STRINGS.finditer(text):
        joined = "".join(part[1:-1] for part in LITERAL.findall(m.group()))
        yield m.start(), CONVERSION.sub("...", joined)


def statement_at(text, start):
    """The statement, or the part of it, in which that place is."""
    begin = max(text.rfind(c, 0, start) for c in ";{}")
    return text[begin + 1:text.find(";", start)]


def holds(string, message):
    """Whether the message is in the string, with anything where it has "..."."""
    pieces = [re.escape(p) for p in message.split("...")]
    return re.search(".*".join(pieces), string, re.S) is not None


def check_source(entry):
    """Yields what is wrong with where a message is said to come from."""
    what = f"{TABLE}: '{entry['message']}'"
    text = tree.read(entry["source"])
    places = [start for start, string in strings(text) if holds(string, entry["message"])]
    if not places:
        yield f"{what}: {entry['source']} does not say so"
    elif entry["code"] in STATUSES:
        named = [set(re.findall(r"\bSTATUS_(\w+)", statement_at(text, start))) for start in places]
        if not any(not names or entry["code"].upper() in names for names in named):
            yield f"{what}: in {entry['source']} it is {', '.join(sorted(set().union(*named)))}, not {entry['code']}"


def check(entries):
    seen = set()
    for entry in entries:
        if sorted(entry) != ["cause", "code", "cure", "message", "source"] or not all(entry.values()):
            yield f"{TABLE}: {entry}: it has code, message, source, cause and cure"
            continue
        if entry["code"] not in STATUSES and entry["code"] not in OTHERS:
            yield f"{TABLE}: '{entry['message']}': there is no status {entry['code']}"
        if (entry["code"], entry["message"]) in seen:
            yield f"{TABLE}: '{entry['message']}' stands there twice"
        seen.add((entry["code"], entry["message"]))
        yield from check_source(entry)
    used = {entry["code"] for entry in entries}
    for status in STATUSES:
        if (status in used) == (status in never_said()):
            yield f"{TABLE}: {status}: {'a message, but nothing says so' if status in used else 'no message'}"


def never_said():
    """The statuses that nothing but the tables of all statuses names."""
    tables = ("agent/core/err.c", "agent/http/exchange.c", "ctl/client/h2.c")
    said = set()
    for path in tree.files(".c"):
        if str(path).startswith(("agent/", "ctl/", "init/")) and str(path) not in tables:
            said.update(name.lower() for name in re.findall(r"\bSTATUS_(\w+)", tree.read(path)))
    return set(STATUSES) - said


def cell(text):
    return text.replace("|", "\\|").replace('\\"', '"')


def made(entries):
    """The tables as Markdown."""
    lines = []
    for code in [*STATUSES, *OTHERS]:
        rows = [e for e in entries if e["code"] == code]
        lines += [f"### {OTHERS.get(code, code)}", ""]
        if rows:
            lines += ["| message | cause | cure |", "|---|---|---|"]
            lines += [f"| `{cell(e['message'])}` | {cell(e['cause'])} | {cell(e['cure'])} |" for e in rows]
        else:
            lines.append("Nothing answers with it.")
        lines.append("")
    return "\n".join(lines) + "\n"


def main():
    entries = tomllib.loads(tree.read(TABLE))["error"]
    problems = list(check(entries))
    page = tree.read(PAGE)
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = f"{before}{BEGIN}\n{made(entries)}{END}{after}"
    if "--write" in sys.argv and not problems:
        (tree.ROOT / PAGE).write_text(wanted)
    elif page != wanted:
        problems.append(f"{PAGE}: its tables are not those of {TABLE}: tests/lint/errors.py --write")
    tree.report(problems)


main()
