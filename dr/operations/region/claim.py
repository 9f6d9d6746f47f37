"""Claim a timeline before a server is promoted to it: of two that are to be promoted, one is refused.

The claim is an object that is created exclusively in every store that answers. Where the stores are cut off from each
other it proves nothing, so it stands beside the fence, never in its place.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from dr.catalog.labels import promotion_key
from dr.configuration.model import System
from dr.errors import NotFenced, ObjectMissing, StoreError
from dr.operations.repositories import open_repository
from dr.storage.protocol import ConditionalWritesMissing, Store


@dataclass(frozen=True, slots=True)
class TimelineClaim:
    """Which server is to be promoted to ``timeline``; ``by`` is the procedure and its host, for people."""

    timeline: int
    server: str
    system_identifier: str
    by: str
    at: datetime


def claim_timeline(system: System, timeline: int, server: str, system_identifier: str, run: str) -> tuple[str, ...]:
    """Claim it in every store that answers; their names. The same server may claim again.

    Raises ``NotFenced`` when another server has the timeline in any store, and the first StoreError when none answers.
    """
    mine = TimelineClaim(timeline, server, system_identifier, f"{run} on {socket.gethostname()}", datetime.now(UTC))
    claimed: list[str] = []
    failures: list[StoreError] = []
    for store in open_repository(system).stores.values():
        try:
            theirs = _claim(store, system.name, mine)
        except StoreError as error:
            failures.append(error)
            continue
        if theirs is not None and theirs.server != server:
            raise NotFenced(
                f"timeline {timeline} belongs to {theirs.server}, which was to be promoted before",
                f"claimed by {theirs.by} at {theirs.at:%Y-%m-%d %H:%M:%S} UTC, in store {store.name}",
                "See which of the two is in charge. If that promotion never happened and never will, delete "
                f"{promotion_key(system.name, timeline)} in every store and run this again.",
            )
        claimed.append(store.name)
    if not claimed and failures:
        raise failures[0]
    return tuple(claimed)


def claimant(system: System, timeline: int, server: str) -> str:
    """Which other server has claimed a timeline; empty when none has, as far as the stores answer."""
    for claim in _claims(system, timeline):
        if claim.server != server:
            return f"{claim.server} ({claim.by}, {claim.at:%Y-%m-%d %H:%M:%S} UTC)"
    return ""


def _claims(system: System, timeline: int) -> Iterator[TimelineClaim]:
    for store in open_repository(system).stores.values():
        try:
            yield _read(store, promotion_key(system.name, timeline))
        except StoreError:
            continue  # the witnesses tell which stores do not answer


def _claim(store: Store, system: str, mine: TimelineClaim) -> TimelineClaim | None:
    """What there was already; None when it is ours now."""
    key, data = promotion_key(system, mine.timeline), msgspec.json.encode(mine)
    try:
        return None if store.create(key, data) else _read(store, key)
    except ConditionalWritesMissing:
        try:
            return _read(store, key)
        except ObjectMissing:
            store.put_bytes(key, data)
            return None


def _read(store: Store, key: str) -> TimelineClaim:
    try:
        return msgspec.json.decode(store.read_bytes(key), type=TimelineClaim)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise StoreError(
            f"the claim {key} in store {store.name} cannot be read", str(error), "See who wrote it, and remove it."
        ) from error
