"""Certificates and keys that end, and what this host has told people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from dr.catalog.labels import Kind
from dr.configuration.model import System
from dr.crypto.gnupg import opened
from dr.errors import KeyUnusable
from dr.operations.alert.book import read_book
from dr.operations.certificate_states import certificate_states
from dr.operations.repositories import open_repository
from dr.policy.metric import Sample, sample

CERTIFICATES = ("certificate_days_left",)
KEYS = ("key_days_left", "key_age_days", "key_usable", "key_rotation_pending")
ALERTS = (
    "alert_waiting",
    "alert_delivered_total",
    "alert_refused_total",
)


def measure_certificates(system: System, now: datetime) -> Iterator[Sample]:
    """One that cannot be read counts as ended."""
    for state in certificate_states(system, now):
        left = -1 if state.not_after is None else _days(state.not_after - now)
        yield sample("certificate_days_left", left, system.name, state.name)


def measure_keys(system: System, now: datetime) -> Iterator[Sample]:
    """Ages and ends of the keys that are configured, and whether backups follow them.

    Keys that never end have no days left. A rotation is over when the newest backup of each kind is encrypted to all
    of the keys that are configured and to no other.
    """
    if not system.encryption.recipients:
        return
    try:
        with opened(system.encryption) as cipher:
            keys = cipher.recipients
    except KeyUnusable:
        yield sample("key_usable", 0, system.name)
        return
    yield sample("key_usable", 1, system.name)
    for key in keys:
        if key.expires is not None:
            yield sample("key_days_left", _days(key.expires - now), system.name, key.fingerprint)
        if key.made is not None:
            yield sample("key_age_days", _days(now - key.made), system.name, key.fingerprint)
    wanted = {key.fingerprint for key in keys}
    repository = open_repository(system)
    names = repository.names()
    there = {label.kind for label in names.all(Kind)}
    names.raise_if_none_answered()
    for kind in sorted(there):
        newest = next(iter(repository.newest_first([kind])), None)
        if newest is not None and newest.manifest.encryption is not None:
            pending = set(newest.manifest.encryption.fingerprints) != wanted
            yield sample("key_rotation_pending", pending, system.name, str(kind))


def _days(span: timedelta) -> float:
    return span.total_seconds() / 86400


def measure_alerts(system: System, now: datetime) -> Iterator[Sample]:
    """As this host has told them."""
    book = read_book(system)
    yield sample("alert_waiting", len(book.waiting), system.name)
    for channel, count in book.delivered.items():
        yield sample("alert_delivered_total", count, system.name, channel)
    for channel, count in book.refused.items():
        yield sample("alert_refused_total", count, system.name, channel)
