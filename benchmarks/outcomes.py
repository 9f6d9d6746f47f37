"""What is measured, and how runs under a changing load are compared: round by round."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run. ``seconds`` is what is compared, ``afterwards`` what else took time; ``cpu_seconds`` has no server's.

    ``stored_bytes`` is what is left on disk, ``peak_bytes`` the largest process of each program.
    """

    seconds: float
    cpu_seconds: float
    stored_bytes: int = 0
    afterwards: dict[str, float] = field(default_factory=dict)
    peak_bytes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do a job. A slow one that no claim rests on runs in the first round only."""

    group: str
    name: str
    run: Callable[[], Outcome]
    every_round: bool = True


@dataclass(frozen=True, slots=True)
class Measured:
    """All runs of one contender, in the order of the rounds."""

    group: str
    name: str
    outcomes: tuple[Outcome, ...]

    @property
    def median(self) -> float:
        return statistics.median(item.seconds for item in self.outcomes)

    @property
    def span(self) -> tuple[float, float]:
        """Fastest and slowest run."""
        seconds = [item.seconds for item in self.outcomes]
        return min(seconds), max(seconds)

    @property
    def cpu(self) -> float:
        return statistics.median(item.cpu_seconds for item in self.outcomes)

    def afterwards(self) -> dict[str, float]:
        """Median of what else took time, by name."""
        names = self.outcomes[0].afterwards
        return {name: statistics.median(item.afterwards[name] for item in self.outcomes) for name in names}

    def peaks(self) -> dict[str, int]:
        """The largest process of each program over all runs."""
        names = {name for item in self.outcomes for name in item.peak_bytes}
        return {name: max(item.peak_bytes.get(name, 0) for item in self.outcomes) for name in sorted(names)}


def times_as_fast(ours: Measured, theirs: Measured) -> float:
    """How many times as fast we are: the median of the ratios of the rounds.

    Two runs of one round met the same load of the machine; two medians need not have.
    """
    pairs = zip(ours.outcomes, theirs.outcomes, strict=False)
    return statistics.median(their.seconds / our.seconds for our, their in pairs)


def run_rounds(
    contenders: Sequence[Contender], rounds: int, before_each: Callable[[str], None]
) -> tuple[Measured, ...]:
    """Run everybody once per round, group by group, beginning with another one each time."""
    outcomes: dict[str, list[Outcome]] = {item.name: [] for item in contenders}
    for number in range(rounds):
        for group in dict.fromkeys(item.group for item in contenders):
            for item in turn(group, contenders, number):
                before_each(f"round {number + 1} of {rounds}: {item.name}")
                outcomes[item.name].append(item.run())
    return tuple(Measured(item.group, item.name, tuple(outcomes[item.name])) for item in contenders)


def turn(group: str, contenders: Sequence[Contender], number: int) -> tuple[Contender, ...]:
    """Who of a group runs in round ``number`` (from 0), and in which order."""
    steady = [item for item in contenders if item.group == group and item.every_round]
    once = [item for item in contenders if item.group == group and not item.every_round]
    shift = number % max(1, len(steady))
    return (*steady[shift:], *steady[:shift], *(once if number == 0 else ()))
