"""A recovery that was cut off is gone on with while it is of today, and never when it belongs to another disaster."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from dr.catalog.labels import Kind
from dr.catalog.lsn import Lsn
from dr.configuration.model import EncryptionSettings, PostgresSettings, System
from dr.errors import TargetRefused
from dr.evidence.journal import Opening, open_journal
from dr.operations.database.plan_in_place import InPlace
from dr.policy.last_good import Asked, Trial
from dr.policy.recovery_plan import RecoveryPlan
from dr.policy.recovery_target import RecoveryTarget, TargetKind
from dr.secret import Secret
from tasks.corruption import Settled
from tasks.corruption_course import PROCEDURE, require_recent, with_unfinished
from tasks.course import place_of

NOW = datetime(2026, 1, 31, 2, tzinfo=UTC)
WANTED = InPlace("latest", RecoveryTarget())
PLAN = RecoveryPlan("base", Kind.BASE, "", "", (), 0, "", True, (), ())


@pytest.fixture
def system(tmp_path: Path) -> System:
    """A system of which a run was cut off after its copy was made, at ``NOW``."""
    made = System(
        "shop", PostgresSettings(Secret("postgresql:///shop")), (), EncryptionSettings(), state_directory=tmp_path
    )
    opening = Opening(PROCEDURE, made.name, WANTED.parameters)
    with time_machine.travel(NOW, tick=False), open_journal(place_of(made), opening, run="1") as journal:
        journal.do("stop the application", lambda: 1, int)
        journal.do("restore", lambda: 2, int)
    return made


def test_the_plan_says_what_was_done_already(system: System) -> None:
    """Whoever agrees agrees to go on."""
    said = with_unfinished(system, WANTED, PLAN, anew=False).warnings[0]

    assert "2026-01-31 02:00:00 UTC" in said
    assert "stop the application, restore" in said
    assert with_unfinished(system, WANTED, PLAN, anew=True) == PLAN


def test_a_run_of_another_day_is_never_gone_on_with(system: System) -> None:
    """Its copy would take all that was written since with it."""
    with time_machine.travel(NOW + timedelta(hours=23), tick=False):
        require_recent(system, WANTED, anew=False)
    with time_machine.travel(NOW + timedelta(hours=25), tick=False):
        require_recent(system, WANTED, anew=True)
        with pytest.raises(TargetRefused, match="never finished") as caught:
            require_recent(system, WANTED, anew=False)

    assert "--anew" in caught.value.hint


def test_another_wish_is_another_run(system: System) -> None:
    """What was restored for the newest WAL is not what a moment asks for."""
    other = replace(WANTED, search=True)

    assert with_unfinished(system, other, PLAN, anew=False) == PLAN
    require_recent(system, other, anew=False)


@pytest.mark.parametrize(
    "until",
    [
        RecoveryTarget(),
        RecoveryTarget(TargetKind.LSN, lsn=Lsn.parse("1/2A"), inclusive=False),
        RecoveryTarget(TargetKind.TIME, time=NOW, timeline=3),
    ],
)
def test_what_a_search_was_answered_comes_back_from_the_journal(system: System, until: RecoveryTarget) -> None:
    """A search that was cut off goes on from there: each trial is a whole recovery."""
    asked = Asked(Trial("base_20260131_020000_full", until), good=False, said="3 rows")
    settled = Settled("base_20260131_020000_full", until, "7001", ("found",))
    with open_journal(place_of(system), Opening("search", system.name), run="1") as journal:
        journal.do("ask", lambda: asked, Asked)
        journal.do("choose", lambda: settled, Settled)

    with open_journal(place_of(system), Opening("search", system.name), run="2") as journal:
        assert journal.result("ask", Asked) == asked
        assert journal.result("choose", Settled) == settled
