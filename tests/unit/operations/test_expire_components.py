"""Expiry by kind: a run lets go of what it makes, points keep what they name, days of logs go by their class."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dr.catalog import labels
from dr.catalog.labels import DATABASE_KINDS, Kind, Label
from dr.catalog.manifest import ComponentContents, Item
from dr.catalog.points import DatabasePosition, Member, PointContents, References
from dr.errors import ConfigurationError
from dr.operations.expire import apply_expiry, plan_component_expiry, plan_local_expiry
from dr.policy.retention_periods import APPLICATION_LOGS, AUDIT_LOGS
from tests.unit.operations.places import NAME, base, block, dump, put_backup, put_objects, repository, system

NOW = datetime(2024, 3, 1, 2, 10, tzinfo=UTC)


def ago(days: float) -> datetime:
    """So many days before now."""
    return NOW - timedelta(days=days)


def of(kind: Kind, days: float) -> Label:
    """The label of a backup made so many days ago."""
    return Label(ago(days), kind)


def put_point(mine, days: float, *members: Label, stores: tuple[str, ...] = ()) -> Label:
    """A recovery point that names these backups."""
    label = of(Kind.POINT, days)
    database = next((str(item) for item in members if item.kind is Kind.DUMP), "")
    contents = PointContents(
        DatabasePosition(ago(days), dump=database) if database else None,
        tuple(
            Member(item.kind, str(item), item.created, True, ("local",)) for item in members if item.kind != Kind.DUMP
        ),
        0.0,
        References(),
    )
    put_backup(mine, label, *stores, point=contents)
    return label


def put_logs(mine, days: float, keep_as: str, *, at: datetime | None = None, second: int = 0) -> Label:
    """A backup of one day of logs, shipped so many days ago; the day is the one before, or ``at``."""
    label = Label(ago(days) + timedelta(seconds=second), Kind.LOGS)
    day = (at or ago(days + 1)).date()
    contents = ComponentContents(ago(days), (Item(str(day), 1, 10, "d", f"key{days}{keep_as}"),))
    put_backup(mine, label, component=contents, retention_class=keep_as)
    return label


def expire(mine, *kinds: Kind, failed: tuple[Kind, ...] = ()) -> set[str]:
    """What goes in a component run."""
    return set(apply_expiry(mine, plan_component_expiry(mine, NOW, kinds=kinds, failed=failed)))


def listed(mine) -> set[str]:
    """What any store lists."""
    return {str(backup.label) for backup in repository(mine).list().backups}


def test_the_daily_run_of_the_database_lets_no_component_go(tmp_path):
    """Neither its backups nor what is unfinished of it; the database's own goes."""
    mine = system(tmp_path)
    for days in (0, 30):
        for label in (dump(ago(days)), base(ago(days)), of(Kind.REDIS, days), of(Kind.POINT, days)):
            put_backup(mine, label)
    put_objects(mine, of(Kind.FILES, 40))

    removed = apply_expiry(mine, plan_local_expiry(mine, NOW, retention_days=1, run_succeeded=True))

    assert set(removed) == {f"local:{dump(ago(30))}", f"local:{base(ago(30))}"}
    assert list(repository(mine).unfinished("local", NOW)) == [of(Kind.FILES, 40)]


def test_a_components_run_lets_only_its_own_kind_go(tmp_path):
    """No dump, no base backup, no WAL, no other component; not even with a number of days for once."""
    mine = system(tmp_path)
    for days in (0, 30):
        for label in (dump(ago(days)), base(ago(days)), of(Kind.REDIS, days), of(Kind.CONFIG, days)):
            put_backup(mine, label)
    put_objects(mine, of(Kind.REDIS, 40))
    put_objects(mine, dump(ago(40)))
    repository(mine).store("local").put_bytes(labels.wal_block_key(NAME, 1, 0), b"{}")

    plans = plan_local_expiry(mine, NOW, retention_days=1, run_succeeded=True, kinds=(Kind.REDIS,))
    removed = apply_expiry(mine, plans)

    assert set(removed) == {f"local:{of(Kind.REDIS, 30)}", f"local:{of(Kind.REDIS, 40)}"}
    assert plans[0].wal.going == ()
    assert plans[0].wal.reason == "WAL goes with the base backups"
    assert {str(dump(ago(30))), str(base(ago(30))), str(of(Kind.CONFIG, 30))} <= listed(mine)


