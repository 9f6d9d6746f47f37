"""What the cloud tells of our images and database snapshots, as the retention policy takes it."""

from __future__ import annotations

from dr.aws import tags as ours
from dr.aws.ec2 import Image
from dr.aws.rds import DatabaseSnapshot
from dr.components.images.cloud import Cloud
from dr.policy.image_retention import HeldImage


def held_image(cloud: Cloud, image: Image) -> HeldImage:
    """An image with what holds it: asks which servers run from it. Raises SourceError."""
    return HeldImage(
        id=image.id,
        source=image.tags.get(ours.SOURCE, ""),
        region=image.region,
        created=image.created,
        state=image.state,
        finished=image.tags.get(ours.STATE) == ours.FINISHED,
        label=image.tags.get(ours.LABEL, ""),
        protected="EC2 has deregistration protection on" if image.protected else "",
        # Whatever its state: one that was disabled may have servers too.
        used_by=", ".join(cloud.servers.running_from(image.id)),
        held=image.tags.get(ours.HELD, ""),
    )


def held_database(snapshot: DatabaseSnapshot) -> HeldImage:
    """A database snapshot; no server runs from one."""
    return HeldImage(
        id=snapshot.id,
        source=snapshot.database,
        region=snapshot.region,
        created=snapshot.created,
        state=snapshot.state,
        finished=snapshot.tags.get(ours.STATE) == ours.FINISHED,
        label=snapshot.tags.get(ours.LABEL, ""),
        held=snapshot.tags.get(ours.HELD, ""),
    )
