"""A full recovery that is killed at every moment of every step ends as one that is not."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from dr.evidence.journal import read_journal
from dr.evidence.journal_events import Event
from tests.scenarios.killings import BEGIN, DONE, END, EVERYWHERE, TASK, Killings, killings
from tests.scenarios.lost_host import AFTER, Host, LostHost
from tests.scenarios.machine import machine

MIDST = {"database": 1.0, "erase the forgotten": 0.3, "start data services": 0.2, "put Redis back": 0.1}
TASKS = ("ask the recovered system", "back the recovered system up", "see its WAL arrive", "conclude")
"""What is done anew by each process that comes so far."""
DEADLY = {**EVERYWHERE, DONE: ("restore files", "!restore *", "*"), TASK: TASKS}
"""Of what only fetches into a directory of this run, one when it was done: they are all of one kind, and take long."""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # many processes, one after the other


@dataclass(frozen=True, slots=True)
class Series:
    """How the processes ended, and what the journal says in the end."""

    host: Host
    killed: Killings
    events: tuple[Event, ...]


@pytest.fixture(scope="module")
def series(lost: LostHost) -> Iterator[Series]:
    """As many processes as there are moments, and one more."""
    with machine(lost.port) as there:
        host = lost.host("killed", there)

        def run(argv: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
            return there.run(*argv, environment=host.environment, seconds=1500)

        name = host.system.name
        killed = killings(run, "full_recovery", {"system": name, "confirm_name": name}, deadly=DEADLY, midst=MIDST)
        (journal,) = (host.state() / "procedures" / name).glob("full-recovery_*")
        yield Series(host, killed, read_journal(journal))


def test_it_was_killed_at_every_moment_of_every_step_and_brought_to_its_end(series: Series) -> None:
    """At its begin, when it was done and the journal did not know, and at its end; some also in their midst."""
    steps = {event.step for event in series.events if event.what == "end"}

    assert series.killed.status == 0, series.killed.said[-5000:]
    assert steps > {"plan", "restore files", "restore code", "lay config", "wait until healthy", "switch traffic"}
    assert steps > MIDST.keys()
    assert set(series.killed.steps(BEGIN)) == set(series.killed.steps(END)) == steps
    fetched = {step for step in steps if step.startswith("restore ")}
    assert set(series.killed.steps(DONE)) == (steps - fetched) | {"restore files"}
    assert series.killed.steps("midst") == tuple(MIDST)
    assert series.killed.steps(TASK) == TASKS
    assert series.events[-1].what == "close"
    assert sum(event.what == "open" for event in series.events) == len(series.killed.moments) + 1


def test_no_step_that_had_ended_was_done_again(series: Series) -> None:
    """Each ended once, and is not begun after that."""
    ended = Counter(event.step for event in series.events if event.what == "end")

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
    assert lost.leads_to() == AFTER
    production = lost.product.place.production
    assert not list(production.parent.glob(f".{production.name}*"))
    assert not list(production.parent.glob(f"{production.name}_wal*"))


def test_a_recovery_of_several_processes_is_timed_from_the_first(series: Series) -> None:
    """By the wall clock: what lay between them counts."""
    begun = series.events[0].at
    switched = next(event.at for event in series.events if (event.what, event.step) == ("end", "switch traffic"))

    assert series.killed.result["resumed"] is True
    assert series.killed.result["verdict"]["rto_seconds"] >= (switched - begun).total_seconds()
