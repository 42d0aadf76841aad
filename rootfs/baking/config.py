"""/etc/guestd.conf: statements, a line each (docs/operations.md has the keys)."""
import re

from .tree import BakeError

PLAIN = re.compile(r"[\w@%+=:,./-]+")
RESTARTS = ("never", "on-failure", "always")


def quote(word):
    """A word as the file has it; None when it cannot: a statement is one line."""
    if "\n" in word or "\0" in word:
        return None
    if PLAIN.fullmatch(word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def line_of(words):
    quoted = [quote(word) for word in words]
    return None if None in quoted else " ".join(quoted)


def statements_of(config, say):
    """What a container image's configuration asks of each process: its variables and its user. say: told what is left
    out."""
    statements = []
    for variable in config.get("Env") or []:
        name, equals, _ = variable.partition("=")
        if not name or not equals or quote(variable) is None:
            say(f"the image's variable {name!r} cannot be written as a statement: left out")
        else:
            statements.append(["env", variable])
    if user := (config.get("User") or "").partition(":")[0]:
        statements.append(["default-user", user])
    return statements


def start_of(config, restart):
    """The statement that starts what the container image starts."""
    argv = [*(config.get("Entrypoint") or []), *(config.get("Cmd") or [])]
    if not argv:
        raise BakeError("--start: the image's configuration has no entry point and no command")
    words = ["start", f"restart={restart}"]
    if user := (config.get("User") or "").partition(":")[0]:
        words.append(f"user={user}")
    if config.get("WorkingDir"):
        words.append(f"cwd={config['WorkingDir']}")
    statement = [*words, "--", *argv]
    if line_of(statement) is None:
        raise BakeError("--start: a word of the image's command holds a line's end, which no statement can")
    return statement


def text_of(own, statements):
    """The file: the user's own text, then ours."""
    text = own if not own or own.endswith("\n") else own + "\n"
    return text + "".join(f"{line_of(words)}\n" for words in statements)
