"""Settings of the section ``schedules``: which procedures run by themselves, and when, whoever starts them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from dr.configuration import parsers
from dr.configuration.components.declared import given
from dr.policy.cron import parse_cron

NEVER = "never"


def cron(raw: object, base: Path) -> str:
    """Five fields as cron has them, in UTC, or ``never``."""
    value = " ".join(parsers.text(raw, base).split())
    if value != NEVER:
        parse_cron(value)
    return value


@dataclass(frozen=True, slots=True)
class SchedulesSettings:
    """When each procedure is expected to run (UTC). The defaults are the schedules of our deployments.

    A run that leaves no record within ``late_hours`` of its time is missing, and people are told.
    """

    daily_backup: str = given(cron, "when the database is backed up: five fields of cron in UTC, or never", "0 2 * * *")
    application_backup: str = given(cron, "when the application's parts are backed up", "30 2 * * *")
    infrastructure_backup: str = given(cron, "when the infrastructure is backed up", "0 5 * * 0")
    wal_shipping: str = given(cron, "when the WAL is looked after", "*/15 * * * *")
    integrity_test: str = given(cron, "when stored copies are read again", "0 1 * * *")
    verification: str = given(cron, "when everything is verified", "0 3 * * 0")
    database_recovery_test: str = given(cron, "when the database's recovery is drilled", "0 1 * * 6")
    component_recovery_test: str = given(cron, "when every component's recovery is drilled", "0 3 * * 6")
    full_dr_test: str = given(cron, "when the recovery of everything is drilled", "0 1 1 * *")
    dr_test: str = given(cron, "when the loss of the first region is drilled", "0 4 1 * *")
    alert_self_test: str = given(cron, "when the alert path is tested", "0 8 * * *")
    late_hours: int = given(
        parsers.count, "hours after which a run that left no record is missing; half its period where that is less", 6
    )

    def expected(self) -> Iterator[tuple[str, str]]:
        """Every procedure that has times, by the name of its flow, and the times."""
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, str) and value != NEVER:
                yield item.name.replace("_", "-"), value
