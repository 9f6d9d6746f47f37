"""What stores answer becomes one line on backups, one on those away from here, and one for each store that fails."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dr.catalog.labels import Kind
from dr.components.registry import BY_KIND, ROWS
from dr.policy.copies_in_sight import Copy, Held, Latest, Place, judge_copies
from dr.policy.observation import Condition, Subject

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
PLACES = (Place("local", near=True), Place("cloud", near=False))
FRESH = Copy("base_20260131_020000_full", NOW - timedelta(hours=10), "restored")
LABELS = ("base_20260131_020000_full", "base_20260130_020000_incr", "backup_20260131_020000")


def held(store: str, *newest: Copy, **more: object) -> Held:
    """A store with these copies, and as many recent ones as the guide's example."""
    return replace(Held(store, newest or (FRESH,), LABELS), **more)  # type: ignore[arg-type]


def judged(*answers: Held, places: tuple[Place, ...] = PLACES) -> dict[str, object]:
    """What is said of the backups, off-site, and each store."""
    return {item.name or str(item.subject): item for item in judge_copies(places, answers, NOW)}


def test_the_guide_s_line_counts_a_backup_once_however_many_stores_have_it():
    """``Backups: 3 recent backups``."""
    said = judged(held("local"), held("cloud"))

    assert said["Backups"].shown == "3 recent backups"
    assert said["Backups"].condition is Condition.OK
    assert "in local, cloud, proven: restored" in said["Backups"].detail
    assert said["Off-site"].condition is Condition.OK
    assert set(said) == {"Backups", "Off-site"}


def test_a_store_that_fails_is_told_and_the_others_tell_of_the_backups():
    """One store away is a risk; the backups are still there."""
    said = judged(held("local"), Held("cloud", problem="connection refused"))

    assert said["Backups"].condition is Condition.OK
    assert (said["Off-site"].condition, said["Off-site"].shown) == (Condition.SILENT, "NOT REACHED")
    assert (said["cloud"].subject, said["cloud"].condition) == (Subject.STORE, Condition.DOWN)
    assert said["cloud"].detail == "connection refused"


def test_when_no_store_answers_the_backups_are_not_said_to_be_none():
    """Unknown and absent are two things."""
    said = judged()

    assert (said["Backups"].condition, said["Backups"].shown) == (Condition.SILENT, "NOT REACHED")


def test_stores_that_were_never_asked_are_no_silent_stores():
    """A busy host must not look like a disaster."""
    said = judged(places=tuple(replace(place, asked=False) for place in PLACES))

    assert (said["Backups"].condition, said["Backups"].shown) == (Condition.IMPAIRED, "NOT ASKED")
    assert said["Off-site"].condition is Condition.IMPAIRED


def test_no_backup_at_all_is_down():
    """A store that answers and has none."""
    said = judged(Held("local"), Held("cloud"))

    assert (said["Backups"].condition, said["Backups"].shown) == (Condition.DOWN, "NONE")
    assert said["Off-site"].condition is Condition.DOWN


@pytest.mark.incident("I28")
def test_a_missed_day_is_told():
    """A day and two hours is the limit."""
    old = replace(FRESH, created=NOW - timedelta(hours=27))
    said = judged(held("local", old), held("cloud", old))

    assert said["Backups"].condition is Condition.IMPAIRED
    assert "no backup of the database in 1 d 2 h" in said["Backups"].shown
    assert said["Off-site"].shown == "STALE (1 d 3 h old)"


def test_copies_that_stay_here_are_not_off_site():
    """The newest away from here counts, not the newest."""
    old = replace(FRESH, created=NOW - timedelta(days=3))
    said = judged(held("local"), held("cloud", old))

    assert said["Backups"].condition is Condition.OK
    assert said["Off-site"].condition is Condition.IMPAIRED


def test_without_a_store_away_from_here_that_is_said():
    """Not configured, and what it means."""
    said = judged(held("local"), places=PLACES[:1])

    assert said["Off-site"].condition is Condition.ABSENT
    assert said["Off-site"].detail == "every copy is on this host"


def test_an_unproven_newest_backup_is_told():
    """Nobody has read it back (I27)."""
    said = judged(held("local", replace(FRESH, proven="")), held("cloud", replace(FRESH, proven="")))

    assert said["Backups"].condition is Condition.IMPAIRED
    assert "was never read back" in said["Backups"].detail


@pytest.mark.parametrize(
    ("created", "told"),
    [(None, "no backup of Redis"), (NOW - timedelta(days=3), "the newest backup of Redis is 3 d 0 h old")],
)
def test_a_component_without_a_new_backup_is_told(created, told):
    """Twice the time between two backups is the limit; the newest of any store counts."""
    lacking = held("local", components=(Latest("Redis", created, 86400.0),))
    has = held("cloud", components=(Latest("Redis", NOW - timedelta(hours=3), 86400.0),))

    assert told in judged(lacking, held("cloud"))["Backups"].detail
    assert judged(lacking, has)["Backups"].condition is Condition.OK


def test_what_mends_a_missing_backup_is_the_procedure_that_makes_it():
    """A backup of the database makes no image of a server; what the database lacks comes first."""
    lacking = Latest("server images", None, 7 * 86400.0, "infrastructure-backup")
    redis = Latest("Redis", None, 86400.0)
    stale = replace(FRESH, created=NOW - timedelta(days=3))

    assert judged(held("local", components=(lacking,)))["Backups"].remedy == "infrastructure-backup"
    assert judged(held("local", components=(redis, lacking)))["Backups"].remedy == "application-backup"
    assert judged(held("local", stale, components=(lacking,)))["Backups"].remedy == ""
    assert judged(held("local"))["Backups"].remedy == ""


def test_every_component_is_known_by_the_procedure_that_backs_it_up():
    """By the names of the commands."""
    assert {row.part.procedure for row in ROWS} == {"application-backup", "infrastructure-backup"}
    assert BY_KIND[Kind.IMAGES].part.procedure == BY_KIND[Kind.TERRAFORM].part.procedure == "infrastructure-backup"
