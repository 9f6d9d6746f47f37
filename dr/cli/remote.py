"""``--remote``: the Prefect worker does the work; this process submits, waits, and tells how it went.

The run goes on when the waiting is interrupted. A password may not become a run's parameter: everybody who can read
the server's API would read it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dr import errors
from dr.cli import consent
from dr.cli.runners import name_of_system, require_server
from dr.cli.session import Session
from dr.cli.target import holds_password
from dr.errors import ConfigurationError, DrError, ObjectiveMissed

if TYPE_CHECKING:
    from deployments.submitting import RemoteRun
    from dr.cli.commands.recover import Wanted

LATEST = "latest"
_PLAN = "recovery-plan"


def run_remotely(session: Session, flow: str, parameters: Mapping[str, Any], *, told: str = "") -> RemoteRun:
    """Submit a run of a system's deployment, wait for its end, show what it published; raise what it ended with.

    ``told`` names an artifact that has been shown already.
    """
    require_server()
    from deployments.submitting import submit

    system = name_of_system(session)
    done = submit(f"{flow}/{system}", {**parameters, "system": system}, session.output.note)
    session.output.document.update(run=done.id, name=done.name, state=done.state, runner="remote")
    for artifact in done.artifacts:
        session.output.document[artifact.key] = artifact.rows or artifact.text
        if artifact.key != told:
            session.output.table(artifact.description, artifact.rows)
            if artifact.text:
                session.output.say(artifact.text.replace("```", "").strip())
    if not done.completed:
        raise error_of(done)
    return done


def recover_remotely(session: Session, wanted: Wanted, *, dry_run: bool, yes: bool, typed: str) -> None:
    """Plan on the worker, ask here, then recover on the worker."""
    if holds_password(wanted.to):
        raise ConfigurationError(
            "--to holds a password, and the parameters of a remote run can be read by others",
            hint="Put the address into a variable of the worker and say --to env:NAME, or leave --remote out.",
        )
    parameters = {
        "backup": wanted.backup,
        "to": wanted.to,
        "scenario": str(wanted.scenario),
        "disaster_at": wanted.disaster_at,
        **wanted.point.parameters(),
    }
    planned = run_remotely(session, "recover-database", {**parameters, "dry_run": True})
    if dry_run:
        return
    # Whether the target is production is for the worker to say; it wants the name then, and refuses without.
    asked = consent.Question(wanted.system, production=_names_production(planned))
    answer = consent.obtain(session, asked, yes=yes, typed=typed, auto=False)
    # What was agreed to is restored, also when a newer backup has appeared since.
    if wanted.backup == LATEST:
        parameters["backup"] = _planned_label(planned) or LATEST
    done = run_remotely(session, "recover-database", {**parameters, "confirm_name": answer}, told=_PLAN)
    missed = [f"{row['phase']} {row['seconds at work']} s of {row['target']} s" for row in _missed(done)]
    if missed:
        raise ObjectiveMissed(
            "restored and sound, but beyond the objective",
            detail="; ".join(missed),
            hint="Use the copy. Then see which phase took long, or back up more often.",
        )


def error_of(done: RemoteRun) -> DrError:
    """The error a remote run ended with, as it would have been raised here: by the name in its last message."""
    kind, _, text = done.message.partition("encountered an exception: ")[2].partition(": ")
    found = getattr(errors, kind, None)
    if not (isinstance(found, type) and issubclass(found, DrError)):
        hint = "Look at the run's log in Prefect's UI."
        return DrError(f"the remote run {done.name} ended as {done.state}", detail=done.message, hint=hint)
    message, detail, hint = text, "", ""
    message, _, hint = message.partition("\nHINT: ")
    message, _, detail = message.partition("\nDETAIL: ")
    return found(message, detail, hint)


def _plan_text(planned: RemoteRun) -> str:
    return "\n".join(item.text for item in planned.artifacts if item.key == _PLAN)


def _names_production(planned: RemoteRun) -> bool:
    return "** the production cluster **" in _plan_text(planned)


def _planned_label(planned: RemoteRun) -> str:
    found = re.search(r"^backup +(\S+)", _plan_text(planned), re.MULTILINE)
    return found[1] if found else ""


def _missed(done: RemoteRun) -> list[Mapping[str, Any]]:
    return [
        row for item in done.artifacts if item.key == "recovery-phases" for row in item.rows if row.get("met") == "no"
    ]
