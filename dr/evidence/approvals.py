"""Who agreed to a destructive step, when and how: part of the evidence."""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dr.errors import TargetRefused

NOTHING = "nothing was touched"


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


@dataclass(frozen=True, slots=True)
class Asked:
    """What people are asked to agree to: ``what`` in a few words, ``plan`` in Markdown."""

    system: str
    what: str
    plan: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What somebody answered in a form. ``system`` is the name as it was typed there."""

    by: str
    system: str
    agreed: bool
    reason: str = ""


def approval_of(asked: Asked, reply: Reply, at: datetime) -> Approval:
    """The approval that a reply is. Raises ``TargetRefused``, which says that nothing was touched."""
    by, reason = reply.by.strip(), reply.reason.strip()
    if not by:
        raise TargetRefused(
            f"{asked.what}: whoever answered gave no name",
            detail=NOTHING,
            hint="Run it again and say who approves: the name is part of the evidence.",
        )
    if not reply.agreed:
        raise TargetRefused(
            f"{asked.what}: rejected by {by}{f' ({reason})' if reason else ''}",
            detail=NOTHING,
            hint="Talk to who rejected it; then run it again.",
        )
    check_name(asked, reply.system.strip(), by)
    return Approval(by, at, How.FORM, reason)


def check_name(asked: Asked, typed: str, by: str = "") -> None:
    """Raise ``TargetRefused`` unless ``typed`` is the system's name, letter by letter."""
    if typed != asked.system:
        raise TargetRefused(
            f"{asked.what}: {by or 'somebody'} typed {typed!r}, and the system is {asked.system!r}",
            detail=NOTHING,
            hint="Look at the plan again: is this the system that you mean? Then run it again and type its name.",
        )


def account() -> str:
    """Who runs this process, and who is behind ``sudo``.

    >>> account() != ""
    True
    """
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in some containers
        name = f"uid {os.getuid()}"
    behind = os.environ.get("SUDO_USER", "").strip()
    return f"{behind} (as {name})" if behind and behind != name else name
