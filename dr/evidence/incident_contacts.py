"""Who is to be called in an incident, and who of them has been. Pure; the paging itself is somebody else's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dr.evidence.incident import Incident, Told


@dataclass(frozen=True, slots=True)
class Contact:
    """One line of ``incident.contacts``; empty where it says nothing."""

    role: str
    first: str = ""
    second: str = ""
    phone: str = ""
    mail: str = ""

    @classmethod
    def parse(cls, line: str) -> Contact:
        """Read a line that the configuration has checked.

        >>> Contact.parse("Security Lead | A. Person |  | +1-555-0103").phone
        '+1-555-0103'
        """
        return cls(*(part.strip() for part in line.split("|")))

    def is_meant_by(self, whom: str) -> bool:
        """Whether somebody who was told is this one: by role or by name, capitals or not."""
        return whom.strip().casefold() in {name.casefold() for name in (self.role, self.first, self.second) if name}


def call_list(lines: Iterable[str], incident: Incident | None) -> list[dict[str, str]]:
    """A row per contact, in the order of calling; ``told`` says when, how and noted by whom."""
    return [_row(Contact.parse(line), incident.of(Told) if incident is not None else ()) for line in lines]


def _row(contact: Contact, told: tuple[Told, ...]) -> dict[str, str]:
    reached = [f"{one.at:%H:%M:%S}Z by {one.how}, noted by {one.by}" for one in told if contact.is_meant_by(one.whom)]
    return {
        "role": contact.role,
        "first": contact.first,
        "second": contact.second,
        "phone": contact.phone,
        "mail": contact.mail,
        "told": "; ".join(reached) or "not yet",
    }
