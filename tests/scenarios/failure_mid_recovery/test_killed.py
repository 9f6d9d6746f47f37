"""A full recovery that is killed at every moment of every step ends as one that is not.

With everything that stands around a host: what was made or told outside of it just before a process died costs money or
confuses people when the next one does it again.
"""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from dr.evidence.journal import read_journal
from dr.evidence.journal_events import Event
from tests.scenarios.forgotten import ERASED, person
from tests.scenarios.full_system_failure.recovered import Look, look
from tests.scenarios.killings import BEGIN, DONE, EFFECT, EFFECTS, END, EVERYWHERE, TASK, Killings, killings
from tests.scenarios.lost_host import AFTER, Host, LostHost
from tests.scenarios.machine import machine
from tests.scenarios.surroundings import NEW_SERVERS, TTL_SECONDS, made_by_terraform

MIDST = {
    "database": 1.0,
    "make network": 0.3,
    "erase the forgotten": 0.3,
    "start data services": 0.2,
    "put Redis back": 0.1,
    "switch traffic": 0.1,
}
TASKS = ("ask the recovered system", "back the recovered system up", "see its WAL arrive", "conclude")
"""What is done anew by each process that comes so far."""
SEEN_ANEW = ("see who is in charge", "see who is in charge now")
DEADLY = {**EVERYWHERE, DONE: ("restore files", "!restore *", "*"), TASK: TASKS, EFFECT: ("*",)}
"""Of what only fetches into a directory of this run, one when it was done: they are all of one kind, and take long."""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # many processes, one after the other


@dataclass(frozen=True, slots=True)
class Series:
    """How the processes ended, what the journal says in the end, what the providers say that is new, what Terraform
    has made, and what the database says of somebody who had asked to be forgotten.
    """

    host: Host
    killed: Killings
    events: tuple[Event, ...]
    new: Look
    made: dict[str, list[str]]
    person: dict[str, Any]


@pytest.fixture(scope="module")
def series(lost: LostHost) -> Iterator[Series]:
    """As many processes as there are moments, and one more."""
    around, procedures = lost.around, lost.product.system.procedures
    with machine(lost.port, *around.ports) as there:
        host = lost.host("killed", there, **around.led_by_amazon(procedures.dns, procedures.recovery))
        before = look(lost)
        around.lose_the_region()

        def run(argv: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
            return there.run(*argv, environment=host.environment, seconds=1500)

        name = host.system.name
        killed = killings(run, "full_recovery", {"system": name, "confirm_name": name}, deadly=DEADLY, midst=MIDST)
        (journal,) = (host.state() / "procedures" / name).glob("full-recovery_*")
        yield Series(
            host=host,
            killed=killed,
            events=read_journal(journal),
            new=look(lost).since(before),
            made=made_by_terraform(host.state()) if around.code is not None else {},
            person=host.here(person, lost.product.superuser_url),
        )


def without_terraform(lost: LostHost, steps: Iterable[str]) -> set[str]:
    """Of these, what there is where none is installed."""
    return {step for step in steps if lost.around.code is not None or step not in ("make network", "apply._apply")}


def test_it_was_killed_at_every_moment_of_every_step_and_brought_to_its_end(series: Series, lost: LostHost) -> None:
    """At its begin, when it was done and the journal did not know, and at its end; some also in their midst, and when
    somebody outside had done what he was asked for.
    """
    steps = {event.step for event in series.events if event.what == "end"}

    assert series.killed.status == 0, series.killed.said[-5000:]
    assert steps > {"plan", "restore files", "restore code", "lay config", "wait until healthy", "switch traffic"}
    assert steps > {"launch images", *without_terraform(lost, ("push states", "plan network", "make network"))}
    assert set(series.killed.steps(BEGIN)) == set(series.killed.steps(END)) == steps
    fetched = {step for step in steps if step.startswith("restore ")}
    assert set(series.killed.steps(DONE)) == (steps - fetched) | {"restore files"}
    assert set(series.killed.steps("midst")) == without_terraform(lost, MIDST)
    outside = {".".join(place.rsplit(".", 2)[1:]) for place in EFFECTS}
    assert set(series.killed.steps(EFFECT)) == without_terraform(lost, outside)
    assert series.killed.steps(TASK) == TASKS
    assert series.events[-1].what == "close"
    assert sum(event.what == "open" for event in series.events) == len(series.killed.moments) + 1


def test_no_step_that_had_ended_was_done_again(series: Series) -> None:
    """Each ended once, and is not begun after that; only what was seen may not hold any more, and is seen anew."""
    ended = Counter(event.step for event in series.events if event.what == "end" and event.step not in SEEN_ANEW)

    assert set(ended.values()) == {1}
    for step in ended:
        place = next(i for i, event in enumerate(series.events) if (event.what, event.step) == ("end", step))
        assert not any(event.step == step for event in series.events[place + 1 :])


def test_it_ends_as_one_that_was_never_killed(series: Series, lost: LostHost) -> None:
    """Every order that was shipped, every part as it was, the name leading here, and nothing of ours lying about."""
    missing = series.host.missing()
    there = [order for order in lost.acknowledged if order not in missing]
    problems = {kind: found.problems for kind, found in series.host.compared().items()}

    assert len(there) >= lost.shipped
    assert problems == dict.fromkeys(problems, ())
    assert series.person == ERASED
    assert series.new.name == (AFTER, 60)
    assert series.new.targets == dict.fromkeys(NEW_SERVERS, "healthy")
    production = lost.product.place.production
    assert not list(production.parent.glob(f".{production.name}*"))
    assert not list(production.parent.glob(f"{production.name}_wal*"))


def test_nothing_outside_was_made_twice(series: Series, lost: LostHost) -> None:
    """One server for one, the network of before and the servers of a disaster, one invalidation: each costs money."""
    (server,) = series.new.launched
    notes = series.killed.result["notes"]

    assert server["State"]["Name"] == "running"
    assert any(server["InstanceId"] in note for note in notes)
    assert [(state.lower(), paths) for state, paths in series.new.invalidations] == [("completed", ("/*",))]
    if lost.around.code is not None:
        assert series.made == {"network": ["10.0.8.0/24"], "server": list(NEW_SERVERS)}
        assert any("made, the others by a run that was cut off" in note for note in notes), notes


def test_people_read_once_that_it_is_worked_on_and_once_that_it_is_over(series: Series) -> None:
    """Whoever goes on after they were led here does not tell them that all is lost again."""
    (incident,) = series.new.incidents

    assert [update["status"] for update in incident["incident_updates"]] == ["resolved", "identified"]


def test_a_recovery_of_several_processes_is_timed_from_the_first(series: Series) -> None:
    """By the wall clock: what lay between them counts, until people are led here; nobody waited for what came after."""
    begun = series.events[0].at
    switched = next(event.at for event in series.events if (event.what, event.step) == ("end", "switch traffic"))

    assert series.killed.result["resumed"] is True
    taken = (switched - begun).total_seconds() + TTL_SECONDS
    assert series.killed.result["verdict"]["rto_seconds"] == pytest.approx(taken)
