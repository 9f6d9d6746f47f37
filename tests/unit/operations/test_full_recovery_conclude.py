"""What a full recovery may say in the end, and which dump it takes where no base backup leads."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dr.catalog import labels
from dr.catalog.canary import Beat
from dr.catalog.points import DatabasePosition
from dr.configuration.model import System
from dr.errors import BackupInvalid, BackupNotFound, TargetRefused
from dr.evidence.full_outcome import full_phase_rows, part_rows, report_lines
from dr.evidence.journal import FILE, Journal, Opening, open_journal
from dr.operations.full_recovery.conclude import Reached, conclude
from dr.operations.full_recovery.database import RecoveredDatabase
from dr.operations.full_recovery.database_plan import plan_database
from dr.operations.full_recovery.kept import PLAN, kept_plan, made_before
from dr.operations.full_recovery.places import PROCEDURE
from dr.operations.full_recovery.wish import Wish, parse_wish
from dr.operations.measure_loss import note_position
from dr.policy.full_plan import FullPlan, PlannedDatabase
from tests.unit.operations.places import NAME, dump, put_backup, repository, system

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PLANNED = PlannedDatabase("backup_20260131_110000", NOON, "/data", None, "", (), 0)
FULL = FullPlan(NAME, "", None, "", PLANNED, (), ())
RESTORED = RecoveredDatabase(
    "backup_20260131_110000", "/data", "local", 18, "shop", "postgres", 1, 1, (), None, None, "", (), ()
)
REACHED = Reached(RESTORED, {}, {}, "recovered", (), (), 0.0, 60.0, NOON, (), ())


def opened(parent: Path) -> Journal:
    """A run's, of somebody who wants the newest of everything."""
    return open_journal(parent, Opening(PROCEDURE, NAME, Wish().parameters), run="a run")


def set_back(parent: Path, by: timedelta) -> None:
    """As if it had all been so much earlier."""
    (file,) = parent.glob(f"*/{FILE}")
    text = file.read_text()
    today = {(datetime.now(UTC) - timedelta(days=n)).strftime("%Y-%m-%d") for n in (0, 1)}
    for day in sorted(today):
        earlier = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC) - by
        text = text.replace(day, earlier.strftime("%Y-%m-%d"))
    file.write_text(text)


def test_the_plan_of_a_run_of_another_day_is_not_gone_on_with(tmp_path: Path) -> None:
    """What it has restored is of that day; one of today is."""
    mine = system(tmp_path)
    with opened(tmp_path / "journals") as journal:
        journal.begin(PLAN)
        journal.end(PLAN, FULL)
    today = kept_plan(tmp_path / "journals", mine, Wish())
    set_back(tmp_path / "journals", 2 * DAY)

    assert today is not None
    assert today.resumes
    with pytest.raises(TargetRefused) as refused:
        kept_plan(tmp_path / "journals", mine, Wish())
    assert "--anew" in refused.value.hint


def test_whoever_begins_again_is_told_what_he_would_make_twice(tmp_path: Path) -> None:
    """Machines of runs that were given up or cut off since the last that ended; of that one they are in service."""
    mine = system(tmp_path)
    place = mine.state_directory / "procedures" / NAME

    def run(*begun: str, anew: bool = False) -> Journal:
        opening = Opening(PROCEDURE, NAME, Wish().parameters)
        with open_journal(place, opening, run="a run", anew=anew) as journal:
            for step in begun:
                journal.begin(step)
        return journal

    given_up = run("launch images", "make network", "make network", "database")
    idle = run("database", anew=True)
    told = made_before(mine, Wish())
    with Journal(idle.directory) as journal:
        journal.close()
    later = made_before(mine, Wish())

    assert len(told) == 1
    assert told[0].startswith(
        f"{given_up.name}, which is not gone on with, had begun to launch images and to make network"
    )
    assert later == ()


def test_without_a_known_end_the_loss_is_counted_until_this_run_began(tmp_path: Path) -> None:
    """The first one may have been cut off long before; the product may have lived on meanwhile."""
    mine = system(tmp_path)
    with opened(tmp_path / "journals"):
        pass
    (file,) = (tmp_path / "journals").glob(f"*/{FILE}")
    first = file.read_text()
    set_back(tmp_path / "journals", DAY)
    file.write_text(file.read_text() + first)
    now = datetime.now(UTC)
    database = replace(RESTORED, canary=Beat(1, now - 2 * DAY))
    with Journal(file.parent) as journal:
        found = conclude(mine, FULL, journal, replace(REACHED, database=database), None)

    assert found.loss is not None
    assert found.loss.seconds == pytest.approx(2 * DAY.total_seconds(), abs=30)
    assert (now - found.begun).total_seconds() > DAY.total_seconds() / 2


