"""The database as its clients need it: it answers, takes writes, and is the newest of its line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from dr.catalog.canary import Beat
from dr.catalog.expected import Expected
from dr.configuration.model import System
from dr.errors import StoreError
from dr.evidence.findings import Loss
from dr.operations.check_source import source_url
from dr.operations.measure_loss import last_position, measure_loss
from dr.operations.repositories import open_repository
from dr.operations.verify_recovery.asking import Question
from dr.policy.recovered_state import Finding, Said
from dr.postgres.connection import display_name
from dr.postgres.inspection import read_facts
from dr.postgres.questions import asking, last_beat, where_it_is, write_once
from dr.storage.wal_catalogue import WalCatalogue

_ANSWER_SECONDS = 10.0


@dataclass(slots=True)
class Seen:
    """What other parts of the verification want to know. ``loss`` None: no canary was found or asked for."""

    loss: Loss | None = None


def database_lane(system: System, expected: Expected | None, seen: Seen, seconds: float) -> tuple[Question, ...]:
    """In this order: the canary is read before a row of our own is the newest."""
    limit = min(_ANSWER_SECONDS, seconds)
    return (
        Question("database answers", limit, lambda: _answers(system, expected), Said.FAILED),
        Question("canary", limit, lambda: _canary(system, seen)),
        Question("database is writable", limit, lambda: _writable(system), Said.FAILED),
        Question("timeline", 2 * limit, lambda: _timeline(system, expected)),
    )


def _answers(system: System, expected: Expected | None) -> Iterator[Finding]:
    url = source_url(system)
    facts = read_facts(url, _ANSWER_SECONDS)
    told = f"{display_name(url)} is PostgreSQL {facts.version // 10000}, cluster {facts.system_identifier}"
    yield Finding("database answers", Said.PASSED, told)
    if expected is not None and expected.database and expected.database != facts.database:
        yield Finding(
            "database's name",
            Said.FAILED,
            f"this is {facts.database}, {expected.database} was recovered ({expected.origin})",
            "Correct the database in DATABASE_URL, or name the right expectation with --against.",
        )


def _canary(system: System, seen: Seen) -> Iterator[Finding]:
    with asking(source_url(system), _ANSWER_SECONDS) as connection:
        beat, now = last_beat(connection), where_it_is(connection).now
    if beat is None:
        yield _no_canary(system)
        return
    seen.loss = _loss(system, beat)
    age = (now - beat.committed_at).total_seconds()
    yield Finding(
        "canary",
        Said.PASSED,
        f"{beat.seq} of {beat.committed_at:%Y-%m-%d %H:%M:%S} UTC is the newest, {age:.0f} s old",
    )


def _loss(system: System, beat: Beat) -> Loss:
    """A row from after the one that is remembered may have been written since the recovery, as by the last verify."""
    known = last_position(system)
    if known is None or beat.committed_at <= known.committed_at:
        return measure_loss(system, beat, None, ended=datetime.now(UTC))
    told = f"not measured: canary {beat.seq} was written after {known.seq}, the last that this host remembers"
    return Loss(None, False, f"{told}, perhaps since the recovery, as a verification does", beat, known)


def _no_canary(system: System) -> Finding:
    known = last_position(system)
    if known is None:
        return Finding("canary", Said.NOT_ASKED, "this system has no canary: dr canary keeps one")
    return Finding(
        "canary",
        Said.FAILED,
        f"there is none, and row {known.seq} was committed at {known.committed_at:%Y-%m-%d %H:%M:%S} UTC",
        "See whether this is the right database, and whether the role may read dr_canary.",
    )


def _writable(system: System) -> Iterator[Finding]:
    with asking(source_url(system), _ANSWER_SECONDS) as connection:
        place = where_it_is(connection)
        if place.in_recovery:
            yield Finding(
                "database is writable",
                Said.FAILED,
                f"it is in recovery, and has replayed to {place.lsn}",
                "Where recovery has come to its end: SELECT pg_promote(); see the server's log otherwise.",
            )
            return
        beat = write_once(connection)
    yield Finding("database is writable", Said.PASSED, _written(beat))


def _written(beat: Beat | None) -> str:
    if beat is None:
        return "a message was committed to its WAL; the role may not write rows"
    return f"canary {beat.seq} was committed at {beat.committed_at:%H:%M:%S} UTC"


def _timeline(system: System, expected: Expected | None) -> Iterator[Finding]:
    with asking(source_url(system), _ANSWER_SECONDS) as connection:
        now = where_it_is(connection).timeline
    if now is None:
        return  # in recovery, which has been told
    cluster = read_facts(source_url(system), _ANSWER_SECONDS).system_identifier
    was = expected.timeline if expected is not None and expected.system_identifier == cluster else None
    newest = _newest_stored(system, cluster) if system.wal.method != "none" and system.postgres.physical else None
    if was is not None and now < was:
        detail = f"it writes timeline {now}, and {was} was there ({expected.origin if expected else ''})"
    elif newest is not None and now < newest:
        detail = f"it writes timeline {now}, and the stores have WAL of timeline {newest}"
    else:
        yield Finding("timeline", Said.PASSED, f"it writes timeline {now}" + (f", {was} was before" if was else ""))
        return
    yield Finding(
        "timeline",
        Said.FAILED,
        detail,
        "Another server was promoted after this one: find out which is the right one before anybody writes.",
    )


def _newest_stored(system: System, cluster: str) -> int | None:
    """Of the stores that answer; None where there is no WAL of this cluster."""
    repository = open_repository(system)
    catalogue = WalCatalogue(system.name, repository.stores.values())
    found: list[int] = []
    for name, store in repository.stores.items():
        try:
            record = repository.identify(store)
            if record is not None and record.system_identifier == cluster:
                found += [timeline for timeline, _ in catalogue.block_names(name)]
        except StoreError:
            continue  # the others tell, and the backup that follows names it
    return max(found, default=None)
