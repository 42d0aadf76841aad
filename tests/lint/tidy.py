"""clang-tidy over the C files of a build; a file whose answer is known is not asked about again.

tests/lint/tidy.py BUILD CACHE: the answer to the same configuration, command and bytes (the file's and those of all
that it includes) is kept in CACHE.
"""
import hashlib
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import tree

build, answers = Path(sys.argv[1]).resolve(), Path(sys.argv[2])

# clang 14's analyzer does not know __attribute__((cleanup)): it takes each such pointer for leaked. Leaks are found by
# LeakSanitizer, under which the unit tests run.
LEAK = re.compile(r"warning: Potential leak of memory.*\[clang-analyzer-unix\.Malloc\]")


@cache
def digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def dependencies():
    """The files that each of our C files was compiled from, as ninja noted them, the C file first."""
    noted = subprocess.run(["ninja", "-C", build, "-t", "deps"], stdout=subprocess.PIPE, check=True, text=True).stdout
    blocks = (block.splitlines()[1:] for block in noted.split("\n\n"))
    lists = ([os.path.normpath(build / line.strip()) for line in lines] for lines in blocks if lines)
    return {paths[0]: paths for paths in lists}


def commands():
    """The compile command of each C file of the tree."""
    ours = {str(tree.ROOT / path) for path in tree.files(".c")}
    return {c["file"]: c["command"] for c in json.loads((build / "compile_commands.json").read_text())
            if c["file"] in ours}


def ask(path):
    """clang-tidy's findings about one file, each with its notes."""
    done = subprocess.run(["clang-tidy", "--quiet", "-p", build, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True)
    if done.returncode and not done.stdout:
        return [f"{path}: clang-tidy failed: {done.stderr}"]
    blocks = re.split(r"(?m)^(?=\S+:\d+:\d+: (?:warning|error): )", done.stdout)
    return [block for block in blocks if block.strip() and not LEAK.search(block)]


def answer(path, command, inputs):
    key = hashlib.sha256("\n".join([*basis, command, *map(digest, inputs)]).encode()).hexdigest()
    kept = answers / key
    if not kept.exists():
        findings = ask(path)
        kept.with_suffix(".new").write_text(json.dumps(findings))
        kept.with_suffix(".new").rename(kept)
    return kept


answers.mkdir(parents=True, exist_ok=True)
basis = [subprocess.run(["clang-tidy", "--version"], stdout=subprocess.PIPE, check=True, text=True).stdout,
         *(digest(tree.ROOT / path) for path in tree.files(".clang-tidy")), digest(__file__)]
known, asked = dependencies(), commands()
# The longest first: the last one then does not run alone for long.
order = sorted(asked, key=lambda path: -os.path.getsize(path))
with ThreadPoolExecutor(os.cpu_count()) as pool:
    kept = list(pool.map(lambda path: answer(path, asked[path], known[path]), order))
for old in set(answers.iterdir()) - set(kept):
    old.unlink()
findings = {finding for path in kept for finding in json.loads(path.read_text())}
findings |= {f"{path}: nothing compiles it" for path in tree.files(".c")
             if path.parts[0] in ("agent", "ctl", "init") and str(tree.ROOT / path) not in asked}
tree.report(sorted(finding.replace(f"{tree.ROOT}/", "").rstrip() for finding in findings))
