"""How long a certificate is still good for, and who should know. Pure: ``now`` is an argument, times are aware."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Urgency(StrEnum):
    """``UNKNOWN``: it cannot be read, or is no certificate with its key."""

    OK = "ok"
    NOTICE = "notice"
    WARNING = "warning"
    CRITICAL = "CRITICAL"
    EXPIRED = "EXPIRED"
    UNKNOWN = "unknown"


_BY_DAYS = (Urgency.NOTICE, Urgency.WARNING, Urgency.CRITICAL)


@dataclass(frozen=True, slots=True)
class CertificateState:
    """One certificate as it stands. ``days_left`` are whole days, negative once it has expired; None when unknown."""

    name: str
    urgency: Urgency
    reason: str
    not_after: datetime | None = None
    days_left: int | None = None


def certificate_state(
    name: str, not_before: datetime, not_after: datetime, now: datetime, warn_days: Sequence[int]
) -> CertificateState:
    """``warn_days`` are the days left at which it is worth a notice, a warning, and critical; they fall."""
    left = not_after - now
    days = left // timedelta(days=1)
    urgency = Urgency.OK
    for level, limit in zip(_BY_DAYS, warn_days, strict=True):
        if left <= timedelta(days=limit):
            urgency = level
    told = f"good until {not_after:%Y-%m-%d %H:%M} UTC, {days} days"
    if left <= timedelta(0):
        urgency, told = Urgency.EXPIRED, f"expired at {not_after:%Y-%m-%d %H:%M} UTC"
    elif now < not_before:
        urgency, told = Urgency.CRITICAL, f"not good before {not_before:%Y-%m-%d %H:%M} UTC"
    return CertificateState(name, urgency, f"{name}: {told}", not_after, days)


def unknown_state(name: str, reason: str) -> CertificateState:
    """Of a certificate that nobody can use as it lies there."""
    return CertificateState(name, Urgency.UNKNOWN, reason)


def renewal_due(not_after: datetime, now: datetime, renew_days: int) -> bool:
    """Whether fewer than ``renew_days`` days are left."""
    return not_after - now < timedelta(days=renew_days)
