"""The post-incident report of an incident, by the operator's template or by ours."""

from __future__ import annotations

from importlib.resources import files

from dr.configuration.model import System
from dr.errors import ConfigurationError
from dr.evidence.incident import Incident
from dr.evidence.incident_report import render


def report_of(system: System, incident: Incident) -> str:
    """Markdown; of an open incident a draft. Raises ``ConfigurationError`` when the template cannot be used."""
    own = system.procedures.incident.template
    if own is None:
        return render(_ours(), incident)
    try:
        text = own.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"the template {own} cannot be read", str(error), "Correct incident.template, or unset it."
        ) from error
    return render(text, incident, source=str(own))


def report_anyway(system: System, incident: Incident) -> str:
    """The same, by our template where the operator's cannot be used: a report says so, and no recovery fails by it."""
    try:
        return report_of(system, incident)
    except ConfigurationError as error:
        return f"{render(_ours(), incident)}\n> {error.message}: this is by the usual template.\n"


def _ours() -> str:
    return files("dr.operations.incident").joinpath("report.md").read_text(encoding="utf-8")