def test_a_number_of_days_for_once_is_the_databases_alone(tmp_path):
    """Nobody who shortens the database's retention means the audit logs."""
    mine = system(tmp_path)
    for days in (0, 30):
        put_logs(mine, days, AUDIT_LOGS)
    for days in (0, 5):
        put_backup(mine, of(Kind.REDIS, days))

    plans = plan_local_expiry(mine, NOW, retention_days=1, run_succeeded=True, kinds=tuple(Kind))

    assert apply_expiry(mine, plans) == ()


@pytest.mark.incident("I14")
def test_a_failed_run_of_a_kind_lets_nothing_of_it_go_and_the_others_go(tmp_path):
    """However old, however many are newer; nor is what a killed run left of it swept."""
    mine = system(tmp_path)
    for days in (0, 30):
        put_backup(mine, of(Kind.REDIS, days))
        put_backup(mine, of(Kind.CONFIG, days))
    for kind in (Kind.REDIS, Kind.CONFIG):
        put_objects(mine, of(kind, 40))

    (plan,) = plan_component_expiry(mine, NOW, kinds=(Kind.REDIS, Kind.CONFIG), failed=(Kind.REDIS,))
    removed = expire(mine, Kind.REDIS, Kind.CONFIG, failed=(Kind.REDIS,))

    reasons = {str(item.copy.label): item.reason for item in plan.decisions}
    assert reasons[str(of(Kind.REDIS, 30))] == "the backup of this kind was not whole"
    assert removed == {f"local:{of(Kind.CONFIG, days)}" for days in (30, 40)}
    assert expire(mine, Kind.REDIS) == {f"local:{of(Kind.REDIS, days)}" for days in (30, 40)}


def test_a_kind_that_failed_keeps_no_other_alive_and_a_failed_point_keeps_its_members(tmp_path):
    """The point of a run that could not make one stays, and with it what it names."""
    mine = system(tmp_path)
    for days in (0, 20):
        put_backup(mine, of(Kind.REDIS, days))
    put_point(mine, 0, of(Kind.REDIS, 0))
    put_point(mine, 20, of(Kind.REDIS, 20))

    assert expire(mine, Kind.REDIS, Kind.POINT, failed=(Kind.POINT,)) == set()
    assert expire(mine, Kind.REDIS, Kind.POINT, failed=(Kind.REDIS,)) == {f"local:{of(Kind.POINT, 20)}"}


def test_each_class_of_logs_goes_by_the_age_of_its_newest_day(tmp_path):
    """Application logs after 30 days, audit logs after 90; a day that travelled late goes by the day."""
    mine = system(tmp_path)
    put_logs(mine, 0, APPLICATION_LOGS)
    put_logs(mine, 0, AUDIT_LOGS, second=1)
    late = put_logs(mine, 5, APPLICATION_LOGS, at=ago(45))
    put_logs(mine, 20, APPLICATION_LOGS)
    old_application = put_logs(mine, 40, APPLICATION_LOGS)
    put_logs(mine, 40, AUDIT_LOGS, second=1)
    old_audit = put_logs(mine, 120, AUDIT_LOGS)

    assert expire(mine, Kind.LOGS) == {f"local:{label}" for label in (late, old_application, old_audit)}


@pytest.mark.incident("I14")
def test_what_a_recovery_point_names_stays_as_long_as_the_point(tmp_path):
    """The database's part too; when the point goes, its members go in the same run or in their own."""
    mine = system(tmp_path)
    for days in (0, 6, 7.5):
        for label in (dump(ago(days)), of(Kind.REDIS, days), of(Kind.CONFIG, days)):
            put_backup(mine, label)
    put_point(mine, 6, dump(ago(7.5)), of(Kind.REDIS, 7.5))
    old = put_point(mine, 7.4, of(Kind.CONFIG, 7.5))

    database = apply_expiry(mine, plan_local_expiry(mine, NOW, retention_days=None, run_succeeded=True))
    others = expire(mine, Kind.REDIS, Kind.CONFIG, Kind.POINT)

    assert database == ()
    assert others == {f"local:{old}", f"local:{of(Kind.CONFIG, 7.5)}"}


