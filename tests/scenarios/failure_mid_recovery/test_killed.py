"""A full recovery that is killed at the begin, in the midst and at the end of each step ends as one that is not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from dr.evidence.journal import read_journal
from dr.evidence.journal_events import Event
from tests.scenarios.lost_host import AFTER, Host, LostHost
from tests.scenarios.machine import machine

_KILLED = -9
EVENTS = (
    "end plan",
    "begin database+0.4",
    "begin database+1.2",
    "end database",
    "begin lay files",
    "end lay files",
    "begin erase the forgotten+0.3",
    "end erase the forgotten",
    "begin start data services+0.2",
    "end start data services",
    "begin put Redis back+0.15",
    "end put Redis back",
    "begin start the application+0.1",
    "end wait until healthy",
    "begin switch traffic",
    "end switch traffic",
)
"""In the order in which they come, or a run would not meet its own: of parts that go on at once there is only one."""
pytestmark = pytest.mark.timeout(900)  # many processes, one after the other


@dataclass(frozen=True, slots=True)
class Series:
    """How each process ended, and what the journal says in the end."""

    host: Host
    codes: list[tuple[str, int]]
    events: tuple[Event, ...]
    achieved: dict[str, object]
    told: str


@pytest.fixture(scope="module")
def series(lost: LostHost) -> Iterator[Series]:
    """As many processes as there are events, and one more."""
    with machine(lost.port) as there:
        host = lost.host("killed", there)
        program = (sys.executable, "-m", "tests.scenarios.failure_mid_recovery.killed_series", host.system.name)
        ended: subprocess.CompletedProcess[str] = there.run(
            *program, *EVENTS, environment=host.environment, seconds=800
        )
        assert ended.returncode == 0, ended.stderr[-3000:]
        found = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith('{"event"')]
        (journal,) = (host.state() / "procedures" / host.system.name).glob("full-recovery_*")
        codes = [(str(item["event"]), int(item["code"])) for item in found]
        outcomes = (json.loads(line) for line in ended.stdout.splitlines() if line.startswith('{"outcome"'))
        achieved: dict[str, object] = next(outcomes, {})
        yield Series(host, codes, read_journal(journal), achieved, ended.stderr)


@pytest.mark.slow
def test_each_process_died_where_it_was_to_and_the_last_one_brought_it_to_its_end(series: Series) -> None:
    """What dies some time into a step may have been faster than that: then the next one dies in its place or later."""
    exact = {event: code for event, code in series.codes if "+" not in event}
    last = exact.pop("")

    assert exact == dict.fromkeys(exact, _KILLED), series.told[-3000:]
    assert last == 0, series.told[-5000:]
    assert series.events[-1].what == "close"
    assert sum(event.what == "open" for event in series.events) == len(EVENTS) + 1


@pytest.mark.slow
def test_no_step_that_had_ended_was_done_again(series: Series) -> None:
    """Each ended once, and is not begun after that."""
    ended = Counter(event.step for event in series.events if event.what == "end")

    assert set(ended.values()) == {1}
    for step in ended:
        place = next(i for i, event in enumerate(series.events) if (event.what, event.step) == ("end", step))
        assert not any(event.step == step for event in series.events[place + 1 :])


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_recovery_of_several_processes_is_timed_from_the_first(series: Series) -> None:
    """By the wall clock: what lay between them counts."""
    begun = series.events[0].at
    switched = next(event.at for event in series.events if (event.what, event.step) == ("end", "switch traffic"))

    assert series.achieved["resumed"] is True
    assert float(str(series.achieved["rto_seconds"])) >= (switched - begun).total_seconds()
