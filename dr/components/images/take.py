"""One run: everything made, waited for, copied and described; then, when the description is safe, marked finished."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dr.aws.ec2 import Image
from dr.aws.ec2_instances import Instance
from dr.aws.rds import Database, DatabaseSnapshot
from dr.components.images import databases, make, papers
from dr.components.images.cloud import Cloud
from dr.components.images.description import DatabaseServer, Description, Server
from dr.components.images.make import Order
from dr.components.images.sources import find_databases, find_instances
from dr.configuration.components.images import ImagesSettings


def take(
    regions: Sequence[Cloud], settings: ImagesSettings, system: str, label: str
) -> tuple[Description, tuple[str, ...]]:
    """What was made, all of it whole, and warnings of what is not as it was asked for.

    Raises ``SourceInvalid`` when one has failed and ``StepTimedOut`` when one does not end.
    """
    home = regions[0]
    order = Order(system, label, settings.no_reboot, settings.wait_minutes)
    servers, stores = find_instances(home, settings), find_databases(home, settings)
    # The user data is read first: without the right to read it, nothing is made in vain.
    user_data = {item.id: home.servers.user_data(item.id) for item in servers}
    images = [make.make_images(home, [item.id for item in servers], order)]
    snapshots = [databases.make_snapshots(home, [item.id for item in stores], order)] if stores else []
    warnings: tuple[str, ...] = ()
    for away in regions[1:]:
        images.append(make.copy_images(away, images[0], order, settings.copy_kms_key_id))
        if stores:
            snapshots.append(databases.copy_snapshots(away, snapshots[0], order, settings.copy_kms_key_id))
        warnings += make.unencrypted(away.images, list(images[-1].values()))
    described = Description(
        system=system,
        label=label,
        regions=tuple(one.region for one in regions),
        servers=tuple(_server(item, user_data[item.id], images, home.region) for item in servers),
        databases=tuple(_database(item, snapshots, home.region) for item in stores),
    )
    return described, warnings


def finish(regions: Sequence[Cloud], description: Description) -> None:
    """Mark everything as finished: from now on it counts, and expires by its age."""
    images = [image for server in description.servers for image in server.images]
    snapshots = [item for server in description.databases for item in server.snapshots]
    for one in regions:
        make.finish(one.images, [image for image in images if image.region == one.region])
        if snapshots:
            databases.finish(one.databases, [item for item in snapshots if item.region == one.region])


def _server(instance: Instance, user_data: bytes, made: Sequence[Mapping[str, Image]], home: str) -> Server:
    images = tuple(by_instance[instance.id] for by_instance in made)
    commands = tuple(papers.launch_command(instance, image, home, user_data=bool(user_data)) for image in images)
    return Server(instance, user_data, images, commands)


def _database(database: Database, made: Sequence[Mapping[str, DatabaseSnapshot]], home: str) -> DatabaseServer:
    snapshots = tuple(by_name[database.id] for by_name in made)
    return DatabaseServer(
        database, snapshots, tuple(papers.restore_command(database, item, home) for item in snapshots)
    )
