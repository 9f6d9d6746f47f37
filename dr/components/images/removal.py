"""Removing images and snapshots of ours: first what names them, then what they are made of."""

from __future__ import annotations

from collections.abc import Mapping

from dr.aws import tags as ours
from dr.aws.ec2 import Ec2Images, Image, Snapshot
from dr.components.images.cloud import Cloud
from dr.errors import SourceError
from dr.policy.image_retention import AVAILABLE


def remove_image(ec2: Ec2Images, image: Image, system: str) -> None:
    """Deregister it and delete its snapshots, those that are ours. Raises SourceError; it can be done again.

    The image goes first, for EC2 refuses to delete a snapshot that an image needs, and what is left over by a run that
    is cut off carries our tags and the image's id.
    """
    snapshots = our_snapshots_of(ec2, image, system)
    ec2.deregister(image.id)
    for snapshot in snapshots:
        ec2.delete_snapshot(snapshot.id)


def our_snapshots_of(ec2: Ec2Images, image: Image, system: str) -> tuple[Snapshot, ...]:
    """The snapshots that were made for this image: by our tags, or else because EC2's own description names it."""
    mapped = ec2.snapshots(volume.snapshot for volume in image.volumes)
    mine = {
        item.id: item for item in mapped.values() if ours.is_ours(item.tags, system) or image.id in item.description
    }
    return tuple((mine | {item.id: item for item in ec2.snapshots_made_for(image.id)}).values())


def clear_unfinished(cloud: Cloud, system: str, label: str, *, usable: bool, databases: bool) -> tuple[str, ...]:
    """Remove what runs before ``label`` left unfinished; what could not be removed, in words.

    ``usable`` chooses those that became available all the same: they may be the only ones, so they go only once this
    run's are finished. Those that never did go before.
    """
    problems = []
    for image in cloud.images.our_images(system):
        if _is_left(image.tags, label) and (image.state == AVAILABLE) is usable:
            try:
                remove_image(cloud.images, image, system)
            except SourceError as error:
                problems.append(_left_over(image.id, cloud.region, error))
    for snapshot in cloud.databases.our_snapshots(system) if databases else ():
        if _is_left(snapshot.tags, label) and (snapshot.state == AVAILABLE) is usable:
            try:
                cloud.databases.delete(snapshot.id)
            except SourceError as error:
                problems.append(_left_over(snapshot.id, cloud.region, error))
    return tuple(problems)


def _is_left(tags: Mapping[str, str], label: str) -> bool:
    return tags.get(ours.STATE) == ours.UNFINISHED and tags.get(ours.LABEL) != label


def _left_over(name: str, region: str, error: SourceError) -> str:
    return f"{name} in {region} was left unfinished by an earlier run and cannot be removed: {error.message}"
