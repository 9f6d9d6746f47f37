"""Settings of the channel ``teams``."""

from __future__ import annotations

from dataclasses import dataclass

from dr.configuration import parsers
from dr.configuration.components.declared import given
from dr.secret import Secret


@dataclass(frozen=True, slots=True)
class TeamsSettings:
    """A workflow of Microsoft Teams that posts what a webhook request brings."""

    webhook: Secret | None = given(
        parsers.secret, "webhook of a Teams workflow that posts adaptive cards", check=parsers.check_address
    )
