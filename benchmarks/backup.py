"""Compare our backups with pg_dump in a pipe, pg_basebackup and pgBackRest: ``python -m benchmarks.backup``.

One run, one server, one database, everybody in turn: what else the machine does meets them all. No figure is a claim
about another machine; the ratios are what to look at. docs/benchmarks.md says what is compared and what is not.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from benchmarks import dataset
from benchmarks.arena import Arena, arena, choose
from benchmarks.claims import Peaks, judge
from benchmarks.contenders import (
    OURS_BASE,
    OURS_DUMP,
    OURS_RESTORE,
    PGBACKREST_BASE,
    SHELL_DUMP,
    SHELL_DUMP_DIRECTORY,
    contenders,
)
from benchmarks.machine import facts
from benchmarks.ours import DUMP
from benchmarks.outcomes import Contender, run_rounds
from benchmarks.report import Report, as_json, as_text
from benchmarks.same_sql import same_sql
from dr.errors import DrError
from dr.postgres.connection import parameters

_SMALL = 5  # the small database, to see whether memory grows, is so many times smaller
_DISK = Path("/var/tmp")  # noqa: S108 - everything goes into a private directory below it; /tmp is often memory
_NOTES = (
    "seconds: ours is the pass that writes (fsync included); what it does then to prove the copy, and what the command",
    "line pays to begin, stands below it. Nobody else reads back. cpu s is without the server's own processor time.",
    "'ours is': median over the rounds of the other's seconds divided by ours in the same round.",
)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backup", description=__doc__)
    parser.add_argument("--size-mb", type=int, default=1000, help="size of the database on disk (default 1000)")
    parser.add_argument("--repeat", type=int, default=3, help="rounds; medians are shown (default 3)")
    parser.add_argument("--major", type=int, help="PostgreSQL version to compare on (default: the first found)")
    parser.add_argument("--work", type=Path, default=_DISK, help="where to work, on a disk (default /var/tmp)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run to FILE as well")
    parser.add_argument("--check", action="store_true", help="exit 1 when a claim does not hold")
    return parser.parse_args()


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _before_each(text: str) -> None:
    """Nobody pays for what the one before him has not yet written to the disk."""
    os.sync()
    _tell(text)


def _begin_pgbackrest(place: Arena) -> str:
    """Make it ready; why it does not take part, or nothing."""
    if place.pgbackrest is None:
        return "pgBackRest IS NOT INSTALLED and was not compared (Debian: apt-get install pgbackrest)."
    refusal = place.pgbackrest.configure(parameters(place.url)["host"])
    return f"pgBackRest {place.pgbackrest.version} DOES NOT TAKE PART: {refusal}" if refusal else ""


def _compare(place: Arena, options: argparse.Namespace) -> Report:
    known = facts(place.installation)
    _tell(f"making a database of {options.size_mb // _SMALL} MB")
    dataset.create(place.url, place.installation)
    small_bytes = dataset.grow(place.url, place.installation, options.size_mb // _SMALL)
    ours = [item for item in contenders(place, pgbackrest=False) if item.name in (OURS_DUMP, OURS_BASE, OURS_RESTORE)]
    small = _peaks(ours)
    _tell(f"growing it to {options.size_mb} MB")
    size = dataset.grow(place.url, place.installation, options.size_mb)
    absent = _begin_pgbackrest(place)
    if absent:
        _tell(absent)
    measured = run_rounds(contenders(place, pgbackrest=not absent), options.repeat, _before_each)
    by_name = {item.name: item for item in measured}
    _tell("comparing the SQL")
    large = {f"{item.name}: {program}": peak for item in measured for program, peak in item.peaks().items()}
    claims = judge(
        (by_name[OURS_DUMP], by_name[SHELL_DUMP]),
        (by_name[OURS_BASE], by_name.get(PGBACKREST_BASE)),
        Peaks(_python(small), _python(large)),
        same_sql=same_sql(place, SHELL_DUMP_DIRECTORY, DUMP),
    )
    return Report(known, size, small_bytes, measured, small, claims, (*_NOTES, *([absent] if absent else ())))


def _peaks(ours: list[Contender]) -> dict[str, int]:
    """Peak memory of each program in each of our operations."""
    found: dict[str, int] = {}
    for item in ours:
        _before_each(f"memory: {item.name}")
        found |= {f"{item.name}: {program}": peak for program, peak in item.run().peak_bytes.items()}
    return found


def _python(peaks: dict[str, int]) -> dict[str, int]:
    """Of our own process only."""
    return {name: peak for name, peak in peaks.items() if "python (" in name}


def main() -> int:
    """Compare, print, and say by the exit code whether it went well (and, with ``--check``, whether claims hold)."""
    options = _arguments()
    try:
        with arena(choose(options.major), options.size_mb, options.work) as place:
            report = _compare(place, options)
    except DrError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(as_text(report))
    if options.json is not None:
        options.json.write_text(json.dumps(as_json(report), indent=1) + "\n", encoding="utf-8")
    return 1 if options.check and not report.holds else 0


if __name__ == "__main__":
    sys.exit(main())
