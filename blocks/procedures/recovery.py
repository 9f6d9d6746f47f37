"""The section ``recovery``, as a form."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, HttpUrl

from blocks.components.form import ComponentForm


class RecoveryPlace(ComponentForm):
    """Where a recovery puts what it brings back.

    Example:
        Load what is stored:
        ```python
        from blocks import RecoveryPlace

        recovery = RecoveryPlace.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Recovery Place"
    _block_type_slug: ClassVar[str] = "recovery-place"
    _description: ClassVar[str] = "Where a recovery puts what it brings back."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://docs.prefect.io/v3/concepts/blocks")
    kind: ClassVar[str] = "recovery"

    directory: str = Field(
        default="",
        title="Working directory",
        description="Absolute path, on the worker, where recoveries work: copies on trial, emergency copies."
        " Empty: below the state directory.",
    )
    data_directory: str = Field(
        default="",
        title="Production's data directory",
        description="Absolute path of PostgreSQL's data directory on the worker, which recover-db --in-place replaces."
        " The old one is kept beside it.",
    )
    database_service: str = Field(
        default="", title="PostgreSQL's service", description="Which of the services is PostgreSQL itself."
    )
    redis_directory: str = Field(
        default="",
        title="Redis' directory",
        description="Absolute path of Redis' directory on the worker.",
    )
    redis_service: str = Field(default="", title="Redis' service", description="Which of the services is Redis itself.")
    damage_minutes: float = Field(
        default=2.0,
        gt=0,
        title="Damage, minutes",
        description="How long a damaged database is looked at before it is recovered, on and off line.",
    )
    emergency_minutes: float = Field(
        default=5.0,
        gt=0,
        title="Emergency copy, minutes",
        description="How long the emergency copy of what can still be read may take.",
    )
    jobs: Literal["any", "paused", "running"] = Field(
        default="any",
        title="Jobs after a recovery",
        description="How a verification wants pg_cron's jobs, subscriptions and the services below to be.",
    )
    job_services: list[str] = Field(
        default=[],
        title="Services that are jobs",
        description="Services that work by themselves: paused or running with the jobs.",
    )
    apply_infrastructure: bool = Field(
        default=False,
        title="Apply infrastructure",
        description="Whether a full recovery plans and applies the restored infrastructure code.",
    )
    exercise_services: list[str] = Field(
        default=[],
        title="Services in an exercise",
        description="Services of the application that an exercise of a full recovery may start: they write to nobody"
        " outside.",
    )
    launch_subnet: str = Field(
        default="",
        title="Subnet of launched servers",
        description="Where a full recovery launches the images of servers. Empty: none is launched.",
    )
    launch_security_groups: list[str] = Field(
        default=[],
        title="Security groups of launched servers",
        description="Their ids.",
    )
    launch_instance_type: str = Field(
        default="",
        title="Instance type of launched servers",
        description="Empty: as the server was.",
    )
