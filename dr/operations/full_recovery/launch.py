"""Launching the images of servers: in the region that has the configured subnet, each once, also when run again."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, replace

from dr.aws import tags as ours
from dr.aws.ec2_instances import LIVING, LaunchOrder
from dr.components.images.cloud import Cloud
from dr.components.images.description import NAME, Description, Server, from_json
from dr.components.images.launch import wait_for_launched
from dr.configuration.model import System
from dr.errors import DrError, InfrastructureError
from dr.operations.full_recovery.parts import RestoredPart, directory_of

_STATE = "full-recovery"


@dataclass(frozen=True, slots=True)
class LaunchedServer:
    """What runs instead of ``source``; ``seconds`` from the begin of this run's launching until its checks passed."""

    source: str
    instance: str
    region: str
    seconds: float


def launch_images(system: System, restored: RestoredPart, run: str) -> tuple[LaunchedServer, ...]:
    """Every server of the backup, when it has passed its checks. Those of an earlier run are known by their tags.

    EC2 may not list yet what it was asked for a moment ago: so each wish has a token as well, the same every time.
    """
    description = from_json((directory_of(restored) / NAME).read_bytes(), restored.label)
    cloud = _cloud(system, description)
    there = cloud.servers.tagged(_tags(system, run))
    running = {item.tags.get(ours.SOURCE): item.id for item in there if item.state in LIVING}
    begin = time.monotonic()
    started = {}
    for server in description.servers:
        source = server.instance.id
        started[source] = running.get(source) or cloud.servers.run(_order(system, cloud, server, run))
    launched = []
    for source, instance in started.items():  # all at once: each takes minutes
        wait_for_launched(cloud.servers, instance, system.components.images.wait_minutes)
        launched.append(LaunchedServer(source, instance, cloud.region, round(time.monotonic() - begin, 1)))
    return tuple(launched)


def _cloud(system: System, description: Description) -> Cloud:
    subnet = system.procedures.recovery.launch_subnet or ""
    silent: list[str] = []
    for region in description.regions:
        cloud = Cloud(system.components.images, region)
        try:
            if cloud.servers.has_subnet(subnet):
                return cloud
        except DrError as error:  # a region that is gone is why there is another one
            silent.append(f"{region}: {error.message}")
    raise InfrastructureError(
        f"none of {', '.join(description.regions)} has the subnet {subnet}",
        "; ".join(silent),
        "Set recovery.launch_subnet to one in a region that has images: dr show says which.",
    )


def _order(system: System, cloud: Cloud, server: Server, run: str) -> LaunchOrder:
    source = server.instance
    image = next((item for item in server.images if item.region == cloud.region), None)
    if image is None:
        raise InfrastructureError(
            f"there is no image of {source.id} in {cloud.region}", hint="Launch it by hand, from its COMMANDS.txt."
        )
    settings = system.procedures.recovery
    order = LaunchOrder(
        image=image.id,
        instance_type=settings.launch_instance_type or source.instance_type,
        subnet=settings.launch_subnet or "",
        security_groups=settings.launch_security_groups,
        tags={**_tags(system, run), ours.SOURCE: source.id, "Name": f"{system.name} {source.id} recovered"},
        user_data=server.user_data,
    )
    return replace(order, token=hashlib.sha256(repr(order).encode()).hexdigest())


def _tags(system: System, run: str) -> dict[str, str]:
    return {ours.CREATED_BY: ours.US, ours.SYSTEM: system.name, ours.STATE: _STATE, ours.LABEL: run}
