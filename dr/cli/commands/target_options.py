"""The options that say up to where a cluster is recovered: PostgreSQL's six targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypedDict

import typer

from dr.policy.recovery_target import RecoveryTarget, parse_recovery_target

_PANEL = "Recovery to a point"

TargetTime = Annotated[
    str,
    typer.Option(
        metavar="TIME",
        show_default=False,
        rich_help_panel=_PANEL,
        help="To this moment by the server's clock, with its zone (2026-01-31T02:00:00Z).",
    ),
]
TargetLsn = Annotated[
    str,
    typer.Option(metavar="LSN", show_default=False, rich_help_panel=_PANEL, help="To this place in the WAL."),
]
TargetXid = Annotated[
    str,
    typer.Option(metavar="XID", show_default=False, rich_help_panel=_PANEL, help="Up to and with this transaction."),
]
TargetName = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        show_default=False,
        rich_help_panel=_PANEL,
        help="To this restore point; the newest of the name.",
    ),
]
Immediate = Annotated[
    bool,
    typer.Option("--immediate", rich_help_panel=_PANEL, help="Stop as soon as the base backup is consistent."),
]
Exclusive = Annotated[
    bool,
    typer.Option("--exclusive", rich_help_panel=_PANEL, help="Stop just before the time, LSN or transaction."),
]
Timeline = Annotated[
    str,
    typer.Option(
        metavar="N", show_default=False, rich_help_panel=_PANEL, help="Follow this timeline instead of the newest."
    ),
]


class PointParameters(TypedDict):
    """The flow's parameters that say the same."""

    target_time: str
    target_lsn: str
    target_xid: str
    target_name: str
    immediate: bool
    exclusive: bool
    timeline: str


@dataclass(frozen=True, slots=True)
class WantedPoint:
    """What was asked for, as it was typed."""

    time: str = ""
    lsn: str = ""
    xid: str = ""
    name: str = ""
    immediate: bool = False
    exclusive: bool = False
    timeline: str = ""

    def check(self) -> RecoveryTarget:
        """Raise ConfigurationError before anything is done when it is not clear."""
        return parse_recovery_target(
            time=self.time,
            lsn=self.lsn,
            xid=self.xid,
            name=self.name,
            immediate=self.immediate,
            exclusive=self.exclusive,
            timeline=self.timeline,
        )

    def parameters(self) -> PointParameters:
        """As the flow takes it."""
        return PointParameters(
            target_time=self.time,
            target_lsn=self.lsn,
            target_xid=self.xid,
            target_name=self.name,
            immediate=self.immediate,
            exclusive=self.exclusive,
            timeline=self.timeline,
        )
