"""The plan says what a recovery will do, and everything that is known against it."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given

from dr.catalog.labels import Kind, Label
from dr.policy.recovery_plan import plan_recovery
from tests.unit.catalog.examples import manifest, manifests, proof

BASE = manifest(Label(datetime(2024, 1, 1, 2, tzinfo=UTC), Kind.BASE))
DUMP = manifest()


def test_the_plan_reads_like_a_page_of_the_runbook():
    """Which backup, from where, to where, and the steps in order."""
    lines = plan_recovery(DUMP, ("local", "cloud"), "database app on db:5432/app", production=False).lines()

    assert lines[0] == "backup    backup_20240101_020000 (dump), taken 2024-01-01 02:03:00 UTC, proven: listed"
    assert lines[1] == "from      local, then cloud (0.0 MB to fetch)"
    assert lines[2] == "to        database app on db:5432/app"
    assert next(line for line in lines if line.startswith("step")).startswith("step 1    restore roles")
    assert lines[-1].startswith("warning   a dump holds one database")


def test_the_production_cluster_is_named_in_the_plan():
    """Before anything is confirmed."""
    plan = plan_recovery(DUMP, ("local",), "database app on db:5432/app", production=True)

    assert any("** the production cluster **" in line for line in plan.lines())


def test_each_kind_has_its_own_steps_and_says_what_it_loses():
    """A base backup is verified, started and asked; a dump is loaded and counted."""
    physical = plan_recovery(BASE, ("local",), "/restored", production=False)
    logical = plan_recovery(DUMP, ("local",), "x", production=False)

    assert any("PostgreSQL's own manifest" in step for step in physical.steps)
    assert any("row counts" in step for step in logical.steps)
    assert all("are lost" in plan.warnings[-1] for plan in (physical, logical))


def test_a_backup_never_read_back_is_warned_about():
    """Nobody recovers from it unaware."""
    plan = plan_recovery(manifest(verifications=()), ("local",), "x", production=False)

    assert plan.proven == "not at all"
    assert "this backup has never been read back" in plan.warnings


def test_a_store_of_the_manifest_that_is_missing_is_named():
    """Somebody may know where that store went."""
    backup = manifest(stores=("local", "cloud"), verifications=(proof("cloud"),))

    warnings = plan_recovery(backup, ("local",), "x", production=False).warnings

    assert any("also names cloud" in warning for warning in warnings)


def test_more_warnings_are_added_behind_the_others():
    """What was found while looking for the backup is not lost."""
    plan = plan_recovery(DUMP, ("local",), "x", production=False)

    assert plan.with_warnings(("store cloud could not be asked",)).warnings == (
        *plan.warnings,
        "store cloud could not be asked",
    )


@given(manifests())
def test_every_manifest_can_be_planned_with(backup):
    """Size, level and steps for whatever is in a store; each line on its own."""
    plan = plan_recovery(backup, backup.stores, "/restored", production=False)

    assert plan.fetch_bytes == backup.stored_bytes
    assert plan.steps
    assert len(plan.lines()) == 3 + len(plan.steps) + len(plan.warnings)
