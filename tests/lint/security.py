"""docs/security.md against the tests: each row that promises something names tests, and those are there.

A test is named by its file below tests/, and behind :: its function. Each of the four who can call has a row for each transport.
"""
import re

import tree

PAGE = "docs/security.md"
CALLERS = ["The host", "Guest root", "Guest user", "Network neighbour"]
OTHERS = ["Hostile repository", "Hostile archive"]
TRANSPORTS = ["vsock", "unix", "TCP"]
NAME = re.compile(r"`([\w/]+\.(?:py|c))(?:::(\w+))?`")


def rows_of(section):
    """(header, cells) of each row of the tables in a section."""
    header = None
    for line in section.splitlines():
        cells = re.split(r"\s*\|\s*", line.strip())[1:-1] if line.startswith("| ") else None
        if cells is None:
            header = None if not line.startswith("|---") else header
        elif header is None:
            header = cells
        else:
            yield header, cells


def is_there(path, function):
    """Whether the test file has that function, or at least is there."""
    if not (tree.ROOT / "tests" / path).is_file():
        return False
    text = tree.read(f"tests/{path}")
    pattern = rf"^def {function}\(" if path.endswith(".py") else rf"^static void {function}\(void \*\*"
    return not function or re.search(pattern, text, re.M) is not None


def check_section(title, text):
    rows = [(header, cells) for header, cells in rows_of(text) if header[-1] == "test"]
    if not rows:
        yield f"{PAGE}: {title}: no row has a test"
    for header, cells in rows:
        tests = NAME.findall(cells[-1])
        if not tests:
            yield f"{PAGE}: {title}: '{cells[0]}': no test is named"
        for path, function in tests:
            if not is_there(path, function):
                yield f"{PAGE}: {title}: '{cells[0]}': there is no {path}{'::' if function else ''}{function}"
    told = [cells[0] for header, cells in rows if header[0] == "over"]
    if title in CALLERS and told != TRANSPORTS:
        yield f"{PAGE}: {title}: rows over {told}, not {TRANSPORTS}"


def check(page):
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", page, re.M | re.S))
    for title in [*CALLERS, *OTHERS]:
        if title not in sections:
            yield f"{PAGE}: there is no '{title}'"
    for title, text in sections.items():
        yield from check_section(title, text)


tree.report(list(check(tree.read(PAGE))))
