"""What a plan says is missing for lack of a setting, before anybody agrees to it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.configuration.procedures.balancer import BalancerSettings
from dr.configuration.procedures.dns import DnsSettings
from dr.operations.full_recovery.surroundings import lacking
from dr.policy.full_plan import PlannedPart, Then
from tests.contracts.traffic_subjects import system_with

NAMES = DnsSettings(zone="Z1", names=("shop.example.org",), recovered=("shop.example.org=terraform:web",))
SERVERS = BalancerSettings(target_groups=("web",), recovered=("192.0.2.7",))


def infrastructure(then: Then) -> PlannedPart:
    """The backup of it, and what is to become of it."""
    taken = datetime(2026, 1, 1, tzinfo=UTC)
    label = "terraform_20260101_020000"
    return PlannedPart("terraform", "infrastructure", Kind.TERRAFORM, label, taken, ("cloud",), 1, then, "below /srv")


@pytest.mark.parametrize(("then", "told"), [(Then.LEFT, True), (Then.APPLIED, False)])
def test_outputs_of_an_infrastructure_that_is_not_applied_are_told_by_the_plan(
    tmp_path: Path, then: Then, told: bool
) -> None:
    """Not first when everything is restored and people are to be led here; addresses need no infrastructure."""
    system = system_with(tmp_path, dns=NAMES, balancer=SERVERS)

    lines = lacking(system, None, (infrastructure(then),))

    assert any(line.startswith("dns.recovered names web of the infrastructure") for line in lines) is told
    assert not any(line.startswith("balancer.recovered") for line in lines)
