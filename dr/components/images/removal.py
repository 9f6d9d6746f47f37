"""Removing images and snapshots of ours: first what names them, then what they are made of."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from dr.aws import tags as ours
from dr.aws.ec2 import Ec2Images, Image, Snapshot
from dr.aws.rds import DatabaseSnapshot
from dr.components.images.cloud import Cloud
from dr.components.images.held import held_database, held_image
from dr.errors import SourceError
from dr.policy.image_retention import AVAILABLE, what_holds


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
    """The snapshots that were made for this image, by our tags or else by EC2's own words, and that no other needs."""
    mapped = ec2.snapshots(volume.snapshot for volume in image.volumes)
    mine = {item.id: item for item in mapped.values() if ours.is_ours(item.tags, system) or item.made_for(image.id)}
    mine |= {item.id: item for item in ec2.snapshots_made_for(image.id)}
    # Somebody may have registered an image of their own from one of ours.
    needed = ec2.snapshots_needed(but=image.id)
    return tuple(item for item in mine.values() if item.id not in needed)


def clear_unfinished(
    cloud: Cloud, system: str, label: str, sources: Collection[str], *, usable: bool, databases: bool
) -> tuple[str, ...]:
    """Remove what runs before ``label`` left unfinished of ``sources``; what stays all the same, in words.

    ``sources`` are the instances and databases of this configuration: what is made of others may belong to a run that
    is at work, of a second installation under the same system name. ``usable`` chooses those that became available all
    the same: they may be the only ones, so they go only once this run's are finished. Those that never did go before.
    """
    problems = []
    for image in cloud.images.our_images(system):
        if _is_left(image.tags, label, sources) and (image.state == AVAILABLE) is usable:
            stays = _clear_image(cloud, image, system)
            problems += [_left_over(image.id, cloud.region, stays)] if stays else []
    for snapshot in cloud.databases.our_snapshots(system) if databases else ():
        if _is_left(snapshot.tags, label, sources) and (snapshot.state == AVAILABLE) is usable:
            stays = _clear_database(cloud, snapshot)
            problems += [_left_over(snapshot.id, cloud.region, stays)] if stays else []
    return tuple(problems)


def _clear_image(cloud: Cloud, image: Image, system: str) -> str:
    """Why it stays; empty when it is gone."""
    try:
        holds = what_holds(held_image(cloud, image))
        if not holds:
            remove_image(cloud.images, image, system)
    except SourceError as error:
        return error.message
    return holds


def _clear_database(cloud: Cloud, snapshot: DatabaseSnapshot) -> str:
    """Why it stays; empty when it is gone."""
    holds = what_holds(held_database(snapshot))
    try:
        if not holds:
            cloud.databases.delete(snapshot.id)
    except SourceError as error:
        return error.message
    return holds


def _is_left(tags: Mapping[str, str], label: str, sources: Collection[str]) -> bool:
    return (
        tags.get(ours.STATE) == ours.UNFINISHED and tags.get(ours.LABEL) != label and tags.get(ours.SOURCE) in sources
    )


def _left_over(name: str, region: str, why: str) -> str:
    return f"{name} in {region} was left unfinished by an earlier run and cannot be removed: {why}"
