"""All switches of a system together: in which order, what a failure says, and the way back."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dr.configuration.procedures.balancer import BalancerSettings
from dr.configuration.procedures.cdn import CdnSettings
from dr.configuration.procedures.dns import DnsSettings
from dr.errors import ConfigurationError, InfrastructureError
from dr.operations.infrastructure.kept_outputs import keep_outputs
from dr.operations.switch_traffic import (
    look_at_traffic,
    plan_of_going_back,
    plan_of_settling,
    plan_of_undo,
    settle_traffic,
    switch_traffic,
    traffic_plan,
    undo_traffic,
)
from dr.policy.traffic_side import Side
from dr.secret import Secret
from dr.traffic.failures import NotAnswering
from tests.contracts.traffic_subjects import system_with
from tests.endpoints.faulty import Rule
from tests.integration.traffic.product import Product, settings_of

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def closed() -> str:
    """An address of this machine at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_servers_come_before_names_and_names_before_caches(product: Product) -> None:
    """A name never leads to servers that are not ready, and no cache fills itself from the old side."""
    changes = traffic_plan(product.system, Side.STANDBY)

    switched = switch_traffic(product.system, changes)

    assert [one.change.switch for one in switched] == ["balancer", "dns", "dns", "cdn"]
    assert [one.change for one in switched] == list(changes)
    begins = [one.phases[0].begin for one in switched]
    assert begins == sorted(begins)
    writes = [one for one in product.proxy.seen() if "Register" in one or ("rrset" in one and one.startswith("POST"))]
    assert ["Targets" in one for one in writes] == sorted(("Targets" in one for one in writes), reverse=True)
    assert product.cache.truth()
    assert [seen.now.value for seen in look_at_traffic(product.system)][:3] == [
        change.after.value for change in changes
    ][:3]


def test_everything_leads_back_to_exactly_what_there_was(product: Product) -> None:
    """Times to live included; the last that was switched goes first."""
    before = product.truth()
    switched = switch_traffic(product.system, traffic_plan(product.system, Side.STANDBY))
    assert product.truth() != before

    back = undo_traffic(product.system, switched)

    assert product.truth() == before
    assert [one.change.switch for one in back] == ["cdn", "dns", "dns", "balancer"]
    assert len(product.cache.truth()) == 4, "what was cached of the other side is stale as well"


def test_a_failure_says_what_is_switched_and_what_is_not(product: Product) -> None:
    """Names fail after the load balancer was switched: none of them is, and the same changes go on from there."""
    changes = traffic_plan(product.system, Side.STANDBY)
    names = product.names.truth()
    product.proxy.rules(Rule("rrset", status=503))

    with pytest.raises(NotAnswering) as caught:
        switch_traffic(product.system, changes)

    product.proxy.rules()
    detail = caught.value.detail
    assert product.names.truth() == names
    assert f"switched: balancer: {changes[0].name}" in detail
    waiting = detail.partition("not switched: ")[2]
    assert waiting == ", ".join(change.name for change in changes[1:])
    assert caught.value.retryable
    done = switch_traffic(product.system, changes)
    assert len(done) == 4
    assert product.names.truth() != names
    undo_traffic(product.system, done)
    assert product.names.truth() == names


def test_a_plan_is_enough_to_go_back(product: Product) -> None:
    """The run that switched has died and told nobody what came of it."""
    before = product.truth()
    changes = traffic_plan(product.system, Side.STANDBY)
    switch_traffic(product.system, changes)

    switch_traffic(product.system, plan_of_undo(changes))

    assert product.truth() == before


def test_settling_gives_names_their_old_time_to_live_and_touches_nothing_else(product: Product) -> None:
    """They stay where they lead, however often they were switched meanwhile."""
    switch_traffic(product.system, traffic_plan(product.system, Side.STANDBY))
    switch_traffic(product.system, traffic_plan(product.system, Side.PRIMARY))
    shop = ("shop.example.org.", "A")
    assert next(one for one in product.names.truth() if (one["Name"], one["Type"]) == shop)["TTL"] == 60
    groups, purges = product.groups.truth(), len(product.cache.truth())

    plan = plan_of_settling(product.system)
    settled = settle_traffic(product.system, plan)

    assert [one.change.name for one in settled] == ["shop.example.org", "api.example.org"]
    found = next(one for one in product.names.truth() if (one["Name"], one["Type"]) == shop)
    assert (found["TTL"], found["ResourceRecords"]) == (300, [{"Value": "192.0.2.1"}, {"Value": "192.0.2.2"}])
    assert product.groups.truth() == groups
    assert len(product.cache.truth()) == purges
    assert plan_of_settling(product.system) == ()


