"""Compare WAL shipping with barman-cloud and pgBackRest, measure lag and planning: ``python -m benchmarks.wal``.

One run, one set of real segments, everybody in turn: what else the machine does meets them all. No figure is a claim
about another machine; the ratios are what to look at. docs/benchmarks/wal.md says what is compared and what is not.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.arena import choose
from benchmarks.machine import facts
from benchmarks.outcomes import Measured, run_rounds, times_as_fast
from benchmarks.wal_contenders import BACKREST, BACKREST_ASYNC, BARMAN, OURS_CLOUD, OURS_LOCAL, contenders
from benchmarks.wal_lag import Lag, lag
from benchmarks.wal_place import WalPlace, wal_place
from benchmarks.wal_planning import Planning, planning
from dr.errors import DrError

_DISK = Path("/var/tmp")  # noqa: S108 - everything goes into a private directory below it; /tmp is often memory
_SEGMENT_MB = 16.777216
_WANTED_MB, _WANTED_BARMAN, _WANTED_PLANNING = 100.0, 10.0, 2.0


@dataclass(frozen=True, slots=True)
class Claim:
    """What is promised, what was measured, and whether that is enough. None: not measured here."""

    text: str
    measured: float | None
    wanted: float
    more_is_better: bool = True

    @property
    def holds(self) -> bool | None:
        if self.measured is None:
            return None
        return self.measured >= self.wanted if self.more_is_better else self.measured <= self.wanted


@dataclass(frozen=True, slots=True)
class Results:
    """Everything of one run."""

    machine: dict[str, str]
    segments: int
    measured: tuple[Measured, ...]
    lags: tuple[Lag, ...]
    planning: tuple[Planning, ...]
    absent: tuple[str, ...]

    def find(self, name: str) -> Measured | None:
        """One contender, if it took part."""
        return next((item for item in self.measured if item.name == name), None)

    def ratio(self, ours: str, theirs: str) -> float | None:
        """How many times as fast we are; None when either did not take part."""
        one, other = self.find(ours), self.find(theirs)
        return times_as_fast(one, other) if one and other else None

    @property
    def claims(self) -> tuple[Claim, ...]:
        local = self.find(OURS_LOCAL)
        rate = _SEGMENT_MB / local.median if local else None
        slowest = next((item.window_seconds for item in self.planning if item.store == "local"), None)
        return (
            Claim("sustained shipping to a local store, MB/s of plain WAL", rate, _WANTED_MB),
            *(
                Claim(
                    f"times as fast as barman-cloud-wal-archive {compression}",
                    self.ratio(OURS_CLOUD, name),
                    _WANTED_BARMAN,
                )
                for compression, name in BARMAN.items()
            ),
            Claim("times as fast as pgbackrest archive-push", self.ratio(OURS_LOCAL, BACKREST), 1.0),
            Claim("times as fast as pgbackrest archive-push, async", self.ratio(OURS_LOCAL, BACKREST_ASYNC), 1.0),
            Claim("seconds for the window, local store", slowest, _WANTED_PLANNING, more_is_better=False),
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wal", description=__doc__)
    parser.add_argument("--segments", type=int, default=64, help="WAL segments of 16 MiB to ship (default 64)")
    parser.add_argument("--repeat", type=int, default=3, help="rounds; medians are shown (default 3)")
    parser.add_argument("--major", type=int, help="PostgreSQL version to compare on (default: the first found)")
    parser.add_argument("--work", type=Path, default=_DISK, help="where to work, on a disk (default /var/tmp)")
    parser.add_argument("--barman", type=Path, help="barman-cloud-wal-archive (default: the one on the PATH)")
    parser.add_argument("--rclone", action="store_true", help="rclone as the S3 endpoint instead of moto")
    parser.add_argument("--lag-seconds", type=int, default=40, help="how long the load runs; 0 leaves it out (40)")
    parser.add_argument("--backups", type=int, default=10_000, help="to plan over; 0 leaves it out (default 10000)")
    parser.add_argument("--history", type=int, default=100_000, help="segments to plan over (default 100000)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run to FILE as well")
    parser.add_argument("--check", action="store_true", help="exit 1 when a claim does not hold")
    return parser.parse_args()


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _before_each(text: str) -> None:
    """Nobody pays for what the one before him has not yet written to the disk."""
    os.sync()
    _tell(text)


def _barman(given: Path | None) -> Path | None:
    found = str(given) if given else shutil.which("barman-cloud-wal-archive")
    return Path(found) if found else None


def _compare(place: WalPlace, options: argparse.Namespace) -> Results:
    machine = facts(place.installation)
    machine["S3 endpoint"] = "rclone serve s3" if options.rclone else "moto"
    barman = _barman(options.barman)
    absent = [place.backrest_refusal] if place.backrest_refusal else []
    if barman is None:
        absent.append("barman-cloud-wal-archive IS NOT INSTALLED and was not compared (pip install 'barman[cloud]').")
    measured = run_rounds(contenders(place, barman), options.repeat, _before_each)
    lags: list[Lag] = []
    if options.lag_seconds:
        for full_load, partial_seconds in ((True, 30), (True, 2), (False, 2)):
            _tell(f"lag from commit to stored, {'full' if full_load else 'light'} load")
            lags.append(lag(place, options.lag_seconds, full_load=full_load, partial_seconds=partial_seconds))
    plans: tuple[Planning, ...] = ()
    if options.backups:
        _tell(f"planning over {options.backups} backups and {options.history} segments")
        plans = planning(place.work, options.backups, options.history)
    return Results(machine, len(place.segments), measured, tuple(lags), plans, tuple(absent))


def as_text(results: Results) -> Iterator[str]:
    """Tables that fit a terminal."""
    yield from (f"{name:24}{text}" for name, text in results.machine.items())
    yield f"{'segments':24}{results.segments} of 16 MiB, written by pgbench"
    yield from results.absent
    yield from _shipping(results)
    if results.lags:
        heads = ("partial", "WAL MB/s", "p50 s", "p99 s", "max s", "commits")
        yield f"\n{'lag, commit to stored':42}" + "".join(f"{head:>10}" for head in heads)
    for item in results.lags:
        figures = (f"{item.wal_mb_per_second:.1f}", f"{item.p50:.2f}", f"{item.p99:.2f}", f"{item.longest:.2f}")
        yield f"{item.load:42}" + "".join(
            f"{text:>10}" for text in (f"{item.partial_seconds} s", *figures, item.commits)
        )
    if results.planning:
        yield f"\n{'planning':20}{'window s':>10}{'newest ten s':>14}{'manifests read':>16}"
    for plan in results.planning:
        yield f"{plan.store:20}{plan.window_seconds:>10.2f}{plan.newest_seconds:>14.2f}{plan.manifests_read:>16}"
    yield ""
    for claim in results.claims:
        verdict = {True: "holds", False: "DOES NOT HOLD", None: "not measured"}[claim.holds]
        measured = "" if claim.measured is None else f"{claim.measured:.1f}"
        yield f"{claim.text:56}{measured:>8}  wanted {claim.wanted:g}  {verdict}"


def _shipping(results: Results) -> Iterator[str]:
    yield f"\n{'shipping':52}{'ms/segment':>11}{'MB/s':>8}{'cpu ms':>8}{'stored MB':>10}  ours is"
    for group, ours in (("local", OURS_LOCAL), ("S3", OURS_CLOUD)):
        for item in (item for item in results.measured if item.group == group):
            ratio = results.ratio(ours, item.name)
            stored = item.outcomes[-1].stored_bytes / 1e6
            yield (
                f"{item.name:52}{item.median * 1000:>11.1f}{_SEGMENT_MB / item.median:>8.1f}{item.cpu * 1000:>8.1f}"
                f"{stored:>10.2f}" + (f"  {ratio:.1f}x as fast" if ratio and item.name != ours else "")
            )
            yield from (f"    once: {name:44}{seconds * 1000:>11.1f}" for name, seconds in item.afterwards().items())


def _failed(claims: Sequence[Claim]) -> bool:
    return any(claim.holds is False for claim in claims)


def main() -> int:
    """Compare, print, and say by the exit code whether it went well (and, with ``--check``, whether claims hold)."""
    options = _arguments()
    try:
        installation = choose(options.major)
        _tell(f"writing {options.segments} segments of WAL")
        with wal_place(installation, options.segments, options.work, moto=not options.rclone) as place:
            results = _compare(place, options)
    except DrError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print("\n".join(as_text(results)))
    if options.json is not None:
        options.json.write_text(json.dumps(asdict(results), indent=1) + "\n", encoding="utf-8")
    return 1 if options.check and _failed(results.claims) else 0


if __name__ == "__main__":
    sys.exit(main())
