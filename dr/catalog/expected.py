"""What a recovered system has to have: read off a running one before anything happened, or off a backup's manifest.

A baseline is a file of JSON that ``dr validate-recovery --baseline FILE`` writes: names and counts, no content.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from dr.catalog.manifest import TableRows
from dr.errors import ConfigurationError

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Rights:
    """Roles by name, memberships as ``role in group``, grants as ``object: acl item``; ``grants`` None: not known."""

    roles: tuple[str, ...]
    memberships: tuple[str, ...] = ()
    grants: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """``origin`` names where it is from. ``exact`` False: ``tables`` has the planner's estimates.

    None is what is not known and therefore not compared. ``flaws`` are invalid indexes, constraints and idle jobs that
    were there before, and so are nobody's loss. ``shrink_percent``: so much may a table have lost since.
    """

    origin: str
    system: str
    taken: datetime
    system_identifier: str = ""
    database: str = ""
    timeline: int | None = None
    tables: tuple[TableRows, ...] = ()
    exact: bool = True
    extensions: Mapping[str, str] | None = None
    rights: Rights | None = None
    flaws: tuple[str, ...] = ()
    redis_persistence: str = ""
    shrink_percent: float = 0.0
    format_version: int = FORMAT_VERSION
    notes: tuple[str, ...] = field(default_factory=tuple)


def to_json(expected: Expected) -> bytes:
    """As it is kept in a file."""
    return msgspec.json.format(msgspec.json.encode(expected), indent=1) + b"\n"


def from_json(data: bytes, origin: str) -> Expected:
    """Read one back. Raises ``ConfigurationError``, naming ``origin``, on anything else."""
    try:
        expected = msgspec.json.decode(data, type=Expected)
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"{origin} is no baseline", str(error), "Write one with dr validate-recovery --baseline FILE."
        ) from error
    if expected.format_version != FORMAT_VERSION or expected.taken.tzinfo is None:
        raise ConfigurationError(
            f"{origin} is a baseline of format {expected.format_version}; this program reads {FORMAT_VERSION}",
            hint="Write a new one with dr validate-recovery --baseline FILE.",
        )
    return expected
