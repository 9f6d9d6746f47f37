"""Remove the server images and database snapshots that are beyond the newest few of each server and region.

What there is, the cloud says, not our manifests: images cost money whether or not a backup lists them. Only what
carries our tags is looked at. The plan is made first and can be shown; carrying it out deregisters, then deletes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from dr.aws import tags as ours
from dr.aws.ec2 import Image
from dr.components.images.cloud import Cloud, clouds
from dr.components.images.held import held_database, held_image
from dr.components.images.removal import our_snapshots_of
from dr.configuration.model import System
from dr.errors import SourceError
from dr.policy.image_retention import HeldImage, ImageDecision, plan_image_expiry
from dr.policy.retention import Action

logger = logging.getLogger(__name__)

GRACE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class LeftOver:
    """A snapshot of ours whose image is gone. ``held``: why it could not be removed before."""

    id: str
    region: str
    image: str
    held: str


@dataclass(frozen=True, slots=True)
class ImageExpiry:
    """The decision on each image and database snapshot, and the snapshots that no image needs any more."""

    decisions: tuple[ImageDecision, ...]
    left_over: tuple[LeftOver, ...]


@dataclass(frozen=True, slots=True)
class ImagesRemoved:
    """What is gone, as ``region:id``, and what could not be removed, in words: it is marked and not tried again."""

    removed: tuple[str, ...]
    problems: tuple[str, ...]


def plan_images(system: System, now: datetime, *, run_succeeded: bool) -> ImageExpiry:
    """What would go, in every region, and why; nothing is removed. Raises SourceError."""
    settings = system.components.images
    held: list[HeldImage] = []
    left_over: list[LeftOver] = []
    for one in clouds(settings):
        images = one.images.our_images(system.name)
        held += [held_image(one, item) for item in images]
        left_over += _left_over(one, system.name, images)
        if settings.rds_instances:
            held += [held_database(item) for item in one.databases.our_snapshots(system.name)]
    decisions = plan_image_expiry(held, settings.keep, now, run_succeeded=run_succeeded, grace=GRACE)
    return ImageExpiry(decisions, tuple(left_over) if run_succeeded else ())


def apply_images(system: System, plan: ImageExpiry) -> ImagesRemoved:
    """Carry the plan out. What is refused for good (a lock, a use) is marked with the reason; the rest goes on."""
    removed: list[str] = []
    problems: list[str] = []
    for one in clouds(system.components.images):
        for step in _steps(one, system, plan):
            try:
                step.remove()
            except SourceError as error:
                problems.append(f"{one.region}:{step.name}: {error.message}: {error.detail}".rstrip(": "))
                problems += _held(one.region, step, error)
            else:
                logger.info("removed %s in %s", step.name, one.region)
                removed.append(f"{one.region}:{step.name}")
    return ImagesRemoved(tuple(removed), tuple(problems))


@dataclass(frozen=True, slots=True)
class _Step:
    """One thing to remove, and how to mark it when it cannot be."""

    name: str
    remove: Callable[[], None]
    mark: Callable[[Mapping[str, str]], None]


def _steps(one: Cloud, system: System, plan: ImageExpiry) -> Iterator[_Step]:
    """An image before its snapshots, and these only once it is gone: EC2 refuses otherwise, rightly."""
    going = [
        item.image.id for item in plan.decisions if item.action is Action.EXPIRE and item.image.region == one.region
    ]
    for image in one.images.images(item for item in going if _is_ec2s(item)).values():
        # Somebody may have taken it over since the plan was made.
        if ours.is_ours(image.tags, system.name):
            snapshots = our_snapshots_of(one.images, image, system.name)
            yield _Step(image.id, partial(one.images.deregister, image.id), partial(one.images.tag, [image.id]))
            if image.id not in one.images.images([image.id]):
                yield from (_snapshot_step(one, item.id) for item in snapshots)
    for name in going:
        snapshot = None if _is_ec2s(name) else one.databases.snapshot(name)
        if snapshot is not None and ours.is_ours(snapshot.tags, system.name):
            yield _Step(name, partial(one.databases.delete, name), partial(one.databases.tag, snapshot))
    yield from (_snapshot_step(one, item) for item in _still_left_over(one, system, plan))


def _still_left_over(one: Cloud, system: System, plan: ImageExpiry) -> tuple[str, ...]:
    """Those of the plan that are ours and that no image needs: somebody may have made an image of one since."""
    planned = [item.id for item in plan.left_over if item.region == one.region and not item.held]
    if not planned:
        return ()
    needed = one.images.snapshots_needed()
    found = one.images.snapshots(planned).values()
    return tuple(item.id for item in found if item.id not in needed and ours.is_ours(item.tags, system.name))


def _snapshot_step(one: Cloud, snapshot: str) -> _Step:
    return _Step(snapshot, partial(one.images.delete_snapshot, snapshot), partial(one.images.tag, [snapshot]))


def _held(region: str, step: _Step, error: SourceError) -> list[str]:
    """Mark what will be refused next time as well, so that it is not tried every week; what went wrong with that."""
    if error.retryable:
        return []
    try:
        step.mark({ours.HELD: ours.as_value(error.detail or error.message)})
    except SourceError as second:
        return [f"{region}:{step.name} could not be marked: {second.message}"]
    return []


def _is_ec2s(name: str) -> bool:
    """Whether it is an image of EC2's; our database snapshots are named otherwise."""
    return name.startswith("ami-")


def _left_over(one: Cloud, system: str, images: tuple[Image, ...]) -> list[LeftOver]:
    """Snapshots of ours that belong to no image, not even to another's: of expiries that were cut off in between."""
    needed = one.images.snapshots_needed()
    ids = {image.id for image in images}
    return [
        LeftOver(item.id, one.region, item.tags[ours.IMAGE], item.tags.get(ours.HELD, ""))
        for item in one.images.our_snapshots(system)
        if item.id not in needed and item.tags.get(ours.IMAGE, "") not in ids and item.tags.get(ours.IMAGE)
    ]
