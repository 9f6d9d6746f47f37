"""Machines come back: images launched once however often it is run, infrastructure made of its code and state."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.catalog.manifest import Manifest
from dr.configuration.components.terraform import TerraformSettings
from dr.configuration.model import System
from dr.errors import InfrastructureError, TargetRefused
from dr.operations.component.restore import find_component
from dr.operations.full_recovery.destinations import destination
from dr.operations.full_recovery.infrastructure import module_path, modules, push_states
from dr.operations.full_recovery.launch import launch_images
from dr.operations.full_recovery.parts import RestoredPart, restore_part
from dr.operations.infrastructure.apply import apply_infrastructure
from dr.operations.infrastructure.plan import plan_infrastructure
from dr.policy.full_plan import PlannedPart, Then
from tests.endpoints.ec2_front import Rule
from tests.integration.components.images_site import AWAY, HOME, Site
from tests.integration.components.shelf import Shelf
from tests.integration.components.states import module, required_terraform
from tests.integration.infrastructure.site import CODE

RUN = "full-recovery_20260101_020000"


def planned(system: System, kind: Kind) -> PlannedPart:
    """The newest backup of a kind, as a plan has it."""
    found = find_component(system, "latest", kind)
    manifest: Manifest = found.manifest
    then, where = destination(system, manifest)
    return PlannedPart(
        str(kind), str(kind), kind, manifest.label, manifest.begin, found.stores, manifest.stored_bytes, then, where
    )


def with_recovery(system: System, **changes: object) -> System:
    """The same with these settings of the section recovery."""
    recovery = dataclasses.replace(system.procedures.recovery, **changes)  # type: ignore[arg-type]
    return dataclasses.replace(system, procedures=dataclasses.replace(system.procedures, recovery=recovery))


@pytest.fixture
def imaged(site: Site) -> Site:
    """A server whose image lies in two regions, backed up."""
    server = site.server(user_data="#!/bin/sh\necho shop\n", Name="web")
    made = site.with_images(instances=(server,), copy_region=AWAY, wait_minutes=1)
    made.shelf.back_up(Kind.IMAGES)
    return made


def restored_images(site: Site, subnet: str) -> tuple[System, RestoredPart]:
    """On a host that is to launch them there."""
    system = with_recovery(site.shelf.system, launch_subnet=subnet, launch_instance_type="t3.large")
    part = planned(system, Kind.IMAGES)
    assert part.then is Then.LAUNCHED
    return system, restore_part(system, part, RUN)


def living(site: Site, region: str) -> list[dict[str, object]]:
    """The servers of a full recovery, as EC2 has them."""
    wanted = [
        {"Name": "tag:coreflow360-dr:system", "Values": [site.name]},
        {"Name": "tag:coreflow360-dr:state", "Values": ["full-recovery"]},
    ]
    found = site.client(region=region).describe_instances(Filters=wanted)["Reservations"]
    return [instance for one in found for instance in one["Instances"]]


def test_images_are_launched_once_in_the_region_of_the_subnet(imaged: Site) -> None:
    """With the type that is set and the user data that the server had; run again, the same server is found."""
    system, restored = restored_images(imaged, imaged.subnet(AWAY))
    first, second = launch_images(system, restored, RUN), launch_images(system, restored, RUN)
    other = launch_images(system, restored, "full-recovery_20260101_030000")
    found = living(imaged, AWAY)

    assert [server.region for server in first] == [AWAY]
    assert [server.instance for server in first] == [server.instance for server in second]
    assert other[0].instance != first[0].instance
    assert {str(item["InstanceType"]) for item in found} == {"t3.large"}
    assert len(found) == 2
    assert not living(imaged, HOME)


def test_a_server_is_launched_once_although_it_is_not_listed_yet_and_waited_for_by_whoever_finds_it(
    imaged: Site,
) -> None:
    """EC2 says what it has been asked for a moment ago only after a while; found or not, it has to pass its checks."""
    system, restored = restored_images(imaged, imaged.subnet(AWAY))
    (first,) = launch_images(system, restored, RUN)
    nothing = Rule("DescribeInstances", times=1, old="<reservationSet>.*</reservationSet>", new="<reservationSet/>")
    imaged.front.rule(nothing)
    (second,) = launch_images(system, restored, RUN)
    looks = imaged.front.seen("DescribeInstances")
    imaged.front.rule(Rule("DescribeInstanceStatus", times=1, old=">ok<", new=">initializing<"))
    (third,) = launch_images(system, restored, RUN)

    assert len(living(imaged, AWAY)) == 1
    assert first.instance == second.instance == third.instance
    assert looks == 2
    assert imaged.front.seen("DescribeInstanceStatus") == 2


def test_a_server_that_was_ended_since_is_launched_anew(imaged: Site) -> None:
    """Whoever runs the recovery again wants another, which EC2 does not give for the token of the first."""
    system, restored = restored_images(imaged, imaged.subnet(AWAY))
    (first,) = launch_images(system, restored, RUN)
    imaged.client(region=AWAY).terminate_instances(InstanceIds=[first.instance])
    imaged.front.rule(Rule("RunInstances", times=1, code="IdempotentInstanceTerminated"))
    (second,) = launch_images(system, restored, RUN)

    assert second.instance != first.instance


def test_a_region_that_is_gone_is_passed_over_and_a_subnet_of_nowhere_is_said(imaged: Site) -> None:
    """The copies' region is there for that."""
    system, restored = restored_images(imaged, imaged.subnet(AWAY))
    imaged.front.rule(Rule("DescribeSubnets", code="UnauthorizedOperation", status=403, times=1))
    launched = launch_images(system, restored, RUN)
    nowhere = with_recovery(system, launch_subnet="subnet-0123456789abcdef0")

    assert launched[0].region == AWAY
    with pytest.raises(InfrastructureError, match=r"none of .* has the subnet"):
        launch_images(nowhere, restored, RUN)


