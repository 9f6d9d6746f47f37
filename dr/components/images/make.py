"""Make an image of each server, and its copy in the other region; nothing counts before all of it is whole.

While a run is at work its images are tagged unfinished, so that whatever ends it (a stuck image, a killed process) the
next run knows them and removes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dr.aws import tags as ours
from dr.aws.ec2 import AVAILABLE, COMPLETED, Ec2Images, Image
from dr.aws.errors import AlreadyThere
from dr.components.images.cloud import Cloud
from dr.components.images.waiting import Sight, wait_for
from dr.policy.image_retention import BROKEN

BROKEN_HINT = (
    "Nothing of this run can be used: it stays, tagged unfinished, and the next run removes it. "
    "Correct what the detail says, then run the backup again."
)
_STUCK = (
    "What was made stays, tagged unfinished; the next run removes it. If the snapshots' progress moves, raise "
    "images.wait_minutes; if it has not moved for hours, ask AWS: "
    "aws ec2 describe-snapshots --snapshot-ids ... shows it."
)


@dataclass(frozen=True, slots=True)
class Order:
    """Under which label images are made, and how."""

    system: str
    label: str
    no_reboot: bool
    wait_minutes: float

    def tags(self, source: str) -> dict[str, str]:
        return ours.marks(self.system, self.label, source)

    def name(self, source: str) -> str:
        """Unique in a region; EC2 takes 128 characters and this cannot have more than 107."""
        return f"{self.system} {self.label} {source}"


def make_images(home: Cloud, instances: Sequence[str], order: Order) -> dict[str, Image]:
    """An image of each instance, by instance, all available and with complete snapshots.

    All are asked for first: EC2 works on them at the same time, and the servers' states lie close together.
    """
    made = {instance: _create(home.images, instance, order) for instance in instances}
    return _when_whole(home.images, made, order)


def copy_images(away: Cloud, images: Mapping[str, Image], order: Order, kms_key: str | None) -> dict[str, Image]:
    """An encrypted copy of each in another region, by instance."""
    made = {
        instance: away.images.copy(image.id, image.region, order.name(instance), order.tags(instance), kms_key)
        for instance, image in images.items()
    }
    return _when_whole(away.images, made, order)


def finish(ec2: Ec2Images, images: Sequence[Image]) -> None:
    """From now on they count."""
    ec2.tag([image.id for image in images], {ours.STATE: ours.FINISHED})


def unencrypted(ec2: Ec2Images, images: Sequence[Image]) -> tuple[str, ...]:
    """A warning for each copy that is not encrypted, although that was asked for."""
    found = ec2.snapshots(volume.snapshot for image in images for volume in image.volumes)
    return tuple(
        f"the copy {image.id} in {ec2.region} was to be encrypted and is not"
        for image in images
        if any(not found[volume.snapshot].encrypted for volume in image.volumes if volume.snapshot in found)
    )


def _create(ec2: Ec2Images, instance: str, order: Order) -> str:
    name, tags = order.name(instance), order.tags(instance)
    try:
        return ec2.create(instance, name, tags, no_reboot=order.no_reboot)
    except AlreadyThere:
        # The answer to the first request was lost, and botocore sent it again: the image is there under our label.
        found = ec2.image_named(name)
        if found is None or found.tags.get(ours.LABEL) != order.label or not ours.is_ours(found.tags, order.system):
            raise
        return found.id


def _when_whole(ec2: Ec2Images, made: Mapping[str, str], order: Order) -> dict[str, Image]:
    wait_for(lambda: _sights(ec2, made, order), order.wait_minutes, stuck=_STUCK, broken=BROKEN_HINT)
    found = ec2.images(made.values())
    return {instance: found[image] for instance, image in made.items()}


def _sights(ec2: Ec2Images, made: Mapping[str, str], order: Order) -> list[Sight]:
    """One look at all: it also tags the snapshots that have come to light."""
    images = ec2.images(made.values())
    snapshots = ec2.snapshots(volume.snapshot for image in images.values() for volume in image.volumes)
    sights = []
    for instance, wanted in made.items():
        what = f"image {wanted} of {instance} in {ec2.region}"
        image = images.get(wanted)
        if image is None:
            # EC2 may not show at once what it has just promised.
            sights.append(Sight(what, "", done=False))
            continue
        mine = [snapshots[volume.snapshot] for volume in image.volumes if volume.snapshot in snapshots]
        tags = order.tags(instance) | {ours.IMAGE: wanted}
        tags.pop(ours.STATE)
        ec2.tag([item.id for item in mine if item.tags.get(ours.IMAGE) != wanted], tags)
        whole = len(mine) == len(image.volumes) > 0 and all(item.state == COMPLETED for item in mine)
        broken = [f"{item.id} is {item.state}" for item in mine if item.state == "error"]
        failed = f"{image.state}: {image.reason or 'EC2 gives no reason'}" if image.state in BROKEN else "".join(broken)
        progress = ", ".join(f"{item.id} {item.state} {item.progress}".rstrip() for item in mine)
        sights.append(Sight(what, image.state, image.state == AVAILABLE and whole, failed, progress))
    return sights
