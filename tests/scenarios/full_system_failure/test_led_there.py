"""What stands around the host: made anew, led there in its order, and told of; asked of every provider itself."""

from __future__ import annotations

import json
import re

import pytest

from tests.scenarios.forgotten import ERASED
from tests.scenarios.full_system_failure.recovered import Recovered
from tests.scenarios.lost_host import LostHost
from tests.scenarios.surroundings import AFTER, KIND_OF_SERVER, NAME, NEW_SERVERS, OLD_SERVERS, TTL_SECONDS

pytestmark = pytest.mark.timeout(900)  # whoever is the first waits for all of it


def test_terraform_makes_what_was_lost_and_leaves_what_there_was(recovered: Recovered, lost: LostHost) -> None:
    """By the restored code and state: the network is not made twice, and the servers are there as in a disaster."""
    if lost.around.code is None:
        pytest.skip("not applicable: neither terraform nor tofu is installed")
    told = "\n".join(recovered.outcome["notes"])

    assert recovered.made == {"network": ["10.0.8.0/24"], "server": list(NEW_SERVERS)}
    assert re.search(r"infrastructure: 2 resources of \S*network made", told), told
    assert recovered.phase("plan network")["end"] <= recovered.phase("make network")["begin"]
    assert any("keep it" in line for line in recovered.outcome["todo"])


def test_the_server_runs_from_its_copy_in_the_region_that_is_left(recovered: Recovered, lost: LostHost) -> None:
    """One server for one, of its type; no server of the lost region was asked for."""
    (server,) = recovered.after.launched
    tags = {tag["Key"]: tag["Value"] for tag in server["Tags"]}

    assert (server["State"]["Name"], server["InstanceType"]) == ("running", KIND_OF_SERVER)
    assert tags["coreflow360-dr:source"] == lost.around.server
    assert any(server["InstanceId"] in note for note in recovered.outcome["notes"])


def test_the_load_balancer_has_the_new_servers_and_no_old_one(recovered: Recovered) -> None:
    """They are those of Terraform's output, and healthy."""
    assert set(recovered.before.targets) == set(OLD_SERVERS)
    assert recovered.after.targets == dict.fromkeys(NEW_SERVERS, "healthy")


def test_the_cache_was_emptied_of_everything_once(recovered: Recovered) -> None:
    """By Amazon's account; completed."""
    assert [(state.lower(), paths) for state, paths in recovered.after.invalidations] == [("completed", ("/*",))]


def test_servers_then_names_then_caches(recovered: Recovered) -> None:
    """In this order, after verification; where the name leads is told with how long some go on to the lost host."""
    switched = recovered.outcome["switched"]
    kinds = [line.partition(":")[0] for line in switched]

    assert kinds == sorted(kinds, key=("balancer", "dns", "cdn").index), switched
    assert set(kinds) == {"balancer", "dns", "cdn"}
    assert any(NAME in line and AFTER in line for line in switched)


def test_the_status_page_says_that_it_is_worked_on_and_then_that_it_is_over(
    recovered: Recovered, lost: LostHost
) -> None:
    """One incident, known by our reference: the same one that the incident's record has."""
    (incident,) = recovered.after.incidents
    said = [update["status"] for update in incident["incident_updates"]]
    (recorded,) = json.loads(recovered.host.dr("incident", "list").stdout)["incidents"]

    assert (incident["status"], said) == ("resolved", ["resolved", "identified"])
    assert lost.product.system.name in incident["name"]
    assert incident["metadata"]["coreflow360-dr"]["reference"] == recorded["incident"]


def test_machines_are_made_while_data_is_restored(recovered: Recovered) -> None:
    """Nobody waits for one to begin the other, and both are over before anything is started."""
    launch, database = recovered.phase("launch images"), recovered.phase("database")

    assert launch["begin"] < database["end"]
    assert launch["end"] <= recovered.phase("start the application")["begin"]
    assert recovered.phase("switch traffic")["begin"] > recovered.phase("wait until healthy")["end"]


@pytest.mark.incident("I32")
def test_who_asked_to_be_forgotten_does_not_come_back(recovered: Recovered) -> None:
    """The ledger went down with the host: the bucket has a copy of it, and the configuration has how it is done."""
    assert recovered.person == ERASED
    assert any("1 people erased again" in note for note in recovered.outcome["notes"])


def test_the_objective_holds_with_all_of_it(recovered: Recovered) -> None:
    """Time to live included."""
    verdict = recovered.outcome["verdict"]

    assert TTL_SECONDS < verdict["rto_seconds"] < verdict["objective"]["rto_seconds"]