def test_a_switch_that_died_half_way_and_was_repeated_is_undone_as_a_whole(product: Product) -> None:
    """The plan of the second run is smaller; what the first had switched belongs to the same switch."""
    before = product.truth()
    changes = traffic_plan(product.system, Side.STANDBY)
    product.proxy.rules(Rule("rrset", status=503))
    with pytest.raises(NotAnswering):
        switch_traffic(product.system, changes)
    product.proxy.rules()
    second = traffic_plan(product.system, Side.STANDBY)
    assert not second[0].needed
    switch_traffic(product.system, second)

    switch_traffic(product.system, plan_of_going_back(product.system))

    assert product.truth() == before


def test_names_lead_to_what_the_infrastructure_says_of_itself(product: Product, tmp_path: Path) -> None:
    """Outputs that are given, or that the last apply on this host has kept; without any the output is named."""
    dns = settings_of(product.names, recovered=("terraform:web", "api.example.org=terraform:api"))
    system = system_with(tmp_path / "state", dns=dns)

    with pytest.raises(ConfigurationError, match="no output 'web'"):
        traffic_plan(system, Side.RECOVERED)
    keep_outputs(system, str(tmp_path), {"web": ("203.0.113.1", "203.0.113.2"), "api": ("lb.example.net",)})
    kept = traffic_plan(system, Side.RECOVERED)
    keep_outputs(system, str(tmp_path / "gone"), {"web": ("203.0.113.5",)})
    with pytest.raises(ConfigurationError, match="more than one module"):
        traffic_plan(system, Side.RECOVERED)
    keep_outputs(system, str(tmp_path), {"web": ("203.0.113.1", "203.0.113.2"), "api": ("lb.example.net",)})
    assert traffic_plan(system, Side.RECOVERED) == kept, "a module that is not there any more says nothing"
    given = traffic_plan(system, Side.RECOVERED, {"web": ("203.0.113.9",), "api": ("lb.example.net",)})

    assert kept[0].after.words == "A 203.0.113.1, 203.0.113.2, TTL 60 s"
    assert given[0].after.words == "A 203.0.113.9, TTL 60 s"
    assert kept[1].after.words == "CNAME lb.example.net, TTL 60 s"


def test_a_system_that_switches_nothing_has_an_empty_plan(tmp_path: Path) -> None:
    """And a plan that switches what the configuration does not have is refused."""
    nothing = system_with(tmp_path / "state")

    assert traffic_plan(nothing, Side.STANDBY) == ()
    assert switch_traffic(nothing, ()) == ()
    assert look_at_traffic(nothing) == ()


def test_a_plan_made_with_another_configuration_is_refused(product: Product, tmp_path: Path) -> None:
    """Before anything of it is done."""
    changes = traffic_plan(product.system, Side.STANDBY)
    before = product.truth()

    with pytest.raises(ConfigurationError, match="plan switches cdn"):
        switch_traffic(
            system_with(
                tmp_path,
                balancer=product.system.procedures.balancer,
                dns=product.system.procedures.dns,
            ),
            changes,
        )

    assert product.truth() == before


def test_a_provider_that_nobody_answers_for_is_given_up_in_time(tmp_path: Path, closed: str) -> None:
    """Both Amazon and Cloudflare; the setting that leads there is named."""
    amazon: Any = {
        "endpoint_url": closed,
        "region": "us-east-1",
        "access_key_id": "a",
        "secret_access_key": Secret("b"),
    }
    route53 = DnsSettings(zone="Z1", names=("shop.example.org",), **amazon)
    balancer = BalancerSettings(target_groups=("web",), **amazon)
    cdn = CdnSettings(provider="cloudflare", zone="z", cloudflare_url=closed, cloudflare_token=Secret("made-up"))

    for sections, setting in (({"dns": route53}, "dns.endpoint_url"), ({"cdn": cdn}, "cdn.cloudflare_url"),
                              ({"balancer": balancer}, "balancer.endpoint_url")):  # fmt: skip
        with pytest.raises(InfrastructureError) as caught:
            look_at_traffic(system_with(tmp_path, **sections))
        assert caught.value.retryable
        assert setting in caught.value.hint


