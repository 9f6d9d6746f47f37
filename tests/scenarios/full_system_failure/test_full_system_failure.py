"""Everything is gone: the whole product comes back on a clean host, from a bucket, a key and a configuration.

Without Prefect, with no network but the way to the bucket. Every order that a customer was told of is accounted for:
it is there as it was, or it lies after the last WAL that any store has, and the report says how much that is at most.
"""

from __future__ import annotations

import json
from datetime import datetime
from itertools import pairwise

import pytest

from dr.postgres.standby import server_role
from dr.secret import Secret
from tests.scenarios.full_system_failure.recovered import Recovered
from tests.scenarios.lost_host import CONFIRMED, KINDS, LostHost
from tests.scenarios.surroundings import AFTER, BEFORE, TTL_SECONDS

pytestmark = pytest.mark.timeout(900)  # whoever is the first waits for all of it


def test_every_acknowledged_order_is_accounted_for(recovered: Recovered, lost: LostHost) -> None:
    """What was shipped is there; what is not there came later than all that is, and within the loss that is told."""
    missing = recovered.host.missing()
    there = [order for order in lost.acknowledged if order not in missing]
    loss = recovered.outcome["loss"]

    assert len(there) >= lost.shipped > 0
    assert all(one.at > max(order.at for order in there) for one in missing)
    assert loss["seconds"] is not None
    assert all((lost.disaster_at - one.at).total_seconds() <= loss["seconds"] for one in missing)


@pytest.mark.incident("I8")
def test_every_component_is_back_as_it_was(recovered: Recovered, lost: LostHost) -> None:
    """Each by its own comparison with what was destroyed; code and logs lie ready, and that is said."""
    parts = {part["name"]: part for part in recovered.outcome["parts"]}
    problems = {kind: found.problems for kind, found in recovered.host.compared().items()}

    assert {name.partition(" ")[0] for name in parts} == {"database", *KINDS, *lost.around.kinds}
    assert not any(part["failed"] for part in parts.values()), parts
    assert problems == dict.fromkeys(("redis", "files", "config", "secrets", "certificates"), ())
    left = [line for line in recovered.outcome["todo"] if "bring it to where it belongs" in line]
    assert any("code" in line for line in left)
    assert any("logs" in line for line in left)


@pytest.mark.incident("I8")
def test_everything_happens_in_its_order_and_what_may_go_together_does(recovered: Recovered) -> None:
    """Files before services, services before the application, verification before traffic; each with its time."""
    names = (
        "lay config",
        "erase the forgotten",
        "start data services",
        "put Redis back",
        "start the application",
        "wait until healthy",
        "switch traffic",
    )
    order = [recovered.phase(name) for name in names]
    database, files = recovered.phase("database"), recovered.phase("restore files")

    assert all(one["end"] <= next_one["begin"] for one, next_one in pairwise(order))
    assert recovered.phase("restore code")["begin"] >= recovered.phase("switch traffic")["end"]
    assert max(database["begin"], files["begin"]) < min(database["end"], files["end"])
    assert all(phase["busy_seconds"] is None or phase["busy_seconds"] >= 0 for phase in recovered.outcome["phases"])


def test_the_name_leads_here_only_after_all_of_it_was_verified(recovered: Recovered) -> None:
    """Before it led to the lost host. That others learn of it later counts in the recovery time."""
    verdict = recovered.outcome["verdict"]

    assert (recovered.before.name, recovered.after.name) == ((BEFORE, TTL_SECONDS), (AFTER, 60))
    assert recovered.outcome["blocked"] == []
    assert recovered.outcome["switched"]
    everywhere = recovered.phase("until everybody is led here")
    assert everywhere["end"] - everywhere["begin"] == pytest.approx(TTL_SECONDS)
    assert verdict["rto_seconds"] >= recovered.phase("switch traffic")["end"] + TTL_SECONDS


def test_it_meets_the_objective_of_a_full_system_failure(recovered: Recovered) -> None:
    """30 minutes, and at most 30 minutes lost."""
    verdict = recovered.outcome["verdict"]

    assert verdict["objective"] == {"rto_seconds": 1800, "rpo_seconds": 1800}
    assert verdict["rto_seconds"] < 1800
    assert verdict["rpo_at_most"] < 1800


