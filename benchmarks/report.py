"""The comparison as text for people and as JSON for machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.claims import MEGABYTE, Claim
from benchmarks.outcomes import Measured, times_as_fast

_WIDTH = 52
_VERDICTS = {True: "holds", False: "DOES NOT HOLD", None: "not tried"}


@dataclass(frozen=True, slots=True)
class Report:
    """All that a run found. Sizes in bytes; ``small_peaks`` are those of the small database."""

    facts: Mapping[str, str]
    database_bytes: int
    small_bytes: int
    measured: Sequence[Measured]
    small_peaks: Mapping[str, int]
    claims: Sequence[Claim]
    notes: Sequence[str]

    @property
    def holds(self) -> bool:
        """False when a claim was tried and does not hold."""
        return all(claim.holds is not False for claim in self.claims)


def as_json(report: Report) -> dict[str, Any]:
    """Every run of every contender."""
    return {
        "facts": dict(report.facts),
        "database_bytes": report.database_bytes,
        "small_database_bytes": report.small_bytes,
        "measured": [{**asdict(item), "median_seconds": item.median} for item in report.measured],
        "small_database_peaks": dict(report.small_peaks),
        "claims": [asdict(item) for item in report.claims],
        "notes": list(report.notes),
    }


def as_text(report: Report) -> str:
    """The tables."""
    lines = [f"{name}: {value}" for name, value in report.facts.items()]
    lines.append(f"database: {report.database_bytes / MEGABYTE:.0f} MB, everything local, one server for all")
    for group in dict.fromkeys(item.group for item in report.measured):
        lines += ["", *_table([item for item in report.measured if item.group == group])]
    lines += ["", *_memory(report), ""]
    lines += [f"{_VERDICTS[claim.holds]:>13}: {claim.text}: {claim.found}" for claim in report.claims]
    return "\n".join([*lines, "", *report.notes])


def _table(rows: Sequence[Measured]) -> Iterator[str]:
    """``ours is`` tells how many times as fast we are as that row, round by round."""
    ours = next(item for item in rows if item.name.startswith("ours"))
    head = f"{rows[0].group:{_WIDTH}} {'median s':>9} {'min..max':>13} {'cpu s':>6} {'MB':>6} {'ours is':>8}"
    yield from (head, "-" * len(head))
    for item in rows:
        low, high = item.span
        size = max(outcome.stored_bytes for outcome in item.outcomes) / MEGABYTE
        ratio = "" if item is ours else f"{times_as_fast(ours, item):.2f}x"
        span = f"{low:.1f}..{high:.1f}" if len(item.outcomes) > 1 else "one run"
        yield f"{item.name:{_WIDTH}} {item.median:9.2f} {span:>13} {item.cpu:6.1f} {size:6.0f} {ratio:>8}"
        for name, seconds in item.afterwards().items():
            yield f"{'  + ' + name:{_WIDTH}} {seconds:9.2f}"


def _memory(report: Report) -> Iterator[str]:
    small, large = report.small_bytes / MEGABYTE, report.database_bytes / MEGABYTE
    head = (
        f"{'peak memory, MB (largest process of each program)':{_WIDTH}} {f'{small:.0f} MB':>9} {f'{large:.0f} MB':>9}"
    )
    yield from (head, "-" * len(head))
    for item in report.measured:
        for program, peak in item.peaks().items():
            if peak < MEGABYTE:
                continue  # seen between its fork and its exec
            before = report.small_peaks.get(f"{item.name}: {program}")
            shown = f"{before / MEGABYTE:9.0f}" if before is not None else " " * 9
            yield f"{f'{item.name}: {program}'[:_WIDTH]:{_WIDTH}} {shown} {peak / MEGABYTE:9.0f}"
