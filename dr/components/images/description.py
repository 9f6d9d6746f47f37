"""The description of what was made: one JSON document, encrypted in the repository, for people and for us.

User data can hold passwords, and the rest tells how a network is built: nothing but ids, states and sizes is in the
manifest.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from dr.aws.ec2 import Image
from dr.aws.ec2_instances import Instance
from dr.aws.rds import Database, DatabaseSnapshot
from dr.catalog.manifest import ComponentContents, Item, Manifest, ObjectRecord
from dr.errors import BackupInvalid

NAME = "images.json"
FORMAT = 1
_LARGEST = 64 << 20


@dataclass(frozen=True, slots=True)
class Server:
    """An instance as it was, what it was given to run at its first start (base64 in JSON), its images by region.

    ``commands`` launch it again; they refer to files that a restore writes.
    """

    instance: Instance
    user_data: bytes
    images: tuple[Image, ...]
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """An RDS instance as it was, its snapshots by region, and the commands that restore it."""

    database: Database
    snapshots: tuple[DatabaseSnapshot, ...]
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Description:
    """Everything that one run made. ``regions``: the servers' own first, then where copies are."""

    system: str
    label: str
    regions: tuple[str, ...]
    servers: tuple[Server, ...]
    databases: tuple[DatabaseServer, ...]
    format: int = FORMAT

    @property
    def items(self) -> tuple[Item, ...]:
        """What the manifest may know."""
        images = [
            Item(
                image.id,
                count=len(image.volumes),
                bytes=sum(volume.gib for volume in image.volumes) << 30,
                detail=f"image of {server.instance.id} in {image.region}: {image.state}",
            )
            for server in self.servers
            for image in server.images
        ]
        snapshots = [
            Item(
                f"{item.region}:{item.id}",
                count=1,
                bytes=item.gib << 30,
                detail=f"snapshot of database {database.database.id} in {item.region}: {item.state}",
            )
            for database in self.databases
            for item in database.snapshots
        ]
        return (*images, *snapshots)


def to_json(description: Description) -> bytes:
    return msgspec.json.format(msgspec.json.encode(description), indent=1) + b"\n"


_decoder = msgspec.json.Decoder(Description)


def from_json(data: bytes, origin: str) -> Description:
    """Raises ``BackupInvalid`` unless it is a description in the format that this program reads."""
    try:
        found = _decoder.decode(data)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        # msgspec names the place in the document, never its content.
        raise BackupInvalid(f"{NAME} of {origin} is no description of images", str(error)) from None
    if found.format != FORMAT:
        raise BackupInvalid(
            f"{NAME} of {origin} has format {found.format}; this program reads format {FORMAT}",
            hint="Use the version of this program that wrote it, or read the document: it is made for people too.",
        )
    return found


class _Scanner:
    """Reads the description back and compares it with the manifest."""

    def __init__(self, manifest: Manifest) -> None:
        self._label = manifest.label
        self._items = (manifest.component or ComponentContents(manifest.begin)).items
        self._data = bytearray()

    def feed(self, data: bytes) -> None:
        if len(self._data) <= _LARGEST:
            self._data += data

    def finish(self) -> str:
        if len(self._data) > _LARGEST:
            return f"{NAME} is larger than {_LARGEST} bytes"
        try:
            found = from_json(bytes(self._data), self._label)
        except BackupInvalid as error:
            return f"{error.message}: {error.detail}"
        return differs(found, self._items)


def differs(description: Description, items: tuple[Item, ...]) -> str:
    """What the manifest says otherwise; empty when both name the same."""
    mine, others = {item.name for item in description.items}, {item.name for item in items}
    odd = sorted(mine ^ others)
    return f"the description and the manifest differ in {', '.join(odd)}" if odd else ""


def scanner(manifest: Manifest, item: ObjectRecord) -> _Scanner:
    """There is one object, and it can be compared without restoring it."""
    return _Scanner(manifest)
