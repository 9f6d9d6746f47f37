"""Elastic Load Balancing, version 2: target groups and the servers in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dr.aws.errors import NotThere, translated
from dr.aws.session import make_client
from dr.configuration.components.aws import AwsSettings
from dr.policy.traffic_targets import Target

SECTION = "balancer"
HEALTHY = "healthy"
_ATTEMPTS = 4
_LEAVING = ("draining",)
_HOPELESS = ("Target.NotInUse", "Target.InvalidState", "Target.IpUnusable")


@dataclass(frozen=True, slots=True)
class Group:
    """A target group; ``port`` is where its servers get requests unless said otherwise."""

    arn: str
    name: str
    port: int


@dataclass(frozen=True, slots=True)
class Health:
    """How the load balancer finds a server. ``hopeless``: waiting does not help."""

    target: Target
    state: str
    reason: str = ""
    words: str = ""

    @property
    def is_healthy(self) -> bool:
        return self.state == HEALTHY

    @property
    def hopeless(self) -> bool:
        return self.state == "unused" and self.reason in _HOPELESS

    def described(self) -> str:
        return f"{self.target} {self.state}" + (f" ({self.reason}: {self.words})" if self.reason else "")


class LoadBalancers:
    """Target groups of one region, and those named by an ARN in theirs. Raises SourceError: see ``dr.aws.errors``."""

    def __init__(self, settings: AwsSettings) -> None:
        self._settings = settings
        self._clients: dict[str | None, Any] = {}

    def group(self, wanted: str) -> Group:
        """By name or ARN. Raises ``NotThere``."""
        which = {"TargetGroupArns": [wanted]} if wanted.startswith("arn:") else {"Names": [wanted]}
        with translated(SECTION, f"look at the target group {wanted}"):
            found = self._client(wanted).describe_target_groups(**which)["TargetGroups"]
        if not found:
            raise NotThere(
                f"there is no target group {wanted}", hint="Correct balancer.target_groups or balancer.region."
            )
        raw: Mapping[str, Any] = found[0]
        return Group(str(raw["TargetGroupArn"]), str(raw["TargetGroupName"]), int(raw.get("Port", 80) or 80))

    def health(self, group: Group) -> tuple[Health, ...]:
        """Every server that gets requests of the group or is to get them; those that are leaving are not among them."""
        with translated(SECTION, f"ask how the servers of {group.name} are"):
            raw = self._client(group.arn).describe_target_health(TargetGroupArn=group.arn)["TargetHealthDescriptions"]
        return tuple(one for one in map(_health, raw) if one.state not in _LEAVING)

    def register(self, group: Group, targets: Iterable[Target]) -> None:
        """Let them get requests as soon as they are healthy. Those that are in the group already stay in it."""
        if wanted := sorted(targets):
            with translated(SECTION, f"add {', '.join(map(str, wanted))} to {group.name}"):
                self._client(group.arn).register_targets(
                    TargetGroupArn=group.arn, Targets=[_as_request(one) for one in wanted]
                )

    def deregister(self, group: Group, targets: Iterable[Target]) -> None:
        """No new requests go to them; what is under way ends there within the group's deregistration delay."""
        if leaving := sorted(targets):
            with translated(SECTION, f"remove {', '.join(map(str, leaving))} from {group.name}"):
                self._client(group.arn).deregister_targets(
                    TargetGroupArn=group.arn, Targets=[_as_request(one) for one in leaving]
                )

    def _client(self, group: str) -> Any:
        region = group.split(":")[3] if group.startswith("arn:") and group.count(":") > 3 else None
        if region not in self._clients:
            self._clients[region] = make_client(self._settings, SECTION, "elbv2", region=region, attempts=_ATTEMPTS)
        return self._clients[region]


def _health(raw: Mapping[str, Any]) -> Health:
    target, state = raw["Target"], raw["TargetHealth"]
    return Health(
        Target(str(target["Id"]), int(target.get("Port", 0)), _zone(target)),
        str(state.get("State", "")),
        str(state.get("Reason", "") or ""),
        str(state.get("Description", "") or ""),
    )


def _zone(target: Mapping[str, Any]) -> str:
    """Only ``all`` has to be said when a server is added: every other zone follows from the server."""
    return "all" if target.get("AvailabilityZone") == "all" else ""


def _as_request(target: Target) -> dict[str, Any]:
    zone = {"AvailabilityZone": target.zone} if target.zone else {}
    return {"Id": target.id, "Port": target.port, **zone}
