"""The section ``schedules``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, HttpUrl

from blocks.components.form import ComponentForm


class ExpectedSchedules(ComponentForm):
    """When each procedure is expected to run, so that a run that is missing is noticed.

    Example:
        Load what is stored:
        ```python
        from blocks import ExpectedSchedules

        schedules = ExpectedSchedules.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Expected Schedules"
    _block_type_slug: ClassVar[str] = "expected-schedules"
    _description: ClassVar[str] = "When each procedure is expected to run, so that a run that is missing is noticed."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://man7.org/linux/man-pages/man5/crontab.5.html")
    kind: ClassVar[str] = "schedules"

    daily_backup: str = Field(
        default="0 2 * * *",
        title="Daily backup",
        description="When the database is backed up: five fields of cron in UTC, or never.",
    )
    application_backup: str = Field(
        default="30 2 * * *", title="Application backup", description="When the application's parts are backed up."
    )
    infrastructure_backup: str = Field(
        default="0 5 * * 0", title="Infrastructure backup", description="When the infrastructure is backed up."
    )
    wal_shipping: str = Field(default="*/15 * * * *", title="Wal shipping", description="When the WAL is looked after.")
    integrity_test: str = Field(
        default="0 1 * * *", title="Integrity test", description="When stored copies are read again."
    )
    verification: str = Field(default="0 3 * * 0", title="Verification", description="When everything is verified.")
    database_recovery_test: str = Field(
        default="0 1 * * 6", title="Database recovery test", description="When the database's recovery is drilled."
    )
    component_recovery_test: str = Field(
        default="0 3 * * 6", title="Component recovery test", description="When every component's recovery is drilled."
    )
    full_dr_test: str = Field(
        default="0 1 1 * *", title="Full dr test", description="When the recovery of everything is drilled."
    )
    dr_test: str = Field(
        default="0 4 1 * *", title="Dr test", description="When the loss of the first region is drilled."
    )
    alert_self_test: str = Field(
        default="0 8 * * *", title="Alert self test", description="When the alert path is tested."
    )
    late_hours: int = Field(
        default=6,
        ge=1,
        title="Late hours",
        description="Hours after which a run that left no record is missing; half its period where that is less.",
    )
