"""Hands ``flow`` and ``task`` to the procedures: Prefect's or the plain ones, chosen once, at import.

DR_RUNNER=plain or prefect decides; without it Prefect is used where it can be imported. A Prefect that is installed
and broken is no reason not to recover: then the plain runner is used, and ``REASON`` says so.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dr.errors import ConfigurationError
from tasks.record import current_record, last_record
from tasks.run import CurrentRun, RunRecord

VARIABLE = "DR_RUNNER"


def _choose() -> tuple[str, str]:
    wanted = os.environ.get(VARIABLE, "").strip()
    if wanted not in ("", "plain", "prefect"):
        raise ConfigurationError(
            f"there is no runner {wanted!r}", hint=f"Set {VARIABLE} to plain or prefect, or unset it."
        )
    if wanted == "plain":
        return "plain", f"{VARIABLE}=plain"
    problem = _prefect_problem()
    if not problem:
        return "prefect", f"{VARIABLE}=prefect" if wanted else "Prefect is installed"
    if wanted == "prefect":
        raise ConfigurationError(
            f"{VARIABLE}=prefect, and Prefect cannot be imported",
            detail=problem,
            hint=f"Repair it, or set {VARIABLE}=plain.",
        )
    return "plain", f"Prefect cannot be imported: {problem}"


def _prefect_problem() -> str:
    from tasks.prefect_logging import announce_loggers

    announce_loggers()
    try:
        from prefect import flow, task  # noqa: F401
    except Exception as error:  # noqa: BLE001 - its dependency tree can break it in any way (ADR: two runners)
        return f"{type(error).__name__}: {error}"
    return ""


RUNNER, REASON = _choose()

if TYPE_CHECKING or RUNNER == "plain":
    from tasks.plain_runner import ask_person, current_run, flow, publish_markdown, publish_table, task
else:
    from tasks.prefect_runner import ask_person, current_run, flow, publish_markdown, publish_table, task

__all__ = [
    "REASON",
    "RUNNER",
    "CurrentRun",
    "RunRecord",
    "ask_person",
    "current_record",
    "current_run",
    "flow",
    "last_record",
    "publish_markdown",
    "publish_table",
    "task",
]
