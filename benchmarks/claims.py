"""What we claim, and whether this run bears it out. Pure: measurements in, verdicts out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.outcomes import Measured, times_as_fast

DUMP_RATIO = 2.5
NOISE = 0.05
MEGABYTE = 1 << 20
PEAK_MEGABYTES = 300
# What the timing of threads may add between two runs; a database five times the size would add hundreds.
GROWTH_MEGABYTES = 32


@dataclass(frozen=True, slots=True)
class Claim:
    """``holds`` is None when it could not be tried here."""

    text: str
    found: str
    holds: bool | None


@dataclass(frozen=True, slots=True)
class Peaks:
    """Peak memory of our process per step (bytes): with a small database and with the whole one."""

    small: Mapping[str, int]
    large: Mapping[str, int]


def judge(
    dumps: tuple[Measured, Measured], bases: tuple[Measured, Measured | None], peaks: Peaks, *, same_sql: bool
) -> Sequence[Claim]:
    """Every claim with what was found. Pairs are ours first, then the one compared with."""
    return (
        Claim("our dump opens with gpg and gunzip and holds the same SQL", "same" if same_sql else "other", same_sql),
        _dump(*dumps),
        _base(*bases),
        *_memory(peaks),
    )


def _dump(ours: Measured, theirs: Measured) -> Claim:
    ratio = times_as_fast(ours, theirs)
    return Claim(
        f"dump at least {DUMP_RATIO} times as fast as {theirs.name}", f"{ratio:.2f} times", ratio >= DUMP_RATIO
    )


def _base(ours: Measured, theirs: Measured | None) -> Claim:
    text = f"base backup not slower than pgBackRest (noise: {NOISE:.0%})"
    if theirs is None:
        return Claim(text, "NOT COMPARED: pgBackRest did not take part", None)
    ratio = times_as_fast(ours, theirs)
    return Claim(text, f"{ratio:.2f} times as fast", ratio >= 1 - NOISE)


def _memory(peaks: Peaks) -> tuple[Claim, Claim]:
    highest = max(*peaks.small.values(), *peaks.large.values()) / MEGABYTE
    growth = max(peaks.large[step] - peaks.small[step] for step in peaks.large if step in peaks.small) / MEGABYTE
    return (
        Claim(f"our process stays under {PEAK_MEGABYTES} MB", f"peak {highest:.0f} MB", highest < PEAK_MEGABYTES),
        Claim(
            f"its memory does not grow with the database (noise: {GROWTH_MEGABYTES} MB)",
            f"{growth:+.0f} MB at most",
            growth <= GROWTH_MEGABYTES,
        ),
    )
