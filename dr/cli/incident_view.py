"""An incident as people see it in the terminal: its state, its timeline, and whom to call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dr.cli.output import plain
from dr.cli.session import Session

if TYPE_CHECKING:
    from dr.configuration.model import System
    from dr.evidence.incident import Incident
    from dr.operations.incident.ship import Shipped


def show_incident(session: Session, system: System, found: Incident) -> None:
    """All of it; the call list says who was told."""
    from dr.evidence.incident_contacts import call_list
    from dr.evidence.incident_timeline import timeline

    settings = system.procedures.incident
    lines = [line.row() for line in timeline(found)]
    people, vendors = call_list(settings.contacts, found), call_list(settings.vendors, found)
    out = session.output
    out.document.update(
        **summary(found),
        timeline=lines,
        contacts=people,
        vendors=vendors,
        bridge=settings.bridge or "",
        status_page=settings.status_page or "",
        entries=[plain(entry) for entry in found.entries],
    )
    out.say(f"Incident {found.id}: {found.severity}, {found.opened.scenario}: {found.opened.text}")
    out.say(
        f"{'Closed' if found.closed else 'Open'}, opened {found.opened.at:%Y-%m-%d %H:%M:%S}Z by {found.opened.by}."
    )
    out.table("Timeline", lines)
    out.table("Whom to call", people)
    out.table("Vendors' support", vendors)
    if not people:
        out.say("Whom to call is not configured: incident.contacts.")
    for name, value in (("Bridge", settings.bridge), ("Status page", settings.status_page)):
        if value:
            out.say(f"{name}: {value}")


def summary(found: Incident) -> dict[str, str]:
    """One row of a list."""
    opened, closed = found.opened, found.closed
    return {
        "incident": found.id,
        "state": "closed" if closed else "open",
        "severity": found.severity,
        "scenario": opened.scenario,
        "opened (UTC)": f"{opened.at:%Y-%m-%d %H:%M:%S}",
        "closed (UTC)": f"{closed.at:%Y-%m-%d %H:%M:%S}" if closed else "",
        "drill": "yes" if opened.drill else "",
        "what": opened.text,
    }


def shipped_to(shipped: Mapping[str, Shipped], incident: str) -> tuple[str, ...]:
    """The stores that have it now."""
    return shipped[incident].stores if incident in shipped else ()


def where(stores: tuple[str, ...]) -> str:
    """The same in words."""
    return f"in {', '.join(stores)}" if stores else "on this host only: no store takes it now"
