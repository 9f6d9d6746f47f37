"""Certificates and keys that end, and whether alerts reach people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from dr.configuration.model import System
from dr.crypto.gnupg import opened
from dr.operations.alert.book import read_book
from dr.operations.certificate_states import certificate_states
from dr.policy.metric import Sample, sample

CERTIFICATES = ("certificate_days_left",)
KEYS = ("key_days_left",)
ALERTS = ("alert_delivered_total", "alert_refused_total", "alert_channels_confirmed", "alert_test_age_seconds")


def measure_certificates(system: System, now: datetime) -> Iterator[Sample]:
    """One that cannot be read counts as ended."""
    for state in certificate_states(system, now):
        yield sample(
            "certificate_days_left", -1 if state.days_left is None else state.days_left, system.name, state.name
        )


def measure_keys(system: System, now: datetime) -> Iterator[Sample]:
    """Keys that never end are left out."""
    if not system.encryption.recipients:
        return
    with opened(system.encryption) as cipher:
        for key in cipher.recipients:
            if key.expires is not None:
                left = (key.expires - now).total_seconds() / 86400
                yield sample("key_days_left", left, system.name, key.fingerprint)


def measure_alerts(system: System, now: datetime) -> Iterator[Sample]:
    """As this host has told them."""
    book = read_book(system)
    for channel, count in book.delivered.items():
        yield sample("alert_delivered_total", count, system.name, channel)
    for channel, count in book.refused.items():
        yield sample("alert_refused_total", count, system.name, channel)
    if book.tested is not None:
        yield sample("alert_channels_confirmed", len(book.confirmed), system.name)
        yield sample("alert_test_age_seconds", (now - book.tested).total_seconds(), system.name)
