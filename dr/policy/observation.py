"""What was seen of a system, thing by thing, in words that a verdict can be drawn from. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Subject(StrEnum):
    """What is looked at. The value is what a person reads in front of the colon."""

    DATABASE = "Database"
    REDIS = "Redis"
    APPLICATION = "Application"
    SERVICE = "Service"
    DISK = "Disk"
    BACKUPS = "Backups"
    OFF_SITE = "Off-site"
    STORE = "Store"
    KEY = "Key"
    WAL = "WAL"
    STANDBY = "Standby"
    CERTIFICATES = "Certificates"
    DRILLS = "Last drill"
    SCHEDULES = "Schedules"
    UNFINISHED = "Unfinished"
    CONFIGURATION = "Configuration"


class Condition(StrEnum):
    """How it is, from good to bad. ``SILENT``: asked, and no answer in the time it was given."""

    ABSENT = "not configured"
    OK = "ok"
    IMPAIRED = "impaired"
    SILENT = "no answer"
    DOWN = "down"

    @property
    def offline(self) -> bool:
        """Whether nobody can use it now."""
        return self in (Condition.SILENT, Condition.DOWN)

    @property
    def rank(self) -> int:
        """What is not configured is as good as what works; every further step is worse."""
        return max(list(Condition).index(self) - 1, 0)


class Sign(StrEnum):
    """What tells more than the condition: it decides which disaster this is.

    ``MISSING``: the server answers, and what the product has there does not exist. ``READ_ONLY``: nobody can write.
    ``UNASKED``: this host did not get to asking, so that nothing is known of it, good or bad.
    """

    CORRUPT = "damaged data"
    STARTING = "starting"
    MISSING = "missing"
    READ_ONLY = "takes no writes"
    UNASKED = "not asked"


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing. ``name`` tells several of one subject apart: a store, a service, a path.

    ``shown`` is the word or two behind the colon (``ONLINE``), ``detail`` what was really seen, ``seconds`` until then.
    ``figure`` (the share of a disk that is taken, the seconds since something was cut off): the highest comes first.
    ``remedy`` is the procedure that mends it, where that depends on what was seen.
    """

    subject: Subject
    condition: Condition
    shown: str
    detail: str = ""
    name: str = ""
    sign: Sign | None = None
    seconds: float = 0.0
    figure: float = 0.0
    remedy: str = ""

    @property
    def what(self) -> str:
        """``Database``, ``Store offsite``."""
        return f"{self.subject} {self.name}" if self.name else str(self.subject)

    def __str__(self) -> str:
        said = self.detail or self.shown
        return f"{self.what}: {said}"


def silent(subject: Subject, seconds: float, name: str = "") -> Observation:
    """Of what did not answer in the time it was given."""
    said = f"no answer in {seconds:.1f} s"
    return Observation(subject, Condition.SILENT, said.upper(), said, name, seconds=seconds)


def not_asked(subject: Subject, seconds: float, name: str = "") -> Observation:
    """Of what could not be asked, because this host itself was too slow: nothing is known of it."""
    said = f"could not be asked within {seconds:.1f} s: this host is too busy (try --seconds 30)"
    return Observation(subject, Condition.IMPAIRED, "NOT ASKED", said, name, Sign.UNASKED, seconds)
