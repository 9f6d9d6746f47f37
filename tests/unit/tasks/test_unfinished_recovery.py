"""A recovery that was cut off is gone on with while nothing has overtaken it, and never put into service afterwards."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from dr.catalog.labels import Kind
from dr.catalog.lsn import Lsn
from dr.configuration.model import EncryptionSettings, PostgresSettings, System
from dr.configuration.procedures import ProcedureSettings
from dr.configuration.procedures.recovery import RecoverySettings
from dr.errors import TargetRefused
from dr.evidence.journal import Journal, Opening, open_journal
from dr.operations.database.exchange import Exchanged, exchange
from dr.operations.database.place import Place, identity_of, last_ran, place_at
from dr.operations.database.plan_in_place import InPlace
from dr.operations.database.stage import Staged
from dr.operations.erasure.re_erase import Erased
from dr.policy.last_good import Asked, Trial
from dr.policy.recovery_plan import RecoveryPlan
from dr.policy.recovery_target import RecoveryTarget, TargetKind
from dr.secret import Secret
from tasks.corruption import Settled
from tasks.corruption_course import each_time
from tasks.corruption_undo import last_set_aside, way_back
from tasks.corruption_unfinished import (
    COPY,
    EXCHANGE,
    LAST_RAN,
    PROCEDURE,
    UNDO,
    require_recent,
    served_since,
    with_unfinished,
)
from tasks.course import Course, place_of

NOW = datetime(2026, 1, 31, 2, tzinfo=UTC)
WANTED = InPlace("latest", RecoveryTarget())
AGES = timedelta(days=10_000)
PLAN = RecoveryPlan("base", Kind.BASE, "", "", (), 0, "", True, (), ())


@pytest.fixture
def system(tmp_path: Path) -> System:
    """A system of which a run was cut off after its copy was made, at ``NOW``."""
    made = System(
        "shop",
        PostgresSettings(Secret("postgresql:///shop")),
        (),
        EncryptionSettings(),
        state_directory=tmp_path,
        procedures=ProcedureSettings(recovery=RecoverySettings(data_directory=tmp_path / "data")),
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


def test_the_plan_says_when_nothing_is_restored_any_more(system: System, tmp_path: Path) -> None:
    """Damaged anew, the database that an unfinished run has put into service would only be started."""
    before = with_unfinished(system, WANTED, PLAN, anew=False).warnings
    with open_journal(
        place_of(system), Opening(PROCEDURE, system.name, WANTED.parameters), run="2", at_most=AGES
    ) as one:
        one.do(EXCHANGE, lambda: Exchanged(str(tmp_path / "data"), ""), Exchanged)
    after = with_unfinished(system, WANTED, PLAN, anew=False).warnings

    assert not any("nothing is restored again" in line for line in before)
    assert any("nothing is restored again" in line and "--anew" in line for line in after)


def test_a_run_of_another_day_is_never_gone_on_with(system: System) -> None:
    """Its copy would take all that was written since with it."""
    with time_machine.travel(NOW + timedelta(hours=23), tick=False):
        require_recent(system, WANTED, anew=False)
    with time_machine.travel(NOW + timedelta(hours=25), tick=False):
        require_recent(system, WANTED, anew=True)
        with pytest.raises(TargetRefused, match="nobody has worked on it since") as caught:
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


SWAP = InPlace("latest", RecoveryTarget(), swap=True)


def directory(path: Path) -> Path:
    """A data directory, as far as it is looked at here."""
    (path / "global").mkdir(parents=True)
    (path / "PG_VERSION").write_text("16")
    (path / "global" / "pg_control").write_text("")
    return path


def cut_off(system: System, wanted: InPlace, moment: datetime = NOW) -> tuple[Journal, Place]:
    """A run of which the copy is made; it goes on until its journal is let go."""
    place = place_at(system, moment)
    for path in (place.data, place.staged):
        if not path.exists():
            directory(path)
    copy = identity_of(place.staged)
    staged = Staged(str(place.staged), "base", "local", (), 1, 1, None, "", Erased(0, 0, 0), (), identity=copy)
    journal = open_journal(place_of(system), Opening(PROCEDURE, system.name, wanted.parameters), run="1", anew=True)
    journal.do("begin", lambda: moment, datetime)
    if not wanted.swap:
        journal.do(LAST_RAN, lambda: last_ran(place.data), int)
    journal.do(COPY, lambda: staged, Staged)
    return journal, place


def swapped(system: System, moment: datetime = NOW) -> Place:
    """A run that has exchanged the directories and is over."""
    journal, place = cut_off(system, SWAP, moment)
    with journal:
        journal.do(EXCHANGE, lambda: exchange(place, identity_of(place.staged)), Exchanged)
        journal.close()
    return place


def start(data: Path) -> None:
    """What each start of a server leaves."""
    file = data / "global" / "pg_control"
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1_000_000))


def test_a_copy_is_used_only_while_nobody_has_served_since(system: System) -> None:
    """After a reboot both serve again, and what was committed then is not in the copy."""
    journal, place = cut_off(system, WANTED)
    journal.__exit__(None, None, None)

    assert not served_since(system, WANTED)
    assert "goes on with" in with_unfinished(system, WANTED, PLAN, anew=False).warnings[0]
    start(place.data)
    assert served_since(system, WANTED)
    assert "begins anew" in with_unfinished(system, WANTED, PLAN, anew=False).warnings[0]


def test_a_swap_that_was_cut_off_before_it_stopped_anything_begins_anew(system: System) -> None:
    """Production has served all the time since its copy was made."""
    journal, place = cut_off(system, SWAP)
    before = served_since(system, SWAP)
    journal.do(LAST_RAN, lambda: last_ran(place.data), int)
    stopped = served_since(system, SWAP)
    journal.__exit__(None, None, None)

    assert (before, stopped) == (True, False)


def test_a_run_that_was_cut_off_when_its_copy_was_in_place_is_gone_on_with(system: System) -> None:
    """Its exchange was done, and not noted; the server that runs now is the recovered one."""
    journal, place = cut_off(system, WANTED)
    journal.begin(EXCHANGE)
    exchange(place, identity_of(place.staged))
    journal.__exit__(None, None, None)
    start(place.data)

    assert not served_since(system, WANTED)


def test_only_what_the_last_exchange_has_set_aside_is_put_back(system: System) -> None:
    """A second way back would otherwise take an older directory, of another disaster."""
    older, last = swapped(system), swapped(system, NOW + timedelta(hours=1))

    assert last_set_aside(system) == last.aside
    last.data.rename(last.data.with_name("data.undone_20260131_040000"))
    last.aside.rename(last.data)
    with pytest.raises(TargetRefused, match="is not there") as caught:
        last_set_aside(system)

    assert str(older.aside) in caught.value.hint


def test_an_exchange_that_was_cut_off_can_be_undone(system: System) -> None:
    """Between its two renames nothing lies in production's place."""
    journal, place = cut_off(system, WANTED)
    journal.begin(EXCHANGE)
    place.data.rename(place.aside)
    journal.__exit__(None, None, None)

    assert last_set_aside(system) == place.aside