@pytest.mark.incident("I28")
def test_a_new_host_measures_no_loss_and_says_what_it_is_at_most(recovered: Recovered, lost: LostHost) -> None:
    """It remembers no canary, and the one that there was had died long before: the copy's last commit is the bound."""
    verdict, answer = recovered.outcome["verdict"], recovered.answer
    canary = recovered.outcome["loss"]["restored"]["committed_at"]
    silent = (lost.disaster_at - datetime.fromisoformat(canary)).total_seconds()

    assert (answer["rpo"], answer["rpo_seconds"], verdict["rpo_seconds"]) == ("at most", None, None)
    assert 0 < answer["rpo_at_most_seconds"] == verdict["rpo_at_most"] < silent


def test_commits_wait_for_nobody_who_is_lost_as_well(recovered: Recovered, lost: LostHost) -> None:
    """Otherwise the first order would hang; what it was is told, to be set again."""
    with_it = [line for line in recovered.outcome["notes"] if repr(CONFIRMED) in line]
    again = [line for line in recovered.outcome["todo"] if repr(CONFIRMED) in line]

    assert len(with_it) == len(again) == 1
    assert recovered.host.here(_waited_for, lost.product.superuser_url) == ""


def _waited_for(url: Secret) -> str:
    return server_role(url).synchronous_standby_names


def test_the_plan_says_every_part_where_it_goes_and_what_is_missing(recovered: Recovered, lost: LostHost) -> None:
    """Before anybody agrees to anything; a dry run leaves nothing on the host."""
    plan = recovered.planned["plan"]
    parts = {part["name"].partition(" ")[0]: part for part in plan["parts"]}

    assert plan["point"] == lost.point
    assert set(parts) == {*KINDS, *lost.around.kinds}
    assert all(part["fetch_bytes"] > 0 and part["stores"] == ["cloud"] for part in parts.values())
    assert plan["database"]["directory"] == str(lost.product.place.production)
    assert "newest WAL" in plan["database"]["choice"]
    assert not any("no backup belongs to it" in line for line in plan["missing"]), plan["missing"]
    assert len(set(plan["missing"])) == len(plan["missing"]), "said twice: of two parts of one kind"


@pytest.mark.incident("I4")
def test_that_nobody_can_say_who_is_in_charge_holds_nobody_up_and_is_told(recovered: Recovered) -> None:
    """Both regions are gone, and somebody could still write in one: in the plan, the report and the incident."""
    told = {
        "plan": recovered.planned["plan"]["elsewhere"],
        "report": recovered.outcome["notes"],
        "incident": json.loads(recovered.host.dr("incident", "report").stdout)["report"].splitlines(),
    }

    for where, lines in told.items():
        found = [line for line in lines if "is in charge is not known" in line]
        assert any("192.0.2.1" in line for line in found), (where, lines)
        assert any("198.51.100.1" in line for line in found), (where, lines)


def test_it_ran_without_prefect_and_its_record_is_in_the_store(recovered: Recovered, lost: LostHost) -> None:
    """By the plain runner, every step with its time; the incident that it opened is on the host and in the store."""
    found = lost.amazon.client().list_objects_v2(
        Bucket=lost.cloud.bucket, Prefix=f"{lost.product.system.name}/evidence/"
    )
    keys = [item["Key"] for item in found["Contents"]]
    bodies = [
        json.loads(lost.amazon.client().get_object(Bucket=lost.cloud.bucket, Key=key)["Body"].read())
        for key in keys
        if "/run_" in key
    ]
    runs = [body for body in bodies if body["flow"] == "full-recovery" and body["outcome"] == "completed"]
    listed = recovered.host.dr("incident", "list")

    assert {run["runner"] for run in runs} == {"plain"}
    assert any("restore the database" in {step["name"] for step in run["steps"]} for run in runs)
    assert any("/incident_" in key for key in keys)
    assert listed.returncode == 0, listed.stderr


def test_a_second_full_recovery_onto_the_same_host_is_refused(recovered: Recovered, lost: LostHost) -> None:
    """What is there now is in service: nothing of it is touched."""
    refused = recovered.host.dr("full-recovery", "--confirm", recovered.host.system.name)

    assert refused.returncode == 11, refused.stdout
    assert str(lost.product.place.production) in refused.stdout
    assert recovered.host.here(lost.product.rows)
