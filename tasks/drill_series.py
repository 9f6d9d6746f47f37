"""Several drills in one procedure: each is made whatever became of the others, and the worst decides how it ends."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from dr.catalog.drills import DrillRecord
from dr.errors import DrError, DrillInconclusive, Interrupted, ObjectiveMissed, PartialBackup, RecoveryFailed
from dr.operations import drill_outlook
from dr.operations.drill.draw import stores_elsewhere
from dr.operations.drill_outlook import Drillable
from dr.policy.drill_method import Method
from dr.policy.drill_verdict import Verdict
from tasks.runner import publish_table, task
from tasks.systems import load_system

Name = TypeVar("Name", bound=str)
_WORST_FIRST = (RecoveryFailed, PartialBackup, ObjectiveMissed, DrillInconclusive)


@dataclass(slots=True)
class Series:
    """The drills so far. ``ended`` has a line for each, ``errors`` those that were not green."""

    system: str
    errors: list[DrError] = field(default_factory=list)
    ended: list[dict[str, str]] = field(default_factory=list)

    def drill(self, name: str, drill: Callable[[], DrillRecord]) -> None:
        """Make one; an error is kept for the end."""
        try:
            record = drill()
        except Interrupted:
            raise
        except DrError as error:
            self.errors.append(error)
            self.ended.append({"drill": name, "outcome": type(error).__name__, "detail": error.message})
        else:
            detail = f"{record.label} to {record.asked}, seed {record.seed}"
            self.ended.append({"drill": name, "outcome": str(Verdict.RECOVERABLE), "detail": detail})

    def applicable(self, drills: Mapping[Name, str]) -> Iterator[Name]:
        """Those without a reason against them; the table names the others."""
        for name, why_not in drills.items():
            if why_not:
                self.leave_out(name, why_not)
            else:
                yield name

    def found(self, error: DrError | None) -> None:
        """What went wrong beside the drills; None: nothing."""
        if error is not None:
            self.errors.append(error)

    def leave_out(self, name: str, why: str) -> None:
        """One that does not apply to this system; the table says so."""
        self.ended.append({"drill": name, "outcome": "not applicable", "detail": why})

    def conclude(self) -> list[dict[str, str]]:
        """Show what became of each. Raises the worst error, with what the others said in its detail."""
        publish_table("drills", list(self.ended), f"Drills of {self.system or 'the system'}")
        if not self.errors:
            return self.ended
        worst = min(self.errors, key=_rank)
        others = [f"{type(error).__name__}: {error.message}" for error in self.errors if error is not worst]
        detail = "; ".join(filter(None, (worst.detail, *others)))
        raise type(worst)(worst.message, detail, worst.hint)


def _rank(error: DrError) -> int:
    kinds = [place for place, kind in enumerate(_WORST_FIRST) if issubclass(type(error), kind)]
    return kinds[0] if kinds else len(_WORST_FIRST)


@task(name="which drills apply", timeout_seconds=60)
def methods_of(system: str) -> dict[Method, str]:
    """Every method, and why it does not apply to this system; empty when it does."""
    return drill_outlook.methods_of(load_system(system, require_postgres=False))


@task(name="which drills apply", timeout_seconds=60)
def drills_of(system: str) -> dict[Drillable, str]:
    """The same, and every component that the system has behind them."""
    return drill_outlook.drills_of(load_system(system, require_postgres=False))


@task(name="which stores are elsewhere", timeout_seconds=60)
def stores_of_other_regions(system: str) -> tuple[str, ...]:
    """What a data-centre outage leaves. Raises ``DrillInconclusive`` when that is nothing."""
    settings = load_system(system, require_postgres=False)
    stores = stores_elsewhere(settings)
    if not stores:
        raise DrillInconclusive(
            f"{settings.name} has no store in another region, so a data-centre outage cannot be drilled",
            detail=", ".join(f"{item.name}: {item.region or item.kind}" for item in settings.stores),
            hint="Add an s3 store with another region (stores.NAME.region); the next daily backup fills it.",
        )
    return stores


@task(name="draw what is restored", timeout_seconds=60)
def draw_one(drills: Mapping[Name, str], seed: int) -> tuple[Name, int]:
    """One of the drills that apply, by the seed; with the seed, which is new where none was given."""
    seed = seed or secrets.randbelow(2**31 - 1) + 1
    fitting = [name for name, why_not in drills.items() if not why_not]
    return random.Random(seed).choice(fitting), seed  # noqa: S311 - a lot, not a secret
