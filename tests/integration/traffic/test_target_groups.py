"""What is particular about load balancers: servers that do not become healthy, runs that died, groups left alone."""

from __future__ import annotations

import secrets
import time
from typing import Any

import pytest

from dr.configuration.procedures.balancer import BalancerSettings
from dr.errors import ConfigurationError, InfrastructureError
from dr.policy.traffic_side import Side
from dr.traffic.target_groups import TargetGroups
from tests.contracts.traffic_subjects import client
from tests.endpoints.faulty import Faulty, Rule
from tests.endpoints.serving import REGION, Endpoint

HEALTH = "^POST / DescribeTargetHealth"


class Group:
    """A target group of its own with one old server, behind the proxy."""

    def __init__(self, endpoint: Endpoint, proxy: Faulty) -> None:
        self.endpoint, self.proxy = endpoint, proxy
        self.name = f"web-{secrets.token_hex(4)}"
        vpc = client(endpoint, "ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
        self.balancers = client(endpoint, "elbv2")
        made = self.balancers.create_target_group(Name=self.name, Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")
        self.arn = made["TargetGroups"][0]["TargetGroupArn"]
        self.add("10.0.0.1")

    def add(self, address: str) -> None:
        self.balancers.register_targets(TargetGroupArn=self.arn, Targets=[{"Id": address, "Port": 80}])

    def servers(self) -> set[str]:
        found = self.balancers.describe_target_health(TargetGroupArn=self.arn)["TargetHealthDescriptions"]
        return {one["Target"]["Id"] for one in found}

    def switch(self, **changes: Any) -> TargetGroups:
        given: dict[str, Any] = {
            "endpoint_url": self.proxy.url,
            "region": REGION,
            "access_key_id": self.endpoint.access_key_id,
            "secret_access_key": self.endpoint.secret_access_key,
            "target_groups": (self.name,),
            "recovered": ("10.0.1.1", "10.0.1.2"),
            "wait_minutes": 0.02,
        }
        return TargetGroups(BalancerSettings(**(given | changes)))


@pytest.fixture
def group(moto_endpoint: Endpoint, amazon: Faulty) -> Group:
    """With one old server."""
    return Group(moto_endpoint, amazon)


def unhealthy(group: Group, *, state: str = "unhealthy", reason: str = "Target.FailedHealthChecks") -> Rule:
    """New servers are said to be so; the old one is as it is."""

    def member(address: str, state: str, reason: str) -> str:
        health = f"<TargetHealth><State>{state}</State><Reason>{reason}</Reason></TargetHealth>"
        return f"<member>{health}<Target><Port>80</Port><Id>{address}</Id></Target></member>"

    members = [member("10.0.0.1", "healthy", ""), *(member(one, state, reason) for one in ("10.0.1.1", "10.0.1.2"))]
    listed = f"<TargetHealthDescriptions>{''.join(members)}</TargetHealthDescriptions>"
    result = f"<DescribeTargetHealthResult>{listed}</DescribeTargetHealthResult>"
    return Rule(HEALTH, status=200, answer=f"<DescribeTargetHealthResponse>{result}</DescribeTargetHealthResponse>")


def test_servers_that_never_become_healthy_go_again(group: Group) -> None:
    """The old ones served all the time; the load balancer's reasons are told."""
    switch = group.switch()
    changes = switch.plan(Side.RECOVERED, {})
    group.proxy.rules(Rule(HEALTH, times=1), unhealthy(group))

    with pytest.raises(InfrastructureError, match="do not become healthy") as caught:
        switch.apply(changes)

    assert group.servers() == {"10.0.0.1"}
    assert "10.0.1.1:80 unhealthy (Target.FailedHealthChecks" in caught.value.detail
    assert "health check path" in caught.value.hint
    group.proxy.rules()
    switch.apply(changes)
    assert group.servers() == {"10.0.1.1", "10.0.1.2"}


def test_a_group_that_nothing_listens_for_is_not_waited_for(group: Group) -> None:
    """Its servers are never asked, so they never become healthy."""
    switch = group.switch(wait_minutes=5.0)
    changes = switch.plan(Side.RECOVERED, {})
    group.proxy.rules(Rule(HEALTH, times=1), unhealthy(group, state="unused", reason="Target.NotInUse"))
    begin = time.monotonic()

    with pytest.raises(InfrastructureError, match=r"do not become healthy"):
        switch.apply(changes)

    assert time.monotonic() - begin < 60


def test_a_run_that_died_between_adding_and_removing_is_gone_on_with(group: Group) -> None:
    """Both sides are in the group, which serves; the next run adds nothing twice and removes the old ones."""
    switch = group.switch()
    changes = switch.plan(Side.RECOVERED, {})
    group.add("10.0.1.1")

    switch.apply(changes)

    assert group.servers() == {"10.0.1.1", "10.0.1.2"}


def test_an_error_in_the_middle_puts_the_group_back(group: Group) -> None:
    """The provider fails when it is asked for health: what was added goes again."""
    switch = group.switch()
    changes = switch.plan(Side.RECOVERED, {})
    refused = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
    group.proxy.rules(Rule(HEALTH, times=1), Rule(HEALTH, status=403, answer=refused, times=1))

    with pytest.raises(InfrastructureError, match="permission denied"):
        switch.apply(changes)

    assert group.servers() == {"10.0.0.1"}


def test_a_side_without_servers_leaves_the_group_as_it_is(group: Group) -> None:
    """It has a load balancer of its own; that nothing is done is said."""
    (change,) = group.switch().plan(Side.STANDBY, {})

    assert not change.needed
    assert "nothing to do" in change.described()


def test_a_group_that_there_is_not_is_named(group: Group) -> None:
    """By name, and by an ARN of another region."""
    for wanted in ("web-of-tomorrow", group.arn.replace(REGION, "eu-west-1")):
        with pytest.raises(InfrastructureError, match="target group"):
            group.switch(target_groups=(wanted,)).plan(Side.RECOVERED, {})


def test_servers_for_a_group_that_is_not_configured_are_refused(group: Group) -> None:
    """A misspelt name would leave the group as it is."""
    with pytest.raises(ConfigurationError, match=r"which balancer\.target_groups does not hold"):
        group.switch(recovered=("wep=10.0.1.1",)).plan(Side.RECOVERED, {})
