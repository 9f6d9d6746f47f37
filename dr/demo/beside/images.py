"""A server at Amazon's stand-in. Its images outlive it; what has to come back is how it is launched from them again."""

from __future__ import annotations

import dataclasses
import secrets
from pathlib import Path
from tempfile import TemporaryDirectory

from dr.aws.ec2_instances import Instance, LaunchOrder
from dr.catalog.labels import Kind
from dr.components.images.cloud import Cloud
from dr.components.images.component import Component
from dr.components.images.description import NAME, from_json
from dr.configuration.components import ComponentSettings
from dr.configuration.components.aws import AwsSettings
from dr.configuration.components.images import ImagesSettings
from dr.configuration.model import System
from dr.demo.beside.part import Compared, Room, some
from dr.operations.component.restore import RestoredComponent
from dr.policy.drill_verdict import Answer, Probe

COPY_REGION = "eu-central-1"
_ROLE = {"demo-role": "web"}
_FIRST_IMAGE = "ami-12c6146b"
_USER_DATA = "#!/bin/sh\nSHOP_TOKEN={token} exec /opt/shop/serve\n"


class Images:
    """One instance, found by its tag."""

    kind = Kind.IMAGES
    pids: tuple[int | None, ...] = ()

    def __init__(self, room: Room, aws: AwsSettings) -> None:
        access = {field.name: getattr(aws, field.name) for field in dataclasses.fields(aws)}
        tags = tuple(f"{key}={value}" for key, value in _ROLE.items())
        self._settings = ImagesSettings(instance_tags=tags, copy_region=COPY_REGION, **access)
        self._home = Cloud(self._settings)
        self._before: tuple[str, ...] = ()
        self._images: tuple[str, ...] = ()
        self._probes: tuple[Probe, ...] = ()

    def settle(self, components: ComponentSettings) -> ComponentSettings:
        return dataclasses.replace(components, images=self._settings)

    def fill(self) -> None:
        client = self._home.servers.client
        subnet = client.describe_subnets()["Subnets"][0]["SubnetId"]
        group = client.describe_security_groups(GroupNames=["default"])["SecurityGroups"][0]["GroupId"]
        user_data = _USER_DATA.format(token=secrets.token_urlsafe(24)).encode()
        tags = {**_ROLE, "Name": "shop web"}
        self._home.servers.run(LaunchOrder(_FIRST_IMAGE, "t3.small", subnet, (group,), tags, user_data=user_data))
        self._before = self._now()

    def destroy(self) -> None:
        self._home.servers.terminate([one.id for one in self._running()])

    def make_ready(self) -> None:
        """A network is there."""

    def bring_back(self, system: System, restored: RestoredComponent) -> None:
        """Ask whether every image is there, and launch the server from the one in its own region."""
        directory = Path(restored.directory)
        described = from_json((directory / NAME).read_bytes(), restored.manifest.label)
        with TemporaryDirectory(prefix="dr-demo-", dir=directory.parent) as scratch:
            self._probes = Component(system).question(restored.manifest, directory, Path(scratch))
        for server in described.servers:
            was = server.instance
            self._images = tuple(image.id for image in server.images)
            order = LaunchOrder(
                self._images[0],
                was.instance_type,
                was.subnet,
                was.security_groups,
                was.tags,
                key_name=was.key_name,
                profile_arn=was.profile_arn,
                user_data=server.user_data,
            )
            self._home.servers.run(order)

    def compare(self) -> Compared:
        problems = [f"{one.name}: {one.detail}" for one in self._probes if one.answer is Answer.FAILED]
        if self._now() != self._before:
            problems.append("the server that was launched again is not as it was")
        if [one.image for one in self._running()] != [*self._images[:1]]:
            problems.append("no server runs from the image that was made")
        good = sum(one.answer is Answer.PASSED and one.name.startswith("image ") for one in self._probes)
        return Compared(f"{good} images in 2 regions, a server launched from one", some(problems))

    def _running(self) -> tuple[Instance, ...]:
        return self._home.servers.tagged(_ROLE)

    def _now(self) -> tuple[str, ...]:
        """What makes each server what it is, ids aside."""
        return tuple(
            repr((one.instance_type, one.subnet, one.security_groups, sorted(one.tags.items()), self._told(one)))
            for one in self._running()
        )

    def _told(self, one: Instance) -> bytes:
        return self._home.servers.user_data(one.id)
