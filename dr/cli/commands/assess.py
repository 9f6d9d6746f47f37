"""``dr assess``: how is it, how bad, and what to type next, in under ten seconds whatever hangs."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dr.cli.output import plain
from dr.cli.session import Session
from dr.errors import Disaster, Disrupted, DrError, SystemDown

if TYPE_CHECKING:
    from dr.cli.configuration_in_time import Found
    from dr.operations.assess import Assessment
    from dr.policy.observation import Observation

_WHOLE_SECONDS = 8.0
_FOR_CONFIGURATION = 0.45
"""The share of the time that reading it may take."""
_LEAST_SECONDS = 3.0
_ERRORS: dict[str, type[DrError]] = {"MEDIUM": Disrupted, "HIGH": SystemDown, "CRITICAL": Disaster}


def assess(
    session: Session,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with 22 for MEDIUM, 23 for HIGH, 24 for CRITICAL.")
    ] = False,
    seconds: Annotated[
        float, typer.Option(min=_LEAST_SECONDS, max=120.0, help="How long it may take in all.")
    ] = _WHOLE_SECONDS,
) -> None:
    """See how everything is, how bad that is, and what to type next.

    Asks database, Redis, application, disk, stores, key, WAL, certificates,
    drills and schedules at once. What does not answer in time is told so: that
    is a finding. Changes nothing, and needs neither Prefect nor the database.

    Exit code 0: assessed, whatever was found (but see --exit-code); 3: the
    configuration is broken, and only what can be seen without it was told.

    Examples:
      dr assess
      dr assess --exit-code --json
    """
    from dr.cli.configuration_in_time import begun

    until = time.monotonic() + max(seconds - _age_of_this_process(), _LEAST_SECONDS)
    from dr.operations.assess import Prober

    with begun(session.system) as reading, Prober() as prober:
        # The slow parts of this process come while the others are getting ready.
        session.output.console(sys.stdout)
        from dr.operations.assess import assess as look
        from dr.operations.assess import lines

        found = reading.wait(max((until - time.monotonic()) * _FOR_CONFIGURATION, 1.0))
        left = max(until - time.monotonic(), _LEAST_SECONDS / 2)
        assessment = look(found.system, left, words=_words(session), already=_told(found), prober=prober)
    shown = lines(assessment)
    session.output.document.update(plain(assessment), screen=list(shown))
    for line in shown:
        session.output.say(line)
    if found.broken is not None:
        raise found.broken
    if exit_code:
        _require_better_than_medium(assessment)


def _words(session: Session) -> tuple[str, ...]:
    """What the commands that are advised need to mean the same system: what this one was given."""
    config = ("--config", str(session.config)) if session.config is not None else ()
    return (*config, *(("--system", session.system) if session.system else ()))


def _told(found: Found) -> tuple[Observation, ...]:
    from dr.policy.observation import Condition, Observation, Subject

    if found.broken is not None:
        said = f"{found.broken.message} {found.broken.detail}".strip()
        return (Observation(Subject.CONFIGURATION, Condition.DOWN, "BROKEN", said),)
    if found.note:
        return (Observation(Subject.CONFIGURATION, Condition.IMPAIRED, "WITHOUT BLOCKS", found.note),)
    return ()


def _require_better_than_medium(assessment: Assessment) -> None:
    """Raise what carries the severity's exit code, for scripts."""
    judged = assessment.judgement
    kind = _ERRORS.get(judged.severity)
    if kind is not None:
        hint = f"Next: {assessment.next_step.command}" if assessment.next_step.command else ""
        raise kind(f"{assessment.system}: {judged.severity}", judged.reasons[0].text, hint)


def _age_of_this_process() -> float:
    """Seconds since it was begun: reading the command line counts too. 0 where the kernel does not tell."""
    try:
        began = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
        return max(time.clock_gettime(time.CLOCK_BOOTTIME) - began, 0.0)
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0