def test_a_point_that_another_run_expires_still_keeps_its_members_in_this_one(tmp_path):
    """Whoever does not remove the point must not remove what it names."""
    mine = system(tmp_path)
    for days in (0, 20):
        put_backup(mine, of(Kind.REDIS, days))
    put_point(mine, 0, of(Kind.REDIS, 0))
    put_point(mine, 20, of(Kind.REDIS, 20))

    assert expire(mine, Kind.REDIS) == set()
    assert expire(mine, Kind.REDIS, Kind.POINT) == {f"local:{of(kind, 20)}" for kind in (Kind.REDIS, Kind.POINT)}


def test_a_point_in_another_store_keeps_what_only_this_one_has(tmp_path):
    """A store that took the point but not the member, and one the other way round."""
    mine = system(tmp_path, "local", "second")
    for days in (0, 20):
        put_backup(mine, of(Kind.REDIS, days), "local")
        put_backup(mine, of(Kind.CONFIG, days))
    put_point(mine, 5, of(Kind.REDIS, 20), of(Kind.CONFIG, 20), stores=("second",))

    assert expire(mine, Kind.REDIS, Kind.CONFIG) == {f"local:{of(Kind.CONFIG, 20)}"}


def test_a_point_that_cannot_be_read_keeps_what_it_may_name(tmp_path):
    """Its members are unknown: the newest of its time stay."""
    mine = system(tmp_path)
    for days in (0, 20, 21):
        put_backup(mine, of(Kind.REDIS, days))
    point = put_point(mine, 19, of(Kind.REDIS, 20))
    repository(mine).store("local").put_bytes(labels.manifest_key(NAME, point), b'{"format_version": 2}')

    assert expire(mine, Kind.REDIS, Kind.POINT) == {f"local:{of(Kind.REDIS, 21)}"}


@pytest.mark.incident("I14")
@pytest.mark.parametrize("second", ["silent", "unreadable"])
def test_what_a_point_in_another_store_needs_stays_though_nobody_can_read_it_there(tmp_path, second):
    """Here the point's time is over. There it may have years, and its members may be nowhere but here."""
    mine = system(tmp_path, "local", "second")
    for days in (0, 20, 21):
        put_backup(mine, of(Kind.REDIS, days), "local")
    put_point(mine, 0, of(Kind.REDIS, 0))
    point = put_point(mine, 20, of(Kind.REDIS, 20))
    if second == "silent":
        (tmp_path / "second" / NAME / "point").rename(tmp_path / "away")
        block(tmp_path / "second" / NAME / "point")
    else:
        repository(mine).store("second").put_bytes(labels.manifest_key(NAME, point), b'{"format_version": 2}')

    removed = expire(mine, Kind.REDIS, Kind.POINT)

    assert removed == {f"local:{point}", f"local:{of(Kind.REDIS, 21)}"}


@pytest.mark.parametrize("away", ["database", "wal-index"])
def test_a_local_store_that_cannot_be_listed_hides_no_plan_of_another(tmp_path, away):
    """It is named and left as it is: what the run made safe elsewhere must still be told."""
    mine = system(tmp_path, "local", "second")
    for days in (0, 30):
        put_backup(mine, dump(ago(days)))
        put_backup(mine, base(ago(days)), "second")
    if (tmp_path / "local" / NAME / away).exists():
        (tmp_path / "local" / NAME / away).rename(tmp_path / "moved")
    block(tmp_path / "local" / NAME / away)

    here, there = plan_local_expiry(mine, NOW, retention_days=None, run_succeeded=True)
    removed = apply_expiry(mine, (here, there))

    assert here.note.startswith("the store does not tell what it has")
    assert here.decisions == ()
    assert set(removed) == {f"second:{dump(ago(30))}", f"second:{base(ago(30))}"}


@pytest.mark.parametrize("kinds", [(), DATABASE_KINDS, (Kind.REDIS, Kind.DUMP)])
def test_the_database_never_expires_by_a_components_run(tmp_path, kinds):
    """Elsewhere its copies stay whatever anybody asks."""
    mine = system(tmp_path)
    put_backup(mine, dump(ago(4000)))

    with pytest.raises(ConfigurationError, match="for components only"):
        plan_component_expiry(mine, NOW, kinds=kinds)