def test_without_a_subnet_images_are_left_for_people(imaged: Site) -> None:
    """Launching costs money."""
    assert planned(imaged.shelf.system, Kind.IMAGES).then is Then.LEFT


@pytest.mark.slow
def test_infrastructure_is_made_of_the_restored_code_and_state(shelf: Shelf, tmp_path: Path) -> None:
    """Its local state comes with it: what is there already is not made twice, and a second run does nothing."""
    required_terraform()
    gate = tmp_path / "gate"
    code = module(tmp_path / "network", CODE)
    made = shelf.with_components(terraform=TerraformSettings(directories=(code,)))
    made.back_up(Kind.TERRAFORM)
    system = with_recovery(made.system, apply_infrastructure=True)
    infrastructure = dataclasses.replace(system.procedures.infrastructure, variables=(f"gate={gate}",))
    procedures = dataclasses.replace(system.procedures, infrastructure=infrastructure)
    system = dataclasses.replace(system, procedures=procedures)
    part = planned(system, Kind.TERRAFORM)
    restored = restore_part(system, part, RUN)
    pushed = push_states(system, restored)
    (one,) = modules(system, restored)
    plan = plan_infrastructure(system, module_path(one))
    done = apply_infrastructure(system, plan)
    again = plan_infrastructure(system, module_path(one))

    assert (part.then, pushed, one.local) == (Then.APPLIED, (), True)
    assert len(done.done) == 2
    assert not again.needed
    assert (module_path(one) / "terraform.tfstate").exists()
    assert not (code / "terraform.tfstate").exists()


@pytest.mark.slow
def test_a_plan_that_would_destroy_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    """The wrong state or workspace: nobody has agreed to that."""
    required_terraform()
    code = module(tmp_path / "network", CODE)
    made = shelf.with_components(terraform=TerraformSettings(directories=(code,)))
    state = {
        "version": 4,
        "terraform_version": "1.5.0",
        "serial": 3,
        "lineage": "a-lineage",
        "outputs": {},
        "resources": [
            {
                "mode": "managed",
                "type": "terraform_data",
                "name": "gone",
                "provider": 'provider["terraform.io/builtin/terraform"]',
                "instances": [{"schema_version": 0, "attributes": {"id": "1"}}],
            }
        ],
    }
    (code / "terraform.tfstate").write_text(json.dumps(state))
    made.back_up(Kind.TERRAFORM)
    system = with_recovery(made.system, apply_infrastructure=True)
    restored = restore_part(system, planned(system, Kind.TERRAFORM), RUN)
    (one,) = modules(system, restored)

    with pytest.raises(TargetRefused, match="destroy"):
        plan_infrastructure(system, module_path(one))
