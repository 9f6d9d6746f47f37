"""Where a recovery is to stop: one of PostgreSQL's six targets, as an operator gives it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from dr.catalog.lsn import Lsn
from dr.errors import ConfigurationError

_NAME_BYTES = 63


class TargetKind(StrEnum):
    """PostgreSQL's recovery targets. ``latest`` replays all the WAL there is."""

    LATEST = "latest"
    TIME = "time"
    LSN = "lsn"
    XID = "xid"
    NAME = "name"
    IMMEDIATE = "immediate"


@dataclass(frozen=True, slots=True)
class RecoveryTarget:
    """Where to stop. Only the field that ``kind`` names is set; ``time`` is aware.

    ``inclusive``: the transaction at the very target is replayed too (time, LSN and xid only).
    ``timeline`` None means the newest one that the backups lead to.
    """

    kind: TargetKind = TargetKind.LATEST
    time: datetime | None = None
    lsn: Lsn | None = None
    xid: int | None = None
    name: str = ""
    inclusive: bool = True
    timeline: int | None = None

    def __str__(self) -> str:
        on = f" on timeline {self.timeline}" if self.timeline else ""
        until = "" if self.inclusive else "just before "
        match self.kind:
            case TargetKind.TIME if self.time is not None:
                return f"{until}{self.time.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC{on}"
            case TargetKind.LSN:
                return f"{until}LSN {self.lsn}{on}"
            case TargetKind.XID:
                return f"{until}transaction {self.xid}{on}"
            case TargetKind.NAME:
                return f"restore point {self.name!r}{on}"
            case TargetKind.IMMEDIATE:
                return f"the end of the base backup{on}"
        return f"the newest WAL{on}"


def parse_recovery_target(
    *,
    time: str = "",
    lsn: str = "",
    xid: str = "",
    name: str = "",
    immediate: bool = False,
    exclusive: bool = False,
    timeline: str = "",
) -> RecoveryTarget:
    """Read what an operator typed. Raises ConfigurationError on more than one target, or one that is not clear (I6)."""
    given = [word for word, value in (("time", time), ("LSN", lsn), ("xid", xid), ("name", name)) if value]
    given += ["immediate"] if immediate else []
    if len(given) > 1:
        raise ConfigurationError(
            f"more than one recovery target: {' and '.join(given)}", hint="Give one; a recovery stops at one place."
        )
    branch = _timeline(timeline)
    if time:
        return RecoveryTarget(TargetKind.TIME, time=parse_time(time), inclusive=not exclusive, timeline=branch)
    if lsn:
        return RecoveryTarget(TargetKind.LSN, lsn=_lsn(lsn), inclusive=not exclusive, timeline=branch)
    if xid:
        return RecoveryTarget(TargetKind.XID, xid=_xid(xid), inclusive=not exclusive, timeline=branch)
    if exclusive:
        raise ConfigurationError(
            "only a time, an LSN or a transaction can be excluded", hint="Drop the option that excludes the target."
        )
    if name:
        if len(name.encode()) > _NAME_BYTES:
            raise ConfigurationError(
                f"a restore point's name has at most {_NAME_BYTES} bytes", hint="Give it as it was created."
            )
        return RecoveryTarget(TargetKind.NAME, name=name, timeline=branch)
    return RecoveryTarget(TargetKind.IMMEDIATE if immediate else TargetKind.LATEST, timeline=branch)


def parse_time(text: str) -> datetime:
    """A time with its zone; a naive one could mean any of two dozen instants, so it is refused (I6).

    >>> parse_time("2026-01-31 02:00:00+01:00").isoformat()
    '2026-01-31T02:00:00+01:00'
    """
    # "... 02:00 +01" is how PostgreSQL itself and people write it.
    tidy = re.sub(r"\s*(UTC|GMT|Z)$", "+00:00", re.sub(r"\s+([+-]\d\d(:?\d\d)?)$", r"\1", text.strip()), flags=re.I)
    return aware_time(tidy, text)


def aware_time(text: str, typed: str = "") -> datetime:
    """ISO 8601 with a zone, and nothing else; ``typed`` is what the error quotes where that is not ``text`` itself."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise ConfigurationError(
            f"{(typed or text)!r} is not a time with a zone",
            hint="Write it like 2026-01-31T02:00:00+00:00 (or ...Z for UTC).",
        )
    return parsed


def _lsn(text: str) -> Lsn:
    try:
        return Lsn.parse(text.strip())
    except ValueError:
        raise ConfigurationError(f"{text!r} is not an LSN", hint="Write it as PostgreSQL does: 16/B374D848.") from None


def _xid(text: str) -> int:
    if not re.fullmatch(r"\s*[0-9]{1,19}\s*", text) or int(text) < 3:
        raise ConfigurationError(
            f"{text!r} is not a transaction id", hint="It is a number from 3 on, as pg_current_xact_id() gives it."
        )
    return int(text)


def _timeline(text: str) -> int | None:
    if not text or text == "latest":
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < 1:
        raise ConfigurationError(f"{text!r} is not a timeline", hint="It is a number from 1 on; dr window lists them.")
    return int(text)
