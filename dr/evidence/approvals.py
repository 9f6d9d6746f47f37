"""Who agreed to a destructive step, when and how: part of the evidence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class How(StrEnum):
    """How consent was given."""

    TYPED = "the system's name, typed"
    FORM = "a form in Prefect's UI"
    AUTOMATION = "AUTO_CONFIRM"


@dataclass(frozen=True, slots=True)
class Approval:
    """``by`` is the name that somebody gave for himself; the account of the process where nobody was asked."""

    by: str
    at: datetime
    how: How
    reason: str = ""
