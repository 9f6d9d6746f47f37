"""What an alert says: what is wrong, since when, what is at risk, and what to run. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Grade(StrEnum):
    """Critical wants somebody now; a warning wants him within four hours."""

    CRITICAL = "critical"
    WARNING = "warning"


class Turn(StrEnum):
    """What has become of an alert."""

    TRIGGER = "trigger"
    UPDATE = "update"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that is wrong with one system.

    ``rule`` names what was found, ``subject`` which of several (a store, a kind of backup, a certificate): with the
    system they are the same alert until it is over. ``command`` can be pasted; no text holds a secret.
    """

    system: str
    rule: str
    grade: Grade
    summary: str
    subject: str = ""
    since: datetime | None = None
    risk: str = ""
    command: str = ""
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """The same for the same thing, on every channel and in every run.

        >>> Alert("shop", "backup-overdue", Grade.CRITICAL, "no good backup", "dump").key
        'shop/backup-overdue/dump'
        """
        return "/".join(part for part in (self.system, self.rule, self.subject) if part)
