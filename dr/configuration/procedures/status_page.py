"""Settings of the section ``status_page``."""

from __future__ import annotations

from dataclasses import dataclass

from dr.configuration import parsers
from dr.configuration.components.declared import given
from dr.secret import Secret


@dataclass(frozen=True, slots=True)
class StatusPageSettings:
    """Where the product's users read how it is: a page of Atlassian Statuspage, or of what speaks its API."""

    url: str = given(parsers.text, "address of the page's API", "https://api.statuspage.io/v1")
    page: str | None = given(parsers.text, "id of the page; empty: nobody is told")
    token: Secret | None = given(parsers.secret, "API key that may write incidents on the page")
    components: tuple[str, ...] = given(parsers.words, "components of the page that an incident concerns, by id", ())
    notify: bool = given(parsers.flag, "whether the page sends mail to those who follow it", True)