def test_a_canary_that_goes_on_in_the_recovered_database_is_no_loss(tmp_path: Path) -> None:
    """What this host knew before anything was started counts, not what it knows now."""
    mine = system(tmp_path)
    note_position(mine, Beat(900, NOON + timedelta(minutes=30)))
    database = replace(RESTORED, canary=Beat(600, NOON))
    with opened(tmp_path / "journals") as journal:
        reached = replace(REACHED, database=database, last=Beat(602, NOON + timedelta(seconds=2)))
        found = conclude(mine, FULL, journal, reached, NOON + timedelta(seconds=3))
        silent = conclude(mine, FULL, journal, reached, NOON + timedelta(minutes=30))

    assert found.loss is not None
    assert (found.loss.seconds, found.loss.measured) == (2, True)
    assert (found.verdict.rpo_seconds, found.verdict.rpo_at_most) == (2, None)
    assert (silent.verdict.rpo_seconds, silent.verdict.rpo_at_most) == (None, 1800)


def test_what_nobody_has_asked_is_not_called_recovered(tmp_path: Path) -> None:
    """However fast it was: neither its RTO nor its objective is met, and the database is not in service."""
    mine = system(tmp_path)
    database = replace(RESTORED, canary=Beat(1, NOON))
    with opened(tmp_path / "journals") as journal:
        well = conclude(mine, FULL, journal, replace(REACHED, database=database, last=Beat(1, NOON)), NOON)
        not_asked = replace(
            REACHED, database=database, last=Beat(1, NOON), unverified=("nobody asked",), state="restored, not verified"
        )
        found = conclude(mine, FULL, journal, not_asked, NOON)
    report = "\n".join(report_lines(found))

    assert (well.in_service, found.in_service) == (True, False)
    assert "**met**" in "\n".join(report_lines(well))
    assert "NOT IN SERVICE" in report
    assert "**met**" not in report
    assert [row["met"] for row in full_phase_rows(found)[:1]] == ["unknown"]
    assert part_rows(found)[0]["state"] == "restored, not verified"


def test_an_exercise_is_told_as_one_and_led_to_by_nobody(tmp_path: Path) -> None:
    """Over the report and in it; what kept it from being recovered is not called out of service."""
    mine = system(tmp_path)
    plan = replace(FULL, exercise=True)
    with opened(tmp_path / "journals") as journal:
        well = conclude(mine, plan, journal, REACHED, NOON)
        ill = conclude(mine, plan, journal, replace(REACHED, unverified=("it is down",)), NOON)
    report, failed = "\n".join(report_lines(well)), "\n".join(report_lines(ill))

    assert well.exercise
    assert report.startswith(f"# EXERCISE: {NAME} recovered")
    assert "nothing was switched: this was an exercise" in report
    assert "nothing here may go into service" in report
    assert "NOT VERIFIED" in failed
    assert "**not recovered**: it is down" in failed


def test_a_dump_is_not_younger_than_what_was_asked_for(tmp_path: Path) -> None:
    """Whoever names a moment means that state; where every dump is younger it is refused, and nothing left out."""
    mine = system(tmp_path)
    for number in range(3):
        put_backup(mine, dump(NOON + number * DAY))
    before = (NOON + DAY + timedelta(hours=1)).isoformat()
    planned = plan_database(mine, parse_wish("", before, "", ""), None)

    assert planned is not None
    assert planned.label == str(dump(NOON + DAY))
    with pytest.raises(BackupNotFound, match="after"):
        plan_database(mine, parse_wish("", (NOON - DAY).isoformat(), "", ""), None)


def test_where_the_points_dump_is_damaged_the_next_older_one_is_taken(tmp_path: Path) -> None:
    """It is said; where none is usable that is an error, and no recovery without a database."""
    mine = system(tmp_path)
    for number in range(3):
        put_backup(mine, dump(NOON + number * DAY))
    position = DatabasePosition(NOON + DAY, dump=str(dump(NOON + DAY)))
    damage(mine, NOON + DAY)
    planned = plan_database(mine, parse_wish("", "", "point", ""), position)
    for number in (0, 2):
        damage(mine, NOON + number * DAY)

    assert planned is not None
    assert planned.label == str(dump(NOON))
    assert any(word.startswith("warning") and str(dump(NOON + DAY)) in word for word in planned.words)
    with pytest.raises(BackupInvalid, match="none of the 3 dumps"):
        plan_database(mine, parse_wish("", "", "point", ""), position)
    assert plan_database(system(tmp_path / "empty"), Wish(), None) is None


def damage(mine: System, at: datetime) -> None:
    """Its manifest."""
    for store in mine.stores:
        repository(mine).store(store.name).put_bytes(labels.manifest_key(NAME, dump(at)), b"garbage")
