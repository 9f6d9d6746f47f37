"""The form of how long copies stay: by kind and place, as the table of settings has it."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

from dr.policy.retention_periods import FOREVER, Periods

_PERIODS = {name: str(days) for name, days in dataclasses.asdict(Periods()).items()}


def _as_text(days: object) -> object:
    return str(days) if isinstance(days, int) and not isinstance(days, bool) else days


# Text, for a form shows "a number or a word" as a clumsy toggle.
Days = Annotated[str, BeforeValidator(_as_text), Field(pattern=rf"^([1-9][0-9]{{0,8}}|{FOREVER})$")]
_OR_FOREVER = "Or: forever."
_ARCHIVE = f"Days in an archive; until stores have tiers, the longer of the two counts. {_OR_FOREVER}"


class Retention(BaseModel):
    """How long copies stay, by kind and place, and how long a chain of base backups gets."""

    local_days: int = Field(default=7, ge=1, title="Days", description="Days that local copies stay.")
    min_keep: int = Field(default=1, ge=1, title="At least", description="Proven copies that stay whatever their age.")
    full_days: int = Field(
        default=7, ge=1, title="Full every", description="Days after which a base backup is full again."
    )
    max_chain: int = Field(
        default=6, ge=1, title="Longest chain", description="Incremental base backups that may hang on a full one."
    )
    cloud_days: Days = Field(
        default=_PERIODS["cloud_days"], title="Components elsewhere", description=f"Days in other stores. {_OR_FOREVER}"
    )
    secrets_cloud_days: Days = Field(
        default=_PERIODS["secrets_cloud_days"],
        title="Secrets elsewhere",
        description=f"Days in other stores; an old dump's columns may need its keys. {_OR_FOREVER}",
    )
    files_days: Days = Field(
        default=_PERIODS["files_days"], title="Uploads here", description=f"Days that local copies stay. {_OR_FOREVER}"
    )
    files_cloud_days: Days = Field(
        default=_PERIODS["files_cloud_days"],
        title="Uploads elsewhere",
        description=f"Days in other stores. {_OR_FOREVER}",
    )
    files_archive_days: Days = Field(
        default=_PERIODS["files_archive_days"], title="Uploads in an archive", description=_ARCHIVE
    )
    application_logs_days: Days = Field(
        default=_PERIODS["application_logs_days"],
        title="Application logs here",
        description=f"Days that local copies stay. {_OR_FOREVER}",
    )
    application_logs_cloud_days: Days = Field(
        default=_PERIODS["application_logs_cloud_days"],
        title="Application logs elsewhere",
        description=f"Days in other stores. {_OR_FOREVER}",
    )
    application_logs_archive_days: Days = Field(
        default=_PERIODS["application_logs_archive_days"], title="Application logs in an archive", description=_ARCHIVE
    )
    audit_logs_days: Days = Field(
        default=_PERIODS["audit_logs_days"],
        title="Audit logs here",
        description=f"Days that local copies stay. {_OR_FOREVER}",
    )
    audit_logs_cloud_days: Days = Field(
        default=_PERIODS["audit_logs_cloud_days"],
        title="Audit logs elsewhere",
        description=f"Days in other stores. {_OR_FOREVER}",
    )
    audit_logs_archive_days: Days = Field(
        default=_PERIODS["audit_logs_archive_days"], title="Audit logs in an archive", description=_ARCHIVE
    )
