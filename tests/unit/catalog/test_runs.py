"""What monitoring takes from the record of a run."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from dr.catalog.runs import Place, facts_of
from dr.errors import BackupInvalid

STORES = [["stores.local.path", "/srv", "file"], ["stores.cloud.bucket", "b", "file"]]
BOTH = ("cloud", "local")


def record(flow: str = "daily-backup", outcome: str = "completed", **more: object) -> bytes:
    """A record as the runners keep it."""
    begin = datetime(2026, 1, 2, 2, tzinfo=UTC)
    given = {"id": "1", "name": "n", "flow": flow, "runner": "plain", "parameters": {"system": "shop"}}
    return msgspec.json.encode({**given, "begin": begin, "outcome": outcome, "configuration": STORES, **more})


def tables(made: dict[str, str], *failed: str) -> list[dict[str, object]]:
    """What ``show_backups`` published: the stores by kind, and the kinds that are not whole."""
    rows = [{"kind": kind, "stores": stores} for kind, stores in made.items()]
    found: list[dict[str, object]] = [{"key": "backups", "kind": "table", "rows": rows}]
    if failed:
        found.append({"key": "not-backed-up", "kind": "table", "rows": [{"kind": kind} for kind in failed]})
    return found


def places(found: tuple[Place, ...]) -> set[tuple[str, str]]:
    """Kind and store of each."""
    return {(item.kind, item.store) for item in found}


def test_a_good_run_made_a_copy_of_each_kind_in_each_store_and_missed_none() -> None:
    """As its table says."""
    facts = facts_of(record(artifacts=tables({"dump": "local, cloud", "base": "local, cloud"})), "here")

    assert places(facts.made) == {(kind, store) for kind in ("dump", "base") for store in BOTH}
    assert facts.missed == ()
    assert facts.completed


def test_a_store_that_dropped_out_and_a_kind_that_failed_are_missed_and_the_rest_is_not() -> None:
    """The dump is safe on this host alone, of the base backup there is nothing."""
    facts = facts_of(record(outcome="failed", artifacts=tables({"dump": "local"}, "dump", "base")), "here")

    assert places(facts.made) == {("dump", "local")}
    assert places(facts.missed) == {("dump", "cloud"), ("base", "local"), ("base", "cloud")}


@pytest.mark.parametrize(
    ("flow", "parameters", "more", "kinds"),
    [
        ("daily-backup", {}, [], {"dump", "base"}),
        ("daily-backup", {"kind": "dump"}, [], {"dump"}),
        ("daily-backup", {}, [["postgres.physical", "false", "file"]], {"dump"}),
        ("application-backup", {}, [], {"point"}),
        ("restore-drill", {}, [], set()),
    ],
)
@pytest.mark.parametrize("outcome", ["failed", "interrupted"])
def test_a_run_that_died_before_it_made_anything_missed_what_it_was_asked_for(
    flow: str, parameters: dict[str, str], more: list[list[str]], kinds: set[str], outcome: str
) -> None:
    """In every store; a procedure that makes no backup misses none."""
    data = record(flow, outcome, parameters=parameters, configuration=[*STORES, *more])

    assert places(facts_of(data, "here").missed) == {(kind, store) for kind in kinds for store in BOTH}


def test_a_run_for_this_host_alone_missed_nothing_in_the_cloud() -> None:
    """It was told not to go there."""
    data = record(outcome="failed", parameters={"cloud": False, "kind": "dump"})

    assert places(facts_of(data, "here").missed) == {("dump", "local")}


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"id": "1"}', b"\xff"])
def test_what_is_no_record_is_said_so(data: bytes) -> None:
    """And where it lies."""
    with pytest.raises(BackupInvalid, match="in the bucket"):
        facts_of(data, "in the bucket")


def test_a_run_that_was_refused_missed_nothing() -> None:
    """Another one was making those very backups."""
    facts = facts_of(record(outcome="failed", error_type="LeaseHeld"), "here")

    assert facts.refused
    assert facts.missed == ()
