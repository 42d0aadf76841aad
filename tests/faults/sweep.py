"""What a sweep over the allocations has done so far, in a file: it goes on where it was stopped, and knows at the end which places
of our sources never failed."""
import hashlib
import json
import os
import re
import subprocess
from pathlib import Path

import faults
from agent import ROOT

OURS = ("agent/", "init/", "ctl/")
ALLOCATES = re.compile(r"^\s*([0-9a-f]+):.*\bcall\b.*<__wrap_\w+>")


class State:
    """Of these programs; another build begins anew. A line for each test that has passed."""

    def __init__(self, path):
        self.path, self.done = Path(path), {}
        self.programs = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in (faults.FAILING, faults.CTL_FAILING)}
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        if lines and json.loads(lines[0]) == self.programs:
            self.done = {test["test"]: test for test in map(json.loads, lines[1:])}
        else:
            self.path.write_text(json.dumps(self.programs) + "\n")

    def add(self, test, tally):
        self.done[test] = {"test": test, "failed": tally.failed, "where": sorted(tally.where)}
        with open(self.path, "a") as f:
            f.write(json.dumps(self.done[test]) + "\n")

    def summary(self):
        failed = sum(test["failed"] for test in self.done.values())
        text = f"sweep: {len(self.done)} scenarios, in which {failed} allocations failed"
        for program in (faults.FAILING, faults.CTL_FAILING):
            at = {address for test in self.done.values() for name, address in test["where"] if name == program.name}
            there = places(program)
            left = sorted({there[a] for a in there.keys() - at})
            report = self.path.with_suffix(f".{program.name}")
            report.write_text("".join(f"{place}\n" for place in left))
            text += (f"\nsweep: of {len(there)} places where {program.name.removesuffix('-failing')} allocates "
                     f"{len(there.keys() & at)} failed; the others stand in {report.relative_to(ROOT)}")
        return text


def places(program):
    """{address behind the call: "file:line function"} of each call of our sources that allocates."""
    code = subprocess.run(["objdump", "-d", "--no-show-raw-insn", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    lines, found = code.splitlines(), []
    for line, following in zip(lines, lines[1:]):
        if ALLOCATES.match(line) and (behind := re.match(r"^\s*([0-9a-f]+):", following)):
            found.append(int(behind[1], 16))
    asked = "\n".join(hex(a - 1) for a in found)  # the call itself, not what is behind it
    out = subprocess.run(["addr2line", "-fe", program], input=asked, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    named = {a: f"{os.path.normpath(where.split()[0])} {function}" for a, function, where in zip(found, out[::2], out[1::2])}
    return {a: name for a, name in named.items() if name.startswith(OURS)}
