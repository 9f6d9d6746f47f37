"""Who claims a lease: the records in the store, and which of them are alive by the store's own clock."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

import msgspec

from dr.errors import LeaseHeld, ObjectMissing, StoreError
from dr.pipeline.process_table import boot, process_begun
from dr.storage.protocol import Store, StoredObject

LONGEST_TTL = timedelta(hours=24)
RESOLUTION = timedelta(seconds=2)
"""S3 gives times in whole seconds: a lease is only called expired when it is so by more than their rounding."""

_NAME = re.compile(r"(\d{8})(?:\.([0-9a-f]{16}))?\.json")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who is at work: shown to whoever is refused.

    ``place`` is the boot and the pid namespace in which ``pid``, begun at ``begun``, means that one process: who looks
    from the same place can tell that it is dead. Empty where the kernel does not say.
    """

    host: str
    pid: int
    run: str
    verb: str
    place: str = ""
    begun: str = ""

    @classmethod
    def here(cls, run: str, verb: str) -> Self:
        """This process on this host."""
        place = _place()
        begun = (process_begun(os.getpid()) if place else "") or ""
        return cls(socket.gethostname(), os.getpid(), run, verb, place if begun else "", begun)

    @property
    def is_dead(self) -> bool:
        """True only where that is certain; False says nothing."""
        if not self.place or self.place != _place():
            return False
        begun = process_begun(self.pid)
        return _is_gone(self.pid) if begun is None else begun != self.begun

    def __str__(self) -> str:
        return f"{self.verb} run {self.run} (host {self.host}, process {self.pid})"


def _is_gone(pid: int) -> bool:
    """Asked of the kernel itself, which says so of hidden ones too."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _place() -> str:
    booted = boot()
    try:
        return f"{booted} {Path('/proc/self/ns/pid').stat().st_ino}" if booted else ""
    except OSError:
        return ""


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """What a lease object says. ``begin`` and ``expires`` are by the holder's clock and for people only."""

    holder: Holder
    token: str
    begin: datetime
    expires: datetime
    ttl_seconds: float
    released: bool = False


# Made before there are threads: of two that meet a type for the first time, one sees it half built and dies (SIGSEGV).
_decoder = msgspec.json.Decoder(LeaseRecord)


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A claim's place in the order: the later generation has the lease, within one the lowest token."""

    generation: int
    token: str = ""

    def key(self, prefix: str) -> str:
        """The object's key; with a token where generations cannot be created exclusively."""
        return f"{prefix}{self.generation:08d}{'.' if self.token else ''}{self.token}.json"

    @classmethod
    def parse(cls, name: str) -> Self | None:
        match = _NAME.fullmatch(name)
        return cls(int(match[1]), match[2] or "") if match else None


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim as the store has it. ``alive``: neither released nor, by the store's clock, expired, nor surely dead."""

    position: Position
    record: LeaseRecord
    alive: bool
    age: timedelta


def to_json(record: LeaseRecord) -> bytes:
    """The record as it is stored."""
    return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"


def positions(store: Store, prefix: str) -> dict[Position, StoredObject]:
    """Every claim's place and object, released and expired ones included, lowest first."""
    found = {Position.parse(entry.key.removeprefix(prefix)): entry for entry in store.list(prefix)}
    return {position: found[position] for position in sorted(filter(None, found))}


@dataclass(frozen=True, slots=True)
class Survey:
    """One look at the store: the claims that could still matter, lowest first, and the last generation of all."""

    claims: tuple[Claim, ...]
    last_generation: int

    @property
    def alive(self) -> tuple[Claim, ...]:
        return tuple(claim for claim in self.claims if claim.alive)

    def without(self, record: LeaseRecord) -> Survey:
        """The same without a claim of our own."""
        claims = tuple(claim for claim in self.claims if claim.record.token != record.token)
        return Survey(claims, self.last_generation)


def survey(store: Store, prefix: str) -> Survey:
    """Look at all claims and judge who is alive."""
    seen = _judge(store, prefix, None)
    if not seen.alive:
        return seen
    # The time is read before the claims: one that is renewed in between then looks young, never old.
    return _judge(store, prefix, _store_time(store, prefix))


def held_by(store: Store, prefix: str, claim: Claim) -> LeaseHeld:
    """The refusal that names who holds the lease."""
    record = claim.record
    left = timedelta(seconds=record.ttl_seconds) + RESOLUTION - claim.age
    return LeaseHeld(
        f"{prefix.rstrip('/')} is held by {record.holder}",
        f"in store {store.name} since {record.begin:%Y-%m-%d %H:%M:%S} UTC, "
        f"renewed {claim.age.total_seconds():.0f} s ago, expires {record.expires:%H:%M:%S} unless renewed",
        f"Wait until it ends. If it or its host has died, the lease is free in {max(0.0, left.total_seconds()):.0f} s.",
    )


def _judge(store: Store, prefix: str, clock: datetime | None) -> Survey:
    """Read the claims; without a ``clock`` everything that is not released counts as alive."""
    found = positions(store, prefix)
    newest = max((entry.modified for entry in found.values()), default=None)
    claims = []
    for position, entry in found.items():
        # Where old claims may not be deleted they pile up: those surely expired are not read.
        if newest is None or newest - entry.modified > LONGEST_TTL:
            continue
        record = _read(store, entry.key)
        if record is not None:
            age = max(timedelta(0), clock - entry.modified) if clock else timedelta(0)
            expired = age > timedelta(seconds=record.ttl_seconds) + RESOLUTION
            over = record.released or expired or record.holder.is_dead
            claims.append(Claim(position, record, not over, age))
    return Survey(tuple(claims), max((position.generation for position in found), default=0))


def _read(store: Store, key: str) -> LeaseRecord | None:
    try:
        return _decoder.decode(store.read_bytes(key))
    except ObjectMissing:
        return None  # a new holder has just tidied up
    except msgspec.DecodeError as error:
        raise StoreError(
            f"a lease in store {store.name} cannot be read",
            f"{key}: {error}",
            "If no run is at work on this system, delete that object.",
        ) from error


def _store_time(store: Store, prefix: str) -> datetime:
    """The store's own time, read off an object written just now."""
    key = f"{prefix}clock"
    store.put_bytes(key, b"")
    return store.head(key).modified
