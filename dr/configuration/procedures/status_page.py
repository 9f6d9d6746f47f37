"""Settings of the section ``status_page``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dr.configuration import parsers
from dr.configuration.components.declared import given
from dr.secret import Secret


def announcements(raw: object, base: Path) -> tuple[str, ...]:
    """Lines of the form RULE | TITLE | TEXT: a list, or one text separated by ``;``."""
    lines = raw.split(";") if isinstance(raw, str) else parsers.words(raw, base)
    found = tuple(" | ".join(part.strip() for part in parsers.text(line, base).split("|")) for line in lines)
    for line in found:
        parts = line.split(" | ")
        if len(parts) != 3 or not all(parts):
            raise ValueError(f"must hold RULE | TITLE | TEXT, and {line!r} does not")
    return found


@dataclass(frozen=True, slots=True)
class StatusPageSettings:
    """Where the product's users read how it is: a page of Atlassian Statuspage, or of what speaks its API."""

    url: str = given(parsers.text, "address of the page's API", "https://api.statuspage.io/v1")
    page: str | None = given(parsers.text, "id of the page; empty: nobody is told")
    token: Secret | None = given(parsers.secret, "API key that may write incidents on the page")
    components: tuple[str, ...] = given(parsers.words, "components of the page that an incident concerns, by id", ())
    announce: tuple[str, ...] = given(
        announcements,
        "alerts that users are told of, and the only words that they read: RULE | TITLE | TEXT for each",
        (),
    )
    notify: bool = given(parsers.flag, "whether the page sends mail to those who follow it", True)
