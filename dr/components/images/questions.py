"""What is asked of images: are they all there, whole and ours, in every region; and does a copy start?

What this host lacks (a network, a key, a right, a quota) leaves a question open; it never makes an image bad (I27).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from dr.aws import tags as ours
from dr.aws.ec2 import AVAILABLE, COMPLETED, Image
from dr.catalog.manifest import Item, Level
from dr.components.images.cloud import Cloud
from dr.components.images.description import Description, Server, differs
from dr.components.images.launch import launched_for_a_test
from dr.configuration.components.images import ImagesSettings
from dr.errors import ConfigurationError, SourceError, SourceInvalid, StepTimedOut
from dr.policy.drill_verdict import Answer, Probe

_NOT_THE_IMAGE = re.compile(
    r"\bServer\.\w|\w+LimitExceeded\b|\bClient\.(?:InternalError|UserInitiated|\w*KMS)|\bUnauthorizedOperation\b|\bAccessDenied"
)
"""EC2's reasons for a server's end that say nothing of its image: capacity or a host of EC2's, a quota, the right to a
key (to a volume whose key may not be used EC2 says no more than ``Client.InternalError``), a person who ended it."""


def questions(settings: ImagesSettings, items: tuple[Item, ...], description: Description) -> tuple[Probe, ...]:
    """One probe for each image and snapshot, asked in its region, and one for each launch.

    ``items`` are the manifest's, ``description`` is what was restored.
    """
    clouds = {region: Cloud(settings, region) for region in description.regions}
    found = tuple(_asked(clouds, items, description))
    if settings.launch_test:
        return (*found, *_launches(clouds, settings, description, found))
    untried = Probe("launch of a copy", Answer.UNPROVEN, "images.launch_test is off", Level.BOOTED)
    return (*found, untried) if description.servers else found


def _asked(clouds: Mapping[str, Cloud], items: tuple[Item, ...], description: Description) -> Iterator[Probe]:
    odd = differs(description, items)
    detail = odd or f"{len(description.items)} images and snapshots, as in the manifest"
    yield Probe("description", Answer.FAILED if odd else Answer.PASSED, detail, Level.RESTORED)
    for region, cloud in clouds.items():
        images = [image for server in description.servers for image in server.images if image.region == region]
        snapshots = [item for store in description.databases for item in store.snapshots if item.region == region]
        try:
            yield from _images(cloud, images, description.system)
            for item in snapshots:
                now = cloud.databases.snapshot(item.id)
                state = now.state if now else ""
                mine = now is not None and ours.is_ours(now.tags, description.system)
                yield _answer(
                    f"database snapshot {item.id} in {region}", state, "" if mine else "its tags are not ours"
                )
        except (SourceError, ConfigurationError) as error:
            detail = f"{error.message}: {error.detail}"
            yield Probe(f"images in {region}", Answer.UNPROVEN, detail, Level.QUERIED, essential=True)


def _images(cloud: Cloud, images: list[Image], system: str) -> Iterator[Probe]:
    found = cloud.images.images(image.id for image in images)
    snapshots = cloud.images.snapshots(volume.snapshot for image in images for volume in image.volumes)
    for image in images:
        now = found.get(image.id)
        faults = []
        for volume in image.volumes:
            snapshot = snapshots.get(volume.snapshot)
            if snapshot is None or snapshot.state != COMPLETED:
                faults.append(f"{volume.snapshot} is {snapshot.state if snapshot else 'not there'}")
            elif not ours.is_ours(snapshot.tags, system):
                faults.append(f"the tags of {volume.snapshot} are not ours")
        if now is not None and not ours.is_ours(now.tags, system):
            faults.append("its tags are not ours: no expiry will ever remove it")
        yield _answer(f"image {image.id} in {cloud.region}", now.state if now else "", "; ".join(faults))


def _answer(name: str, state: str, fault: str) -> Probe:
    if state != AVAILABLE:
        return Probe(name, Answer.FAILED, f"it is {state or 'not there'}", Level.QUERIED)
    return Probe(
        name, Answer.FAILED if fault else Answer.PASSED, fault or "available, snapshots complete", Level.QUERIED
    )


def _launches(
    clouds: Mapping[str, Cloud], settings: ImagesSettings, description: Description, asked: tuple[Probe, ...]
) -> Iterator[Probe]:
    """One server of each, from the copy that is farthest away; of those whose image is there."""
    there = {probe.name for probe in asked if probe.answer is Answer.PASSED}
    for server in description.servers:
        image = server.images[-1]
        if f"image {image.id} in {image.region}" in there:
            yield _launch(clouds[image.region], settings, description.system, server, image)


def _launch(cloud: Cloud, settings: ImagesSettings, system: str, server: Server, image: Image) -> Probe:
    name = f"launch of {image.id} in {image.region}"
    kind = settings.launch_instance_type or server.instance.instance_type
    if not settings.launch_subnet:
        return _open(name, "images.launch_subnet is not set")
    try:
        with launched_for_a_test(
            cloud.servers, image.id, kind, settings.launch_subnet, system, settings.wait_minutes
        ) as launched:
            seconds = f"running after {launched.running_seconds:.1f} s, both checks passed after"
            detail = f"{launched.instance} ({kind}): {seconds} {launched.ready_seconds:.1f} s; terminated"
    except SourceInvalid as error:
        if _NOT_THE_IMAGE.search(error.detail):
            return _open(name, error.detail)
        return Probe(name, Answer.FAILED, error.detail, Level.BOOTED)
    except (SourceError, StepTimedOut, ConfigurationError) as error:
        return _open(name, f"{error.message}: {error.detail}")
    return Probe(name, Answer.PASSED, detail, Level.BOOTED)


def _open(name: str, detail: str) -> Probe:
    return Probe(name, Answer.UNPROVEN, detail, Level.BOOTED, essential=True)
