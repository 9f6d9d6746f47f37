"""Settings of the section ``balancer``."""

from __future__ import annotations

from dataclasses import dataclass

from dr.configuration import parsers
from dr.configuration.components.aws import AwsSettings
from dr.configuration.components.declared import given


@dataclass(frozen=True, slots=True)
class BalancerSettings(AwsSettings):
    """The target groups of the load balancer, and the servers that belong into them on each side.

    A server is an instance's id or an address, with ``:PORT`` where it is not the group's, or ``terraform:OUTPUT``.
    Each is meant for every group, or for one: ``web=i-0abc``. A side that names none leaves the groups as they are.
    """

    target_groups: tuple[str, ...] = given(parsers.words, "target groups, by name or ARN", ())
    primary: tuple[str, ...] = given(parsers.words, "servers that get the requests in normal times", ())
    standby: tuple[str, ...] = given(parsers.words, "servers that get them after a failover", ())
    recovered: tuple[str, ...] = given(parsers.words, "servers that get them after a full recovery", ())
    wait_minutes: float = given(parsers.positive_minutes, "how long new servers may take to become healthy", 10.0)
