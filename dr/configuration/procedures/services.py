"""Settings of one service of the product: what runs it, and what has to run before it.

Several make the application: each is a table of its own, ``services.NAME``.
"""

from __future__ import annotations

from dataclasses import dataclass

from dr.configuration import parsers
from dr.configuration.components.declared import given


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """One service, by the name that the operator gave it. ``after`` names those that have to run before it."""

    name: str
    driver: str = given(
        parsers.choice("systemd", "compose", "kubernetes", "process"), "what runs the service", "systemd"
    )
    after: tuple[str, ...] = given(parsers.words, "services that have to run before this one", ())
