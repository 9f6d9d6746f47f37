"""Settings of the channel ``pagerduty``."""

from __future__ import annotations

from dataclasses import dataclass

from dr.configuration import parsers
from dr.configuration.components.declared import given
from dr.secret import Secret


@dataclass(frozen=True, slots=True)
class PagerDutySettings:
    """An integration of PagerDuty's Events API, version 2."""

    routing_key: Secret | None = given(parsers.secret, "integration key of a PagerDuty service (Events API v2)")
    url: str = given(parsers.address, "address of the Events API; https only", "https://events.pagerduty.com")
    ca_file: str = given(parsers.text, "file with the authorities to trust; the system's own when not given", "")