def test_without_a_journal_nothing_is_put_back_and_what_lies_there_is_named(system: System) -> None:
    """A name proves nothing of what is in it."""
    aside = directory(place_at(system, NOW).aside)

    with pytest.raises(TargetRefused, match="no journal") as caught:
        last_set_aside(system)

    assert str(aside) in caught.value.hint


def test_a_way_back_that_was_cut_off_goes_on_with_the_same_directory(system: System) -> None:
    """Also when both were renamed already, so that the directory it names is not there."""
    place = swapped(system)
    kept = {"kept": str(place.aside)}
    with open_journal(place_of(system), Opening(UNDO, system.name, kept), run="2"):
        place.aside.rename(place.data.with_name("elsewhere"))

    assert way_back(system, anew=False).aside == str(place.aside)
    with pytest.raises(TargetRefused):
        way_back(system, anew=True)
    with (
        time_machine.travel(datetime.now(UTC) + timedelta(hours=25)),
        pytest.raises(TargetRefused, match="nobody has worked on it"),
    ):
        way_back(system, anew=False)


def test_what_a_reboot_undoes_is_done_by_each_run(system: System) -> None:
    """That a service was stopped by an earlier run does not mean that it is; the journal has it once."""
    calls = []

    def stop() -> int:
        calls.append("stop")
        return len(calls)

    with open_journal(place_of(system), Opening("toy", system.name), run="1") as journal:
        steps = Course(journal)
        given = [each_time(steps, "stop", stop), each_time(steps, "stop", stop)]

        assert given == [1, 2]
        assert [event.step for event in journal.events if event.what == "end"] == ["stop"]
