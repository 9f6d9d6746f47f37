"""A copy is launched to see that it starts: shut off from everything, and gone afterwards whatever happens."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from dr.aws.ec2_instances import Ec2Instances, LaunchOrder
from dr.components.images.cloud import Cloud
from dr.components.images.description import Description
from dr.components.images.launch import end_leftovers, launch_image
from dr.components.images.questions import questions
from dr.policy.drill_verdict import Answer, Probe
from tests.endpoints.ec2_front import Rule
from tests.integration.components.images_site import AWAY, Site, door, site

CHECKS = "DescribeInstanceStatus"
KILLED = """
import os, signal, sys
from dr.components.images.cloud import Cloud
from dr.components.images.launch import launched_for_a_test
from dr.configuration.components.images import ImagesSettings
from dr.secret import Secret
url, region, image, subnet, system = sys.argv[1:]
settings = ImagesSettings(endpoint_url=url, access_key_id="anybody", secret_access_key=Secret("anything"))
with launched_for_a_test(Cloud(settings, region).servers, image, "t3.micro", subnet, system, 1):
    os.kill(os.getpid(), signal.SIGKILL)
"""


__all__ = ["door", "site"]


def ended(code: str, message: str) -> Rule:
    """EC2 ends the server by itself as soon as it is launched, and says why."""
    reason = f"<stateReason><code>{code}</code><message>{code}: {message}</message></stateReason>"
    return Rule(
        "DescribeInstances",
        old="<stateReason><code/><message/></stateReason>(.*?)<name>running</name>",
        new=rf"{reason}\1<name>terminated</name>",
    )


@dataclass(frozen=True)
class Trial:
    """A site with an image in two regions, where launch tests are allowed."""

    site: Site
    description: Description

    @property
    def image(self) -> str:
        """The copy."""
        return self.description.servers[0].images[-1].id

    @property
    def subnet(self) -> str:
        return str(self.site.settings.launch_subnet)

    @property
    def servers(self) -> Ec2Instances:
        return Cloud(self.site.settings, AWAY).servers

    def question(self) -> Probe:
        """What the launch test answers."""
        return questions(self.site.settings, self.description.items, self.description)[-1]

    def launched(self) -> list[dict[str, Any]]:
        """The instances of launch tests, terminated ones too."""
        wanted = [
            {"Name": "tag:coreflow360-dr:system", "Values": [self.site.name]},
            {"Name": "tag:coreflow360-dr:state", "Values": ["launch-test"]},
        ]
        found = self.site.client(region=AWAY).describe_instances(Filters=wanted)["Reservations"]
        return [instance for reservation in found for instance in reservation["Instances"]]

    def groups(self) -> list[dict[str, Any]]:
        """The security groups that launch tests left."""
        wanted = [{"Name": "tag:coreflow360-dr:system", "Values": [self.site.name]}]
        return list(self.site.client(region=AWAY).describe_security_groups(Filters=wanted)["SecurityGroups"])


@pytest.fixture
def tested(site: Site) -> Trial:
    """Its server has user data that must not run in a test."""
    site = site.with_images(
        instances=(site.server("rm -rf production"),),
        copy_region=AWAY,
        launch_test=True,
        launch_subnet=site.subnet(),
        wait_minutes=0.03,
    )
    return Trial(site, site.make())


def groups_of(instance: dict[str, Any]) -> list[str]:
    """The security groups of its one network interface: moto names them nowhere else."""
    (interface,) = instance["NetworkInterfaces"]
    return [group["GroupId"] for group in interface["Groups"]]


def test_a_copy_is_launched_from_the_other_region_and_is_gone_afterwards(tested: Trial) -> None:
    """It starts, passes its checks, is measured, and neither server nor group is left; nothing ran in it of ours."""
    probe = tested.question()

    (server,) = tested.launched()
    assert probe.answer is Answer.PASSED
    assert "both checks passed after" in probe.detail
    assert server["ImageId"] == tested.image
    assert server["State"]["Name"] == "terminated"
    assert "IamInstanceProfile" not in server
    assert tested.servers.user_data(server["InstanceId"]) == b""
    assert tested.groups() == []


@pytest.mark.incident("I27")
@pytest.mark.parametrize(
    "rule, answer, words, started",
    [
        (Rule(CHECKS, old="<status>ok<", new="<status>impaired<"), Answer.FAILED, "impaired", True),
        (Rule(CHECKS, old="<status>ok<", new="<status>initializing<"), Answer.UNPROVEN, "0.03 minutes", True),
        (Rule(CHECKS, status=403, code="UnauthorizedOperation"), Answer.UNPROVEN, "permission denied", True),
        (Rule("RunInstances", code="InsufficientInstanceCapacity"), Answer.UNPROVEN, "Insufficient", False),
        (ended("Client.VolumeLimitExceeded", "Volume limit exceeded"), Answer.UNPROVEN, "Volume limit", True),
        (ended("Client.InternalError", "Client error on launch"), Answer.UNPROVEN, "error on launch", True),
        (ended("Client.InvalidKMSKey.InvalidState", "the key is disabled"), Answer.UNPROVEN, "disabled", True),
        (ended("Server.InternalError", "Internal error on launch"), Answer.UNPROVEN, "Internal error", True),
        (ended("Client.InvalidSnapshot.NotFound", "no such snapshot"), Answer.FAILED, "no such snapshot", True),
        (ended("Client.InstanceInitiatedShutdown", "it shut down"), Answer.FAILED, "it shut down", True),
    ],
)
def test_a_launch_that_goes_wrong_leaves_nothing_and_is_judged_by_whose_fault_it_is(
    tested: Trial, rule: Rule, answer: Answer, words: str, started: bool
) -> None:
    """A copy whose checks fail is bad; what EC2 or this host lacks leaves it open. The server is ended every time."""
    tested.site.front.rule(rule)

    probe = tested.question()

    assert probe.answer is answer
    assert words in probe.detail
    assert [server["State"]["Name"] for server in tested.launched()] == ["terminated"] * started
    assert tested.groups() == []


def test_a_test_that_is_killed_leaves_a_closed_server_and_the_next_one_ends_it(tested: Trial) -> None:
    """SIGKILL in the midst: the server has no way in or out and no public address; its tags tell the next test."""
    argv = (tested.site.front.endpoint.url, AWAY, tested.image, tested.subnet, tested.site.name)
    done = subprocess.run((sys.executable, "-c", KILLED, *argv), capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    (left,), (group,) = tested.launched(), tested.groups()

    young = end_leftovers(tested.servers, tested.site.name, timedelta(hours=1))
    ended = end_leftovers(tested.servers, tested.site.name, timedelta())

    assert left["State"]["Name"] == "running"
    assert groups_of(left) == [group["GroupId"]]
    assert group["IpPermissions"] == group["IpPermissionsEgress"] == []
    assert "PublicIpAddress" not in left
    assert young == ()
    assert ended == (left["InstanceId"],)
    assert [server["State"]["Name"] for server in tested.launched()] == ["terminated"]
    assert tested.groups() == []


def test_a_server_launched_for_a_recovery_stays_and_has_what_was_ordered(tested: Trial) -> None:
    """The same image, for real: type, user data and tags are as ordered, and nobody ends it."""
    servers = tested.servers
    group = servers.closed_group(tested.subnet, f"for {tested.site.name}", {"a": "b"})
    tags = {"Name": "web"}
    order = LaunchOrder(tested.image, "t3.large", tested.subnet, (group,), tags, user_data=b"echo back")

    started = launch_image(servers, order, 1)

    found = servers.instances([started.instance])[started.instance]
    assert (found.state, found.instance_type, found.tags["Name"]) == ("running", "t3.large", "web")
    assert servers.user_data(started.instance) == b"echo back"
    assert 0 < started.running_seconds <= started.ready_seconds
    raw = tested.site.client(region=AWAY).describe_instances(InstanceIds=[started.instance])
    assert groups_of(raw["Reservations"][0]["Instances"][0]) == [group]
