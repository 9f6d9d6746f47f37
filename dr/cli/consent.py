"""Asking before something is restored. Who cannot be asked must have said yes beforehand."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from dr.cli.session import Session
from dr.errors import TargetRefused

_NOTHING = "nothing was touched"


@dataclass(frozen=True, slots=True)
class Question:
    """Which system is to be restored, and whether the target is its production cluster.

    ``because`` is said when its name is asked for.
    """

    system: str
    production: bool
    because: str = "This is the production cluster."


def obtain(session: Session, asked: Question, *, yes: bool, typed: str, auto: bool) -> str:
    """Return the name that confirms the target ("" where none is wanted); raise TargetRefused without consent.

    ``yes`` answers the question beforehand, ``typed`` is the name from the command line, ``auto`` is AUTO_CONFIRM,
    which answers everything. A production cluster wants its system's name, and a plain yes is not enough (I4).
    """
    if typed and typed != asked.system:
        raise TargetRefused(
            f"--confirm {typed} does not name this system, which is {asked.system}",
            detail=_NOTHING,
            hint="Look at the plan again (--dry-run): is this the system and the target that you mean?",
        )
    if auto or typed:
        return typed
    if asked.production:
        return _ask_for_name(session, asked)
    if not yes:
        _ask_for_yes(session)
    return ""


def _ask_for_name(session: Session, asked: Question) -> str:
    system = asked.system
    option = f"--confirm {system}"
    answer = _ask(session, f"{asked.because} Type the system's name ({system}) to go on: ", option)
    if answer != system:
        raise TargetRefused(
            f"{answer!r} is not {system!r}", detail=_NOTHING, hint=f"Run it again and type the name, or say {option}."
        )
    return answer


def _ask_for_yes(session: Session) -> None:
    answer = _ask(session, "Restore? Type yes to go on: ", "--yes")
    if answer.lower() != "yes":
        raise TargetRefused("declined", detail=_NOTHING, hint="Run it again and type yes, or say --yes.")


def _ask(session: Session, question: str, option: str) -> str:
    if not sys.stdin.isatty():
        raise TargetRefused(
            "restoring wants a confirmation, and there is nobody to ask: standard input is no terminal",
            detail=_NOTHING,
            hint=f"Say {option}, or set AUTO_CONFIRM=true. --dry-run shows the plan and needs neither.",
        )
    session.output.ask(question)
    return sys.stdin.readline().strip()
