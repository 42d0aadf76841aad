"""tools/bench, inside its namespace: measures the rows, prints the table, and fails when a target is missed."""
import argparse
import os
import sys
import tempfile
from dataclasses import dataclass

from measure import CPUS, Files
import boot
import crowd
import execs
import feeding
import files
import gits
import h2
import idle
import load
import memory
import output
import rows
import size
import table
import vm

ROWS = {
    "health": rows.health,
    "list": rows.listing,
    "exec": execs.execs,
    "stdout": output.stdout,
    "input": feeding.rows,
    "keystroke": rows.keystroke,
    "load": load.load,
    "h2": h2.h2,
    "files": files.files,
    "trees": files.trees,
    "git": gits.gits,
    "memory": memory.memory,
    "start": rows.start,
    "boot": boot.boot,
    "idle": idle.idle,
    "crowd": crowd.crowd,
    "guest": vm.guest,
    "size": size.size,
}


@dataclass
class Options:
    """How long to measure, and where requests are put."""
    rounds: int
    scale: float
    idle_seconds: int
    files: Files

    def units(self, n):
        return max(1, int(n * self.scale))


def main():
    parser = argparse.ArgumentParser(prog="tools/bench", description="guestd beside what is possible at all")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"{' '.join(ROWS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="shorter rounds, and only 20 s of idling")
    args = parser.parse_args()
    unknown = [name for name in args.rows if name not in ROWS]
    if unknown:
        parser.error(f"no row '{unknown[0]}'; there are: {' '.join(ROWS)}")
    if len(CPUS) < 2:
        print("bench: one CPU only: client and server take turns on it")
    if (load := os.getloadavg()[0]) > 0.5:
        print(f"bench: a load of {load:.1f}: others run here too, and every wall-clock time below suffers from it")
    missed = []
    with tempfile.TemporaryDirectory(prefix="gf", dir="/tmp") as folder:
        options = Options(*((5, 0.25, 20) if args.quick else (11, 1, 130)), Files(folder))
        table.print_header()
        for name in args.rows or ROWS:
            for row in ROWS[name](options):
                table.print_row(row)
                if not row.passed:
                    missed.append(row.name.strip())
    if missed:
        print(f"MISSED: {'; '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
