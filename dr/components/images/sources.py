"""Which servers and databases are meant, found and seen to be such as an image can be made of."""

from __future__ import annotations

from dr.aws.ec2_instances import Instance
from dr.aws.errors import NotThere
from dr.aws.rds import Database
from dr.components.images.cloud import Cloud
from dr.configuration.components.images import ImagesSettings
from dr.errors import SourceBusy, SourceInvalid

_USABLE = ("running", "stopped", "stopping", "pending")
_SNAPSHOT_STATES = ("available", "storage-optimization", "stopped")


def find_instances(home: Cloud, settings: ImagesSettings) -> tuple[Instance, ...]:
    """Those that are named and those that have all the tags. Raises ``SourceInvalid`` for what no image can be made of.

    Tags that match nothing are an error: a backup that protects nothing must not look like one.
    """
    found = home.servers.instances(settings.instances) if settings.instances else {}
    missing = [name for name in settings.instances if name not in found]
    if missing:
        raise SourceInvalid(
            f"there is no instance {', '.join(missing)} in {home.region}",
            hint="Correct images.instances or images.region.",
        )
    if settings.instance_tags:
        wanted = dict(pair.split("=", 1) for pair in settings.instance_tags)
        tagged = home.servers.tagged(wanted)
        if not tagged:
            raise SourceInvalid(
                f"no instance in {home.region} has the tags {', '.join(settings.instance_tags)}",
                hint="Correct images.instance_tags or images.region.",
            )
        found |= {item.id: item for item in tagged}
    for item in found.values():
        _check(item)
    return tuple(found[name] for name in sorted(found))


def find_databases(home: Cloud, settings: ImagesSettings) -> tuple[Database, ...]:
    """Raises ``SourceInvalid`` for one that is not there or is Aurora's, ``SourceBusy`` for one that is changing."""
    found = []
    for name in settings.rds_instances:
        try:
            database = home.databases.database(name)
        except NotThere as error:
            raise SourceInvalid(
                f"there is no database {name} in {home.region}",
                error.detail,
                "Correct images.rds_instances or images.region.",
            ) from None
        if database.cluster:
            raise SourceInvalid(
                f"the database {name} belongs to the Aurora cluster {database.cluster}",
                hint="Its snapshots are the cluster's, which this program does not make: take it out of "
                "images.rds_instances and protect it by dumps.",
            )
        if database.state not in _SNAPSHOT_STATES:
            raise SourceBusy(
                f"the database {name} is {database.state}: no snapshot can be made now", hint="Try again later."
            )
        found.append(database)
    return tuple(found)


def _check(instance: Instance) -> None:
    if instance.state not in _USABLE:
        raise SourceInvalid(
            f"instance {instance.id} is {instance.state}: no image can be made of it",
            hint="Correct images.instances; an image of an earlier backup launches it again.",
        )
    if instance.root_device_type != "ebs":
        raise SourceInvalid(
            f"instance {instance.id} has its root on {instance.root_device_type}: EC2 makes no image of it",
            hint="Take it out of images.instances.",
        )