def operator(product: Product, tmp_path: Path) -> dict[str, str]:
    """The environment of an operator, whose file configures the names alone."""
    dns, secret = product.system.procedures.dns, tmp_path / "secret"
    assert dns.secret_access_key is not None
    secret.write_text(dns.secret_access_key.reveal())
    (tmp_path / "dr.toml").write_text(
        f"""
[system.shop.stores.local]
path = "{tmp_path / "store"}"
[system.shop.encryption]
recipients = ["0123456789abcdef0123456789abcdef01234567"]
[system.shop.dns]
zone = "{dns.zone}"
names = ["shop.example.org", "api.example.org"]
standby = ["198.51.100.7", "api.example.org=new.example.net"]
endpoint_url = "{dns.endpoint_url}"
region = "us-east-1"
access_key_id = "{dns.access_key_id}"
secret_access_key_file = "{secret}"
"""
    )
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DR_RUNNER": "plain",
        "DR_CONFIG": str(tmp_path / "dr.toml"),
        "DR_STATE_DIRECTORY": str(tmp_path / "state"),
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/shop",
    }


def run(environment: dict[str, str], directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A program of ours in a process of its own, with nobody to ask."""
    return subprocess.run(
        (sys.executable, *arguments), env=environment, cwd=directory, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_steps_of_a_procedure_keep_what_they_did_in_its_journal(product: Product, tmp_path: Path) -> None:
    """On the plain runner, configured by a file: what a journal gives back undoes what a step has done."""
    before = product.truth()

    done = run(operator(product, tmp_path), tmp_path, "-c", STEPS)

    assert done.returncode == 0, done.stderr
    assert product.truth() == before
    (journal,) = (tmp_path / "state").rglob("journal.jsonl")
    assert "198.51.100.7" in journal.read_text()
    assert product.names.secret.reveal() not in journal.read_text() + done.stdout + done.stderr


def test_an_operator_sees_switches_and_goes_back_by_one_command(product: Product, tmp_path: Path) -> None:
    """``dr traffic``: a dry run and a refusal touch nothing; the way back is known to this host."""
    before = product.truth()
    environment = operator(product, tmp_path)

    def traffic(*arguments: str) -> tuple[int, Any]:
        done = run(environment, tmp_path, "-m", "dr.cli", "traffic", "--system", "shop", "--json", *arguments)
        return done.returncode, json.loads(done.stdout)

    shown = traffic()
    tried = traffic("--to", "standby", "--dry-run")
    refused = traffic("--to", "standby")
    assert product.truth() == before
    switched = traffic("--to", "standby", "--confirm", "shop")
    there = product.names.truth()
    back = traffic("--to", "back", "--confirm", "shop")

    assert [code for code, _ in (shown, tried, refused, switched, back)] == [0, 0, 11, 0, 0]
    assert shown[1]["traffic"][0]["now"]["words"].startswith("A 192.0.2.1")
    assert tried[1]["plan"] == refused[1]["plan"]
    assert switched[1]["switched"][0]["change"]["after"]["words"] == "A 198.51.100.7, TTL 60 s"
    assert there != before[1]
    assert product.truth() == before


def test_another_plan_than_the_one_that_was_agreed_to_is_refused(product: Product, tmp_path: Path) -> None:
    """Somebody has changed a name while the operator was typing: nothing is switched."""
    before = product.truth()

    done = run(operator(product, tmp_path), tmp_path, "-c", AGREED)

    assert "TargetRefused" in done.stderr
    assert "not what was agreed to" in done.stderr
    assert product.truth() == before


AGREED = """
from dr.policy.traffic_side import Destination
from flows.switch_traffic import switch_traffic

switch_traffic(system="shop", to=Destination.STANDBY, confirm_name="shop", agreed="0123")
"""

STEPS = """
from dr.policy.traffic_side import Destination
from tasks import traffic
from tasks.course import course
from tasks.runner import RUNNER, flow
from tasks.systems import load_system

@flow(name="traffic-test")
def there_and_back(system):
    with course(load_system(system, require_postgres=False), "traffic-test", {"side": "standby"}) as steps:
        changes = steps.step("plan", traffic.plan_for, system, Destination.STANDBY)
        switched = steps.step("switch", traffic.switch, system, changes)
        again = steps.step("switch", traffic.switch, system, changes)
        assert again == switched and switched[0].change.needed
        steps.step("undo", traffic.switch, system, [one.change.back() for one in again])

assert RUNNER == "plain"
there_and_back("shop")
"""
