"""Whether the next base backup is full or incremental, and why. Pure: the time is an argument.

An incremental one is smaller and quicker, and worth nothing without every one before it. So it is made only on a chain
that is whole and proven, not too long and not too old; everything else leads to a full one, never to a failure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from dr.catalog.labels import Label, Method

FIRST_MAJOR = 17
JITTER = timedelta(hours=1)
"""A weekly full made at 02:00:05 is a week old on the day, even if this run began at 02:00:03; and of two backups made
within one second the later has a label that lies a little ahead."""


class BaseMethod(StrEnum):
    """What is asked for: let the rule decide, a full one, or an incremental one and nothing else."""

    AUTO = "auto"
    FULL = "full"
    INCREMENTAL = "incremental"


@dataclass(frozen=True, slots=True)
class SourceServer:
    """The server as it is now. ``version`` is ``server_version_num``."""

    version: int
    system_identifier: str
    timeline: int
    summarize_wal: bool

    @property
    def major(self) -> int:
        return self.version // 10000


@dataclass(frozen=True, slots=True)
class ParentChain:
    """The newest base backup and all it needs, oldest first. ``broken`` says why nothing can be built on it."""

    labels: tuple[Label, ...]
    system_identifier: str
    timeline: int | None
    server_major: int
    broken: str = ""

    @property
    def full(self) -> Label:
        return self.labels[0]

    @property
    def newest(self) -> Label:
        return self.labels[-1]

    @property
    def increments(self) -> int:
        return len(self.labels) - 1


@dataclass(frozen=True, slots=True)
class ChainRule:
    """A full one every ``full_days``, and at most ``max_chain`` incremental ones between two of them."""

    full_days: int
    max_chain: int


@dataclass(frozen=True, slots=True)
class Choice:
    """What is made and the reason in words. ``parent`` is None for a full one."""

    method: Method
    reason: str
    parent: Label | None = None


def choose_method(server: SourceServer, chain: ParentChain | None, rule: ChainRule, now: datetime) -> Choice:
    """Full unless nothing speaks against an incremental one."""
    against = _against(server, chain, rule, now)
    if chain is None or against:
        return full(against)
    age = now - chain.full.created
    words = f"number {chain.increments + 1} of at most {rule.max_chain} on {chain.full}, which is {_days(age)} old"
    return Choice(Method.INCREMENTAL, words, chain.newest)


def full(reason: str) -> Choice:
    """A full one, and why."""
    return Choice(Method.FULL, reason)


def _against(server: SourceServer, chain: ParentChain | None, rule: ChainRule, now: datetime) -> str:
    """The first thing that speaks against an incremental one; empty when nothing does."""
    if server.major < FIRST_MAJOR:
        return f"PostgreSQL {server.major} makes only full ones; incremental ones need {FIRST_MAJOR}"
    if not server.summarize_wal:
        return "summarize_wal is off on the server"
    if chain is None:
        return "there is no earlier base backup"
    return _wrong_cluster(server, chain) or _worn_out(chain, rule, now)


def _wrong_cluster(server: SourceServer, chain: ParentChain) -> str:
    if chain.system_identifier != server.system_identifier:
        return f"{chain.newest} is of another cluster, system identifier {chain.system_identifier}"
    if chain.server_major != server.major:
        return f"{chain.newest} was made of PostgreSQL {chain.server_major}, the server is {server.major} now"
    if chain.timeline != server.timeline:
        return f"{chain.newest} is of timeline {chain.timeline}, the server is on {server.timeline} now"
    return ""


def _worn_out(chain: ParentChain, rule: ChainRule, now: datetime) -> str:
    if chain.newest.created > now + JITTER:
        return f"the label of {chain.newest} lies in the future"
    if chain.broken:
        return chain.broken
    if now - chain.full.created >= timedelta(days=rule.full_days) - JITTER:
        return f"{chain.full} is {_days(now - chain.full.created)} old, and a full one is due every {rule.full_days}"
    if chain.increments >= rule.max_chain:
        return f"{chain.increments} incremental ones hang on {chain.full} already"
    return ""


def _days(age: timedelta) -> str:
    return f"{age / timedelta(days=1):.1f} days"
