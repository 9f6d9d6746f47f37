"""Launching the images of servers: in the region that has the configured subnet, each once, also when run again."""

from __future__ import annotations

from dataclasses import dataclass

from dr.aws import tags as ours
from dr.aws.ec2_instances import LIVING, LaunchOrder
from dr.components.images.cloud import Cloud
from dr.components.images.description import NAME, Description, Server, from_json
from dr.components.images.launch import launch_image
from dr.configuration.model import System
from dr.errors import DrError, InfrastructureError
from dr.operations.full_recovery.parts import RestoredPart, directory_of

_STATE = "full-recovery"


@dataclass(frozen=True, slots=True)
class LaunchedServer:
    """What runs instead of ``source``; ``seconds`` until it had passed its checks, 0 for one of an earlier run."""

    source: str
    instance: str
    region: str
    seconds: float


def launch_images(system: System, restored: RestoredPart, run: str) -> tuple[LaunchedServer, ...]:
    """Every server of the backup. A run that was killed knows by their tags which it has launched already."""
    description = from_json((directory_of(restored) / NAME).read_bytes(), restored.label)
    cloud = _cloud(system, description)
    there = cloud.servers.tagged(_tags(system, run))
    running = {item.tags.get(ours.SOURCE): item.id for item in there if item.state in LIVING}
    launched = []
    for server in description.servers:
        source = server.instance.id
        if source in running:
            launched.append(LaunchedServer(source, running[source], cloud.region, 0.0))
        else:
            launched.append(_launch(system, cloud, server, run))
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


def _launch(system: System, cloud: Cloud, server: Server, run: str) -> LaunchedServer:
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
    made = launch_image(cloud.servers, order, system.components.images.wait_minutes)
    return LaunchedServer(source.id, made.instance, cloud.region, round(made.ready_seconds, 1))


def _tags(system: System, run: str) -> dict[str, str]:
    return {ours.CREATED_BY: ours.US, ours.SYSTEM: system.name, ours.STATE: _STATE, ours.LABEL: run}
