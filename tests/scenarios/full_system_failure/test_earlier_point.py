"""To an earlier moment than the newest, and led there although verification says no: by name, and on the record.

Somebody wants the system as it was before a certain time. The recovery point of then has no certificates; so what comes
back is not whole, nobody is led there by itself, and a person decides.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.scenarios.forgotten import ERASED, person
from tests.scenarios.lost_host import Host, LostHost
from tests.scenarios.machine import machine
from tests.scenarios.surroundings import AFTER, BEFORE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@dataclass(frozen=True, slots=True)
class Earlier:
    """What the plans say by what was typed, and how two runs ended: without ``--switch-anyway``, and with it.

    ``led`` is where the name led after each; ``incident`` is the record of both, ``person`` what
    the database says of somebody who asked to be forgotten after that moment.
    """

    host: Host
    plans: dict[str, dict[str, Any]]
    held: dict[str, Any]
    answer: dict[str, Any]
    led: tuple[str, str]
    incident: dict[str, Any]
    person: dict[str, Any]


@pytest.fixture(scope="module")
def earlier(lost: LostHost) -> Iterator[Earlier]:
    """Planned in several ways, recovered in one."""
    before = ("--before", f"{lost.earlier.at:%Y-%m-%dT%H:%M:%S.%fZ}")
    wishes = {"before, to newest": (*before, "--to-newest"), "named": (lost.earlier.label,)}
    with machine(lost.port) as there:
        host = lost.host("earlier", there)
        plans = {name: _planned(host, words) for name, words in wishes.items()}
        held = host.recover(*before, code=15)
        led = lost.leads_to()
        answer = host.recover(*before, "--switch-anyway")
        shown = host.dr("incident", "status")
        assert shown.returncode == 0, shown.stderr
        plans["before"] = answer["plan"]
        forgotten = host.here(person, lost.product.superuser_url)
        yield Earlier(host, plans, held, answer, (led, lost.leads_to()), json.loads(shown.stdout), forgotten)


def _planned(host: Host, words: tuple[str, ...]) -> dict[str, Any]:
    ended = host.dr("full-recovery", *words, "--dry-run")
    assert ended.returncode == 0, ended.stderr
    plan = json.loads(ended.stdout)["plan"]
    assert isinstance(plan, dict)
    return plan


def test_each_wish_says_in_the_plan_which_point_and_up_to_where(earlier: Earlier, lost: LostHost) -> None:
    """Whoever names a moment or a point has the database stop there, unless told otherwise."""
    points = {name: plan["point"] for name, plan in earlier.plans.items()}
    until = {name: plan["database"]["until"]["kind"] for name, plan in earlier.plans.items()}
    first = lost.earlier.label

    assert points == {"before": first, "before, to newest": first, "named": first}
    assert until == {"before": "lsn", "before, to newest": "time", "named": "lsn"}
    assert "as was asked for" in earlier.plans["before, to newest"]["database"]["choice"]


def test_nothing_that_came_after_the_moment_is_there(earlier: Earlier, lost: LostHost) -> None:
    """Every order that was acknowledged before the recovery point is, although the WAL has many later ones."""
    there = earlier.host.there()

    assert 0 < lost.earlier.before <= len(there)
    assert lost.earlier.fits(lost.acknowledged, there)
    assert earlier.answer["outcome"]["point"] == lost.earlier.label


@pytest.mark.incident("I32")
def test_who_asked_to_be_forgotten_after_that_moment_is_forgotten_all_the_same(earlier: Earlier) -> None:
    """Neither the backup nor the WAL up to there knows of it: the ledger's copy in the bucket does."""
    assert earlier.person == ERASED
    assert any("1 people erased again" in note for note in earlier.answer["outcome"]["notes"])


def test_what_does_not_pass_verification_leads_nobody_there(earlier: Earlier) -> None:
    """Exit code 15, with what is not as it should be, and the option that decides otherwise."""
    error = earlier.held["error"]

    assert earlier.led[0] == BEFORE
    assert "certificate" in error["detail"]
    assert "--switch-anyway" in error["hint"]


def test_whoever_decides_otherwise_is_obeyed_and_it_is_written_down(earlier: Earlier) -> None:
    """The same run goes on: nothing is restored again. The incident has the decision with its reasons."""
    decisions = [entry for entry in earlier.incident["entries"] if "traffic is switched although" in str(entry)]

    assert earlier.led[1] == AFTER
    assert earlier.answer["outcome"]["resumed"]
    assert earlier.answer["outcome"]["switched"]
    assert len(decisions) == 1
    assert "certificate" in str(decisions[0])


def test_it_does_not_pass_for_verified_because_people_are_led_there(earlier: Earlier) -> None:
    """What was against it stands in the report, and what is left to do on the list."""
    outcome = earlier.answer["outcome"]

    assert outcome["blocked"]
    assert outcome["verified"] != "recovered"
    assert outcome["todo"]
