"""What the checks read out of Markdown: tables, code, headings and links."""
import re
import shlex

import tree


def prose(text):
    """The text with its code blocks blanked; lines stay where they are."""
    return re.sub(r"^```.*?^```", lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.M | re.S)


def table(text, heading):
    """The cells of the first table below a heading, without its two header rows."""
    part = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    rows = [line for line in part[1].split("\n") if line.startswith("|")] if part else []
    return [[cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows[2:]]


def snippets(text):
    """Yields (line, code) of each line of a shell block and each code span."""
    for m in re.finditer(r"^```(\w*)\n(.*?)^```", text, re.M | re.S):
        if m[1] in ("sh", "bash", "console", ""):
            yield from enumerate(m[2].split("\n"), tree.line_of(text, m.start()) + 1)
    outside = prose(text)
    for m in re.finditer(r"`([^`]+)`", outside):
        yield tree.line_of(outside, m.start()), re.sub(r"\s+", " ", m[1].replace(r"\|", "|"))


def commands(line):
    """The words of each command of a shell line, without prompt, comment and variables before it."""
    lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = []
    try:
        for word in [*lexer, ";"]:
            if word and set(word) <= set(";|&()"):
                yield words
                words = []
            elif words or not re.match(r"\w+=", word):
                words.append(word)
    except ValueError:  # a quote that ends on another line
        yield words


def anchors(text):
    """The names by which a document's headings are linked to, as GitHub and GitLab make them."""
    seen = {}
    for title in re.findall(r"^#+ +(.*?) *#*$", prose(text), re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
        name = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        seen[name] = seen.get(name, -1) + 1
        yield f"{name}-{seen[name]}" if seen[name] else name


def links(text):
    """Yields (line, target) of each link and image."""
    outside = re.sub(r"`[^`]*`", lambda m: re.sub(r"[^\n]", " ", m[0]), prose(text))
    for m in re.finditer(r"\]\(\s*<?([^)\s>]+)|^\[[^\]]+\]:\s*(\S+)", outside, re.M):
        yield tree.line_of(outside, m.start()), m[1] or m[2]
