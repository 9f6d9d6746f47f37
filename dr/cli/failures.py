"""The one place where an error becomes words and an exit code."""

from __future__ import annotations

import os
import traceback

from dr.cli.interruption import Terminated
from dr.cli.session import Session
from dr.errors import DrError

UNFORESEEN = 1
_REPORT = "This is a defect of this program. Run the command again with -v for the traceback, and report it."
_WITHOUT_PREFECT = "To do without Prefect: DR_RUNNER=plain dr ..."


def report(error: BaseException, session: Session) -> int:
    """Tell what went wrong on standard error and in the document; returns the exit code."""
    if isinstance(error, DrError):
        told = _tell(session, type(error).__name__, error.message, error.detail, error.hint, error.exit_code, error)
    elif isinstance(error, KeyboardInterrupt):
        number = error.exit_code if isinstance(error, Terminated) else 130
        name = error.number.name if isinstance(error, Terminated) else "SIGINT"
        hint = "Children are ended, leases released; nothing half-made is listed. Run the command again."
        told = _tell(session, "Interrupted", f"interrupted by {name}", "", hint, number, error)
    else:
        hint = f"{_REPORT} {_WITHOUT_PREFECT}" if _prefect_is_in_play() else _REPORT
        text = " ".join(str(error).split()) or "no message"
        told = _tell(session, type(error).__name__, f"unexpected {type(error).__name__}", text, hint, UNFORESEEN, error)
    if session.verbose:
        session.output.note("".join(traceback.format_exception(error)).rstrip())
    return told


def _tell(session: Session, kind: str, message: str, detail: str, hint: str, code: int, error: BaseException) -> int:
    output = session.output
    notes = list(getattr(error, "__notes__", ()))
    output.error(message, detail, hint, notes)
    output.document["error"] = {
        "type": kind,
        "message": message,
        "detail": detail,
        "hint": hint,
        "notes": notes,
        "exit_code": code,
        "retryable": bool(getattr(error, "retryable", False)),
    }
    return code


def _prefect_is_in_play() -> bool:
    return bool(os.environ.get("PREFECT_API_URL")) and os.environ.get("DR_RUNNER") != "plain"
