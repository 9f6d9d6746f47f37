"""The way back from a recovery into production's own place: only what the last one has set aside takes its place again.

Which directory that is, the journals tell: a name beside production's proves nothing of what lies there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from dr.configuration.model import System
from dr.errors import TargetRefused
from dr.evidence.in_place import Undone
from dr.evidence.journal import read_journal, require_recent, supersede, unfinished
from dr.evidence.journal_events import Event, decoded_result
from dr.operations.database import exchange, place, serve
from dr.operations.database.exchange import Exchanged
from dr.operations.region.only_primary import refuse_beside_primary
from tasks import corruption
from tasks.corruption_course import each_time
from tasks.corruption_unfinished import EXCHANGE, FORGET, PROCEDURE, UNDO
from tasks.course import Course, place_of
from tasks.runner import task
from tasks.systems import load_system

BACK = "exchange the directories back"


@task(name="plan the way back", timeout_seconds=60)
def plan_undo(system: str, anew: bool = False) -> Undone:
    """Which directory would take production's place again."""
    settings = load_system(system)
    serve.database_service(settings)
    refuse_beside_primary(settings, place.data_directory(settings))
    return way_back(settings, anew=anew)


def way_back(system: System, *, anew: bool) -> Undone:
    """A way back that was cut off is gone on with; otherwise from the last exchange. Raises ``TargetRefused``."""
    data = str(place.data_directory(system))
    for directory, opened in () if anew else unfinished(place_of(system), UNDO, system.name):
        require_recent(directory)
        return Undone(data, opened.parameters["kept"])
    return Undone(data, str(last_set_aside(system)))


def last_set_aside(system: System) -> Path:
    """What the last exchange has set aside. Raises ``TargetRefused`` where there is nothing to go back to."""
    for moment, done in _exchanges(system):
        aside = place.place_at(system, moment).aside if done is None else Path(done.aside)
        if done is not None and not done.aside:
            raise TargetRefused(
                "there was no data directory before the last recovery, so none can be put back",
                detail=f"it began at {moment:%Y-%m-%d %H:%M:%S} UTC",
                hint=_beside(system),
            )
        if aside.is_dir():
            return aside
        if done is not None:
            raise TargetRefused(
                f"{aside}, which the last recovery has set aside, is not there",
                detail="it was put back already, or somebody has moved it; nothing was touched",
                hint=_beside(system),
            )
    raise TargetRefused(
        f"no journal of this host tells of a recovery that has set {place.data_directory(system)} aside",
        detail="nothing was touched",
        hint=_beside(system),
    )


def undo_course(system: str, wanted: Undone, steps: Course) -> Undone:
    """Stop, exchange, start, erase again.

    Recoveries that were cut off are closed first: gone on with, they would undo the undo.
    """
    settings = load_system(system)
    supersede(place_of(settings), PROCEDURE, settings.name, f"undone by {steps.journal.name}")
    begun = steps.step("begin", corruption.begin)
    identity = steps.step("look at what was set aside", look_at_kept, system, wanted.aside)
    if steps.journal.is_done(BACK):
        corruption.require_exchanged(system, identity)
    else:
        each_time(steps, "stop the application", corruption.stop_the_application, system)
        each_time(steps, "stop PostgreSQL", corruption.stop_postgresql, system)
    exchanged = steps.step(BACK, exchange_back, system, begun, wanted.aside, identity)
    each_time(steps, "start PostgreSQL", corruption.start_postgresql, system, "")
    # Whoever was forgotten by the database that is given up is in this one still.
    each_time(steps, FORGET, corruption.erase_meanwhile, system)
    each_time(steps, "start the application", corruption.start_the_application, system)
    each_time(steps, "wait until it is healthy", corruption.wait_for_health, system)
    return Undone(exchanged.data, wanted.aside, exchanged.aside)


@task(name="look at what was set aside", timeout_seconds=60)
def look_at_kept(system: str, kept: str) -> str:
    """Its identity: only this one takes production's place again."""
    directory = Path(kept)
    if not directory.is_dir():
        raise TargetRefused(f"{directory} is not there any more", hint=_beside(load_system(system)))
    return place.identity_of(directory)


@task(name=BACK, timeout_seconds=corruption.HOUR)
def exchange_back(system: str, begun: datetime, kept: str, identity: str) -> Exchanged:
    """What was set aside takes its place again; what took its place is kept too."""
    return exchange.exchange(place.place_to_undo(load_system(system), begun, Path(kept)), identity, carry=False)


def _exchanges(system: System) -> Iterator[tuple[datetime, Exchanged | None]]:
    """The moment that names each, and what it gave, the newest first; None: it began and did not end."""
    for directory in sorted(place_of(system).glob(f"{PROCEDURE}_*"), reverse=True):
        events = read_journal(directory)
        if not events or events[0].system != system.name:
            continue
        begun = _of(events, "end", "begin")
        if begun is None or _of(events, "begin", EXCHANGE) is None:
            continue
        done = _of(events, "end", EXCHANGE)
        yield decoded_result(begun, datetime), None if done is None else decoded_result(done, Exchanged)


def _of(events: tuple[Event, ...], what: str, step: str) -> Event | None:
    return next((event for event in events if event.what == what and event.step == step), None)


def _beside(system: System) -> str:
    """What lies there, for a person to choose from: nobody here knows what is in it."""
    data = place.data_directory(system)
    there = ", ".join(str(path) for path in place.set_aside(data)) or "none"
    return (
        f"Beside {data} lie: {there}. To put one of them back, stop the application and PostgreSQL, rename by hand,"
        " and start them."
    )
