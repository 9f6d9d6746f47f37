"""Several things that were seen of one part of the product make one observation of it. Pure.

An application has several addresses; why PostgreSQL does not answer is told by its service and its log. Counted one by
one they would look like several services that fail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dr.policy.observation import Condition, Observation, Sign, Subject


def fold(
    seen: Sequence[Observation], database_service: str | None, redis_service: str | None
) -> tuple[Observation, ...]:
    """One of the database, of Redis and of the application each; everything else as it is, in the screen's order."""
    services = {item.name: item for item in seen if item.subject is Subject.SERVICE}
    database = _with_service(_main(seen, Subject.DATABASE), services.get(database_service or ""))
    evidence = [item for item in seen if item.sign is Sign.CORRUPT and item is not database]
    if database is not None and evidence and database.sign is not Sign.CORRUPT:
        told = "; ".join((database.detail, *(item.detail for item in evidence)))
        word = f"{database.shown}, DAMAGED"
        worse = max(database.condition, Condition.IMPAIRED, key=lambda condition: condition.rank)
        database = replace(database, condition=worse, shown=word, detail=told, sign=Sign.CORRUPT)
    redis = _with_service(_main(seen, Subject.REDIS), services.get(redis_service or ""))
    addresses = [item for item in seen if item.subject is Subject.APPLICATION]
    own = {database_service if database is not None else None, redis_service if redis is not None else None}
    others = [
        item
        for item in seen
        if item.subject not in (Subject.DATABASE, Subject.REDIS, Subject.APPLICATION)
        and not (item.subject is Subject.SERVICE and item.name in own)
    ]
    parts = [database, redis, _application(addresses)]
    everything = [*(item for item in parts if item is not None), *others]
    order = list(Subject)
    return tuple(sorted(everything, key=lambda one: (order.index(one.subject), -one.condition.rank, -one.figure)))


def _main(seen: Sequence[Observation], subject: Subject) -> Observation | None:
    """The one that the subject itself answered; without it, whatever there is of it."""
    found = [item for item in seen if item.subject is subject]
    return next((item for item in found if not item.name), found[0] if found else None)


def _with_service(part: Observation | None, service: Observation | None) -> Observation | None:
    if part is None or service is None or part.condition in (Condition.OK, Condition.ABSENT):
        return part
    return replace(part, detail=f"{part.detail}; its service {service.name} is {service.shown.lower()}")


def _application(addresses: Sequence[Observation]) -> Observation | None:
    """It works when all of its addresses do; it is offline when none of them answers at all."""
    if not addresses:
        return None
    worst = max(addresses, key=lambda item: item.condition.rank)
    bad = [item for item in addresses if item.condition is not Condition.OK]
    detail = "; ".join(item.detail for item in bad or addresses)
    if worst.condition.offline and any(not item.condition.offline for item in addresses):
        return replace(worst, condition=Condition.IMPAIRED, shown="UNHEALTHY", detail=detail, name="")
    return replace(worst, detail=detail, name="")
