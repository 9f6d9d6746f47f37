"""Drills of whole backups: on every major, by every method, repeatable, and telling the truth about age and targets."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dr.errors import DrillInconclusive, ObjectiveMissed, RecoveryFailed
from dr.operations.drill.draw import draw, stores_elsewhere
from dr.operations.drill.place import keep, new_place
from dr.operations.drill.require import require
from dr.operations.drill_history import keep_drill, read_history
from dr.operations.repositories import open_repository
from dr.policy.drill_draw import DrillRequest
from dr.policy.drill_method import Method
from dr.policy.drill_verdict import Verdict
from dr.policy.objectives import Objective, Scenario
from tests.integration.drill.site import Production, answers, drill

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("method", list(Method))
def test_a_healthy_backup_is_recoverable_by_every_method(backed_up: Production, method: Method) -> None:
    """On every installed major: green, questioned, with RTO by phase, RPO by canary, and proven isolation (I31)."""
    record = drill(backed_up.system, DrillRequest(method=method))

    assert record.verdict == Verdict.RECOVERABLE, record.reasons
    assert record.level == "queried"
    assert record.met
    assert record.rto_seconds is not None
    assert record.rpo_seconds is not None
    found = answers(record)
    assert found["isolation: network"] == "passed"
    assert found["isolation: sockets"] == "passed"
    assert found["canary"] == "passed"
    assert found["age"] == "passed"
    assert record.server_version // 10000 == backed_up.installation.major
    assert {"fetch", "decrypt", "restore", "check", "isolation"} <= {phase.name for phase in record.phases}
    assert not [item for item in record.probes if item.answer == "FAILED"]


def test_rows_and_content_are_compared_with_the_manifest(backed_up: Production) -> None:
    """A loaded dump holds what was dumped; a cluster at the dump's snapshot holds it too."""
    loaded = answers(drill(backed_up.system, DrillRequest(method=Method.LOGICAL)))
    compared = answers(drill(backed_up.system, DrillRequest(method=Method.RECONCILE)))

    assert loaded["contents"] == "passed"
    assert loaded["large objects and sequences"] == "passed"
    assert loaded["definitions"] == "passed"
    assert compared["reconcile: contents"] == "passed"
    assert compared["reconcile: unlogged tables"] == "passed"


def test_the_same_seed_draws_the_same_second(backed_up: Production) -> None:
    """Whoever has the record can draw again; another seed draws another second."""
    first, again, other = (draw(backed_up.system, DrillRequest(seed=seed)).asked for seed in (4711, 4711, 4712))

    assert first == again
    assert first != other


def test_a_drill_is_repeated_exactly_from_its_record(backed_up: Production) -> None:
    """The window has grown since, and the same command still restores the same backup to the same place."""
    first = drill(backed_up.system, DrillRequest())
    words = dict(zip(first.repeat, first.repeat[1:], strict=False))

    again = drill(
        backed_up.system,
        DrillRequest(
            scenario=Scenario(words["--scenario"]),
            method=Method(words["--method"]),
            target=words["--target"],
            backup=words["--backup"],
            seed=int(words["--seed"]),
            timeline=words["--timeline"],
        ),
    )

    assert (again.label, again.target_time, again.seed) == (first.label, first.target_time, first.seed)
    assert again.reached.partition(", now on")[0] == first.reached.partition(", now on")[0]
    assert again.repeat == first.repeat


def test_an_old_backup_that_restores_well_is_not_green(backed_up: Production) -> None:
    """Nothing newer than the objective allows can be recovered: red, and the age says so (I28)."""
    strict = dataclasses.replace(
        backed_up.system,
        objectives={**backed_up.system.objectives, Scenario.DATABASE_CORRUPTION: Objective(900, 0.001)},
    )

    record = drill(strict, DrillRequest())

    assert record.verdict == Verdict.NOT_RECOVERABLE
    assert record.level == "stored"
    assert answers(record)["age"] == "FAILED"
    with pytest.raises(RecoveryFailed, match="level stored is not reached"):
        require(record)


def test_a_good_backup_that_takes_too_long_is_told_apart_from_a_bad_one(backed_up: Production) -> None:
    """Recoverable, and the run is red for the objective alone."""
    slow = dataclasses.replace(
        backed_up.system,
        objectives={**backed_up.system.objectives, Scenario.DATABASE_CORRUPTION: Objective(0.001, 900)},
    )

    record = drill(slow, DrillRequest())

    assert record.verdict == Verdict.RECOVERABLE
    with pytest.raises(ObjectiveMissed, match="RTO"):
        require(record)


def test_without_a_server_of_the_same_major_nothing_is_said_of_the_backup(
    backed_up: Production, tmp_path: Path
) -> None:
    """The host lacks something: inconclusive, with what to install (I27)."""
    lone = dataclasses.replace(
        backed_up.system, postgres=dataclasses.replace(backed_up.system.postgres, bin_directories=(tmp_path,))
    )

    record = drill(lone, DrillRequest())

    assert record.verdict == Verdict.INCONCLUSIVE
    assert str(backed_up.installation.major) in record.reasons[0]
    with pytest.raises(DrillInconclusive, match="could not tell"):
        require(record)


def test_the_history_has_every_drill_and_names_damaged_records(backed_up: Production) -> None:
    """Kept in the stores, newest first; one that cannot be read is named and hides no other."""
    first = drill(backed_up.system, DrillRequest(method=Method.LOGICAL))
    second = dataclasses.replace(first, run="later", begin=first.begin + timedelta(seconds=90))
    for record in (first, second):
        keep_drill(backed_up.system, record)
    store = next(iter(open_repository(backed_up.system).stores.values()))
    store.put_bytes("shop/drills/20200101_000000_x.json", b"{")

    history = read_history(backed_up.system)

    assert history.records[0] == second
    assert first in history.records
    assert len(history.unreadable) == 1
    assert not read_history(backed_up.system, since=datetime.now(UTC) + timedelta(days=1)).records
    store.delete("shop/drills/20200101_000000_x.json")


def test_only_the_newest_red_copies_are_kept(backed_up: Production) -> None:
    """What is needed to look into it stays, and does not fill the disk."""
    places = []
    for number in range(4):
        place = new_place(backed_up.system)
        place.mkdir()
        (place / "PG_VERSION").write_text("18")
        places.append(place)
        assert keep(backed_up.system, place, f"red {number}") == place

    assert [place.exists() for place in places] == [False, False, True, True]
    assert new_place(backed_up.system).parent != places[-1].parent
    assert places[-1].exists()


def test_the_stores_of_other_regions_are_those_of_another_region(backed_up: Production) -> None:
    """A data-centre outage leaves the second region and nothing else."""
    local = backed_up.system.stores[0]
    first = dataclasses.replace(local, name="cloud", kind="s3", path=None, bucket="a", region="eu-central-1")
    second = dataclasses.replace(first, name="far", region="us-west-2")

    assert stores_elsewhere(dataclasses.replace(backed_up.system, stores=(local, first, second))) == ("far",)
    assert stores_elsewhere(dataclasses.replace(backed_up.system, stores=(local, first))) == ()
