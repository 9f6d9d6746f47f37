"""How long copies of each kind stay, by place: the guide's table as data, and what follows for the kinds it leaves out.

Of logs each class has a period of its own (``Manifest.retention_class``). Until stores have tiers, what lies in a store
elsewhere stays for the longer of its cloud and its archive period. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from dr.catalog.labels import DATABASE_KINDS, Kind

Days: TypeAlias = int | Literal["forever"]
FOREVER: Literal["forever"] = "forever"
STANDARD = "standard"
"""The class of what is kept as its kind is."""
APPLICATION_LOGS = "application-logs"
AUDIT_LOGS = "audit-logs"
LOG_CLASSES = (APPLICATION_LOGS, AUDIT_LOGS)
# Whole years with their leap days: seven times 365 days would end two days before seven years are over.
_YEAR, _THREE_YEARS, _SEVEN_YEARS, _TEN_YEARS = 366, 1096, 2557, 3653


@dataclass(frozen=True, slots=True)
class Periods:
    """The periods that can be changed, in days or ``"forever"``. Raises ValueError below 1.

    ``cloud_days`` is for every kind without its own: what belongs to the database's state of a day is of use as long as
    the guide keeps the database at hand, 90 days. Secrets stay as long as its archive: without its keys of the time,
    encrypted columns of an old dump cannot be read.
    """

    cloud_days: Days = 90
    secrets_cloud_days: Days = _SEVEN_YEARS
    files_days: Days = _THREE_YEARS
    files_cloud_days: Days = _THREE_YEARS
    files_archive_days: Days = _TEN_YEARS
    application_logs_days: Days = 30
    application_logs_cloud_days: Days = _YEAR
    application_logs_archive_days: Days = _THREE_YEARS
    audit_logs_days: Days = 90
    audit_logs_cloud_days: Days = _SEVEN_YEARS
    audit_logs_archive_days: Days = FOREVER


@dataclass(frozen=True, slots=True)
class Period:
    """How long a copy stays in a store on this machine, and in any other."""

    here: Days
    elsewhere: Days

    def of_store(self, *, is_local: bool) -> Days:
        return self.here if is_local else self.elsewhere


def longest(*days: Days) -> Days:
    """
    >>> longest(90, 2557)
    2557
    >>> longest(90, "forever")
    'forever'
    """
    numbers = [item for item in days if item != FOREVER]
    return max(numbers) if len(numbers) == len(days) else FOREVER


def period_of(periods: Periods, kind: Kind, keep_as: str, local_days: int) -> Period:
    """The period of one kind and class. ``local_days`` is the database's, and of all that belongs to its state.

    A class that is not known here was given by another version of this program, which knew why: it stays.
    """
    if kind is Kind.LOGS and keep_as == APPLICATION_LOGS:
        elsewhere = longest(periods.application_logs_cloud_days, periods.application_logs_archive_days)
        return Period(periods.application_logs_days, elsewhere)
    if kind is Kind.LOGS and keep_as == AUDIT_LOGS:
        return Period(periods.audit_logs_days, longest(periods.audit_logs_cloud_days, periods.audit_logs_archive_days))
    if kind is Kind.LOGS or keep_as != STANDARD:
        return Period(FOREVER, FOREVER)
    if kind in DATABASE_KINDS:
        # The guide's 90 days and 7 years: elsewhere the bucket's own lifecycle ends them, never this program.
        return Period(local_days, FOREVER)
    if kind is Kind.FILES:
        return Period(periods.files_days, longest(periods.files_cloud_days, periods.files_archive_days))
    if kind is Kind.SECRETS:
        return Period(local_days, longest(periods.cloud_days, periods.secrets_cloud_days))
    return Period(local_days, periods.cloud_days)
