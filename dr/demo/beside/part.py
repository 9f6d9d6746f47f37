"""What the demo asks of each kind beside the database: content, its loss, its return, and a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dr.catalog.labels import Kind
from dr.configuration.components import ComponentSettings
from dr.configuration.components.aws import AwsSettings
from dr.configuration.model import System
from dr.operations.component.restore import RestoredComponent
from dr.secret import Secret

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Room:
    """Where the parts are built. ``aws``: how the stand-in for Amazon's services is reached, None without one.

    ``shop`` is the superuser's address of the database whose rows name uploads.
    """

    directory: Path
    aws: AwsSettings | None
    shop: Secret


@dataclass(frozen=True, slots=True)
class Compared:
    """``came_back`` says in words what is there now; ``problems`` has a sentence for each difference to before."""

    came_back: str
    problems: tuple[str, ...]


class Part(Protocol):
    """One kind. ``fill`` notes what there is, by which ``compare`` judges."""

    @property
    def kind(self) -> Kind: ...

    @property
    def pids(self) -> tuple[int | None, ...]:
        """The processes that it needs all the while; None is one that does not run."""
        ...

    def settle(self, components: ComponentSettings) -> ComponentSettings:
        """The settings with this kind's own."""
        ...

    def fill(self) -> None:
        """Make the content."""
        ...

    def destroy(self) -> None:
        """Lose all of it."""
        ...

    def make_ready(self) -> None:
        """Whatever has to be there before anything can come back. Called in the thread that outlives the parts."""
        ...

    def bring_back(self, system: System, restored: RestoredComponent) -> None:
        """Put one restored backup of this kind into service."""
        ...

    def compare(self) -> Compared: ...


def some(problems: Sequence[str]) -> tuple[str, ...]:
    """The first of them, and how many more there are."""
    more = (f"and {len(problems) - _SHOWN} more differences",) if len(problems) > _SHOWN else ()
    return (*problems[:_SHOWN], *more)
