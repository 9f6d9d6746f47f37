"""Lead requests to the region that is in charge, and say when everybody is led there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dr.configuration.model import System
from dr.operations.switch_traffic import Change, Side, Switched, lead_traffic


@dataclass(frozen=True, slots=True)
class Led:
    """Where requests go since ``at``; some go on to be led to the old side for ``everywhere_seconds`` more."""

    at: datetime
    switched: tuple[Switched, ...]

    @property
    def everywhere_seconds(self) -> float:
        return max((one.everywhere_seconds for one in self.switched), default=0.0)

    @property
    def everywhere_at(self) -> datetime:
        """When nobody is led to the old side any more."""
        return self.at + timedelta(seconds=self.everywhere_seconds)

    @property
    def to_do(self) -> tuple[str, ...]:
        """What is left for people."""
        return tuple(one.todo for one in self.switched if one.todo)

    def described(self) -> tuple[str, ...]:
        """One line per thing that was switched."""
        return tuple(one.described() for one in self.switched) or ("no DNS, balancer or CDN is configured",)


def lead(system: System, side: Side, changes: Sequence[Change], *, again: bool) -> Led:
    """Make the planned changes. Raises ``InfrastructureError``; run again (``again``), it does what is left."""
    switched = lead_traffic(system, side, changes, again=again)
    return Led(datetime.now(UTC), switched)
