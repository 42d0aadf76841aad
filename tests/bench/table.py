"""The table that the bench prints."""
from dataclasses import dataclass


@dataclass
class Row:
    name: str
    value: float  # guestd's; for a counterpart's check, the counterpart's
    unit: str
    target: float = None  # None: only shown
    at_least: bool = False  # the target is a minimum
    raw: float = None  # what it is compared with
    ratio: float = None  # what is judged; without it the value
    cpu_us: tuple = ()  # per unit: guestd's, the counterpart's
    calls: tuple = ()  # system calls per unit, likewise

    @property
    def passed(self):
        judged = self.value if self.ratio is None else self.ratio
        return self.target is None or (judged >= self.target if self.at_least else judged <= self.target)


COLUMNS = "{:<32} {:>14} {:>14} {:>7} {:>8}  {:<7} {:>15} {:>15}"


def print_header():
    print(COLUMNS.format("", "guestd", "raw", "ratio", "target", "", "CPU µs/unit", "calls/unit").rstrip())


def amount(value, unit):
    if value is None:
        return ""
    return f"{value:,.0f} {unit}" if float(value).is_integer() or value >= 1000 else f"{value:.1f} {unit}"


def print_row(row):
    target = "" if row.target is None else f"{'≥' if row.at_least else '≤'} {row.target:,}"
    pairs = [" / ".join(f"{value:.1f}" for value in pair) for pair in (row.cpu_us, row.calls)]
    print(COLUMNS.format(row.name, amount(row.value, row.unit), amount(row.raw, row.unit),
                         "" if row.ratio is None else f"{row.ratio:.2f}", target,
                         "" if row.target is None else "ok" if row.passed else "MISSED", *pairs).rstrip(), flush=True)
