"""Settings of the section ``incident``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dr.configuration import parsers
from dr.configuration.components.declared import given

PARTS = 5
"""Of a contact: role or service, first person, second person, phone, mail or portal."""


def contact_lines(raw: object, base: Path) -> tuple[str, ...]:
    """Lines of the form ROLE | FIRST PERSON | SECOND PERSON | PHONE | MAIL: a list, or one text separated by ``;``.

    Parts may be empty, at the end they may be left out; the role and one of the others have to be there.
    """
    lines = raw.split(";") if isinstance(raw, str) else _items(raw)
    found = tuple(" | ".join(part.strip() for part in parsers.text(line, base).split("|")) for line in lines)
    for line in found:
        parts = line.split(" | ")
        if len(parts) > PARTS or not parts[0] or not any(parts[1:]):
            raise ValueError(f"must hold ROLE | FIRST PERSON | SECOND PERSON | PHONE | MAIL, and {line!r} is none")
    return found


def _items(raw: object) -> list[object]:
    if isinstance(raw, list | tuple):
        return list(raw)
    raise ValueError(f"must be a list, not {raw!r}")


@dataclass(frozen=True, slots=True)
class IncidentSettings:
    """Who is told of an incident, and what its record contains.

    ``template`` None: the report's own. ``approval_minutes`` is how long a run waits for its form to be answered.
    """

    contacts: tuple[str, ...] = given(
        contact_lines,
        "who is called, in that order: role, first person, second person, phone, mail, a bar between each",
        (),
    )
    vendors: tuple[str, ...] = given(
        contact_lines, "whose support is called: service, contact, nothing, phone, portal, a bar between each", ()
    )
    bridge: str | None = given(parsers.text, "where people meet: a conference number, a channel")
    status_page: str | None = given(parsers.text, "where users read how it is")
    template: Path | None = given(parsers.path, "template of the post-incident report; empty: our own")
    approval_minutes: float = given(
        parsers.positive_minutes, "how long a run waits for its approval; nothing is touched when it is over", 60.0
    )
