"""Components in the weekly verification and in the history: what should be there and new, and is not, is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.catalog.manifest import Manifest
from dr.configuration.components.code import CodeSettings
from dr.configuration.components.logs import LogsSettings
from dr.operations.component.drill.draw import draw_component
from dr.operations.drill_history import keep_drill
from dr.operations.drill_outlook import drills_of, look_out
from dr.operations.verify.registry import newest_of_each, states
from dr.policy.component_draw import ComponentRequest
from dr.policy.drill_method import Method
from dr.policy.drill_verdict import Verdict
from tests.integration.components.drilling import aged, drill, rewrite, with_code
from tests.integration.components.shelf import Shelf

CODE = ComponentRequest(Kind.CODE)


@pytest.fixture
def coded(shelf: Shelf, tmp_path: Path) -> Shelf:
    """The shelf of a system that has code, and no backup of it."""
    return with_code(shelf, tmp_path / "code")


def test_the_weekly_verification_reads_the_newest_of_every_component_from_every_store(coded: Shelf) -> None:
    """The newest only, each store's copy, and no component that the system has not."""
    coded.back_up(Kind.CODE)
    newest = coded.back_up(Kind.CODE).label

    found = newest_of_each(coded.system)
    unconfigured = newest_of_each(coded.with_components(code=CodeSettings()).system)

    assert [(item.copy.name, item.copy.store) for item in found.chosen] == [(newest, "local"), (newest, "second")]
    assert found.problems == ()
    assert unconfigured.chosen == ()


def _of_code(shelf: Shelf) -> list[tuple[str, str]]:
    now = datetime.now(UTC)
    return [(item.store, item.problem) for item in states(shelf.system, now) if item.name == "code repositories"]


@pytest.mark.incident("I3")
def test_a_component_without_a_backup_that_is_new_enough_is_a_problem(coded: Shelf) -> None:
    """None, too old, gone from one store: each is said; and of one that is not configured nothing is."""
    assert _of_code(coded) == [("", "there is none: run dr application-backup --only code")]

    coded.back_up(Kind.CODE)
    assert _of_code(coded) == [("local", ""), ("second", "")]
    assert _of_code(coded.with_components(code=CodeSettings())) == []

    rewrite(coded, coded.manifest(Kind.CODE), aged(2.1))
    assert _of_code(coded) == [("local", "older than 2 d 0 h"), ("second", "older than 2 d 0 h")]

    coded.back_up(Kind.CODE)
    (coded.directory / "second" / _manifest_key(coded.manifest(Kind.CODE))).unlink()
    assert _of_code(coded) == [("local", ""), ("second", "it was there, and is gone")]


@pytest.mark.incident("I3")
def test_each_class_of_a_kind_is_looked_after_by_itself(shelf: Shelf, tmp_path: Path) -> None:
    """Audit logs that are backed up no more are missed although the application's are, and both are drilled."""
    places = {name: tmp_path / name for name in ("application", "audit")}
    for name, place in places.items():
        place.mkdir()
        (place / f"{name}-2026-01-05.log").write_text(f"{name}\n")
    both = shelf.with_components(logs=LogsSettings(application=(places["application"],), audit=(places["audit"],)))
    alone = shelf.with_components(logs=LogsSettings(application=(places["application"],)))
    title = "application and audit logs"

    alone.back_up_all(Kind.LOGS)
    missing = {item.name for item in states(both.system, datetime.now(UTC)) if "there is none" in item.problem}
    both.back_up_all(Kind.LOGS)
    found = states(both.system, datetime.now(UTC))
    drawn = {
        draw_component(both.system, ComponentRequest(Kind.LOGS, seed=seed)).manifest.retention_class
        for seed in range(1, 11)
    }

    assert f"{title}, audit-logs" in missing
    assert f"{title}, application-logs" not in missing
    assert {item.name for item in found if item.label.startswith("logs_")} == {
        f"{title}, application-logs",
        f"{title}, audit-logs",
    }
    assert len({item.copy.name for item in newest_of_each(both.system).chosen}) == 2
    assert drawn == {"application-logs", "audit-logs"}
    assert drill(both.system, ComponentRequest(Kind.LOGS)).verdict == Verdict.RECOVERABLE


def _manifest_key(manifest: Manifest) -> str:
    return f"shop/code/{manifest.label}/code.manifest.json"


@pytest.mark.incident("I3")
def test_a_component_counts_as_a_method_that_needs_a_green_drill(coded: Shelf, shelf: Shelf) -> None:
    """Until it has one the system is not proven, and the database's methods are as they were."""
    coded.back_up(Kind.CODE)
    now = datetime.now(UTC)
    before = look_out(coded.system, now).summary.stale
    keep_drill(coded.system, drill(coded.system, CODE))
    after = look_out(coded.system, now)

    assert "no code drill has ever been green" in before
    assert set(before) - set(after.summary.stale) == {"no code drill has ever been green"}
    assert "no physical drill has ever been green" in after.summary.stale
    assert not any("code" in line for line in look_out(shelf.system, now).summary.stale)
    assert [item.method for item in after.forecasts] == ["code"]
    aged = look_out(coded.system, now + timedelta(days=coded.system.drill.max_age_days + 1)).summary.stale
    assert any("last green code drill" in line for line in aged)


def test_what_can_be_drilled_is_the_databases_methods_and_every_component_there_is(coded: Shelf, shelf: Shelf) -> None:
    """In that order; a component needs no row of its own here."""
    assert list(drills_of(shelf.system)) == list(Method)
    assert list(drills_of(coded.system)) == [*Method, Kind.CODE]
