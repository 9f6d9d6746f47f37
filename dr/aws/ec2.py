"""EC2's machine images and their snapshots in one region: made, copied, looked at, removed.

Answers are parsed into values here; botocore's dictionaries go no further. What waits for a state is elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dr.aws import tags as ours
from dr.aws.errors import NotThere, translated
from dr.aws.session import make_client
from dr.configuration.components.aws import AwsSettings

if TYPE_CHECKING:
    from botocore.client import BaseClient

SECTION = "images"
AVAILABLE = "available"
COMPLETED = "completed"
_CHUNK = 100
_MADE_FOR = re.compile(
    r"Created by CreateImage\(i-\w+\) for (ami-\w+)(?: from vol-\w+)?"
    r"|Copied for DestinationAmi (ami-\w+)"
    r"(?: from SourceAmi ami-\w+(?: for SourceSnapshot snap-\w+)?)?\.?(?: Task created on [0-9,]+\.?)?"
)
"""EC2's description of a snapshot: of an image's own, and of a copied image's."""


@dataclass(frozen=True, slots=True)
class MappedVolume:
    """One volume that an image makes: its device, the snapshot it is filled from, GiB."""

    device: str
    snapshot: str
    gib: int
    volume_type: str = ""


@dataclass(frozen=True, slots=True)
class Image:
    """A machine image. ``reason`` is EC2's own, of one that failed; ``protected``: EC2 refuses to deregister it."""

    id: str
    region: str
    name: str
    state: str
    created: datetime
    architecture: str = ""
    root_device: str = ""
    volumes: tuple[MappedVolume, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    protected: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot of one volume; ``state`` is ``pending``, ``completed``, ``error``, ..."""

    id: str
    state: str
    progress: str
    encrypted: bool
    gib: int
    description: str
    tags: Mapping[str, str]

    def made_for(self, image: str) -> bool:
        """Whether EC2 made it for this image, by EC2's own words. Others name the image too.

        The snapshot of somebody's copy of the image names it as what was copied; a person may name it in a remark.
        """
        found = _MADE_FOR.fullmatch(self.description)
        return found is not None and image in found.groups()


def ec2_client(settings: AwsSettings, region: str | None = None) -> BaseClient:
    """A client of one region, for images and instances alike: EC2's takes long to make."""
    return make_client(settings, SECTION, "ec2", region=region)


class Ec2Images:
    """Images and snapshots of one region. Raises SourceError: see ``dr.aws.errors``."""

    def __init__(self, client: BaseClient) -> None:
        self.client: Any = client
        self.region = client.meta.region_name

    def create(self, instance: str, name: str, tags: Mapping[str, str], *, no_reboot: bool) -> str:
        """Ask for an image of an instance; its id. ``AlreadyThere`` when one has that name."""
        with translated(SECTION, f"make an image of {instance} in {self.region}"):
            answer = self.client.create_image(
                InstanceId=instance,
                Name=name,
                Description=f"{tags[ours.LABEL]} of {tags[ours.SYSTEM]}, made by {ours.US}",
                NoReboot=no_reboot,
                # The snapshots are tagged as soon as the image names them: not every endpoint takes both at once.
                TagSpecifications=[{"ResourceType": "image", "Tags": ours.as_list(tags)}],
            )
        return str(answer["ImageId"])

    def copy(self, image: str, source_region: str, name: str, tags: Mapping[str, str], kms_key: str | None) -> str:
        """Ask for an encrypted copy, in this region, of an image of another; its id."""
        key = {"KmsKeyId": kms_key} if kms_key else {}
        with translated(SECTION, f"copy {image} from {source_region} to {self.region}"):
            answer = self.client.copy_image(
                SourceImageId=image,
                SourceRegion=source_region,
                Name=name,
                Description=f"copy of {image} in {source_region}",
                Encrypted=True,
                # A request that is sent again because its answer was lost makes no second copy.
                ClientToken=f"{tags[ours.LABEL]}-{image}"[:64],
                TagSpecifications=[
                    {"ResourceType": kind, "Tags": ours.as_list(tags)} for kind in ("image", "snapshot")
                ],
                **key,
            )
            self.client.create_tags(Resources=[answer["ImageId"]], Tags=ours.as_list(tags))
        return str(answer["ImageId"])

    def images(self, ids: Iterable[str]) -> dict[str, Image]:
        """Those that are there, by id."""
        found: dict[str, Image] = {}
        for part in _parts(ids):
            # By filter: by id, one that is gone would hide the others.
            found |= {image.id: image for image in self._images([{"Name": "image-id", "Values": list(part)}])}
        return found

    def our_images(self, system: str) -> tuple[Image, ...]:
        """Every image that carries our tags."""
        return tuple(self._images(ours.filters(system)))

    def image_named(self, name: str) -> Image | None:
        return next(iter(self._images([{"Name": "name", "Values": [name]}])), None)

    def snapshots_needed(self, but: str = "") -> frozenset[str]:
        """The snapshots that images of the account are made of, whoever made them; those of the image ``but`` aside."""
        return frozenset(
            volume.snapshot for image in self._images([], disabled=True) if image.id != but for volume in image.volumes
        )

    def _images(self, filters: list[dict[str, Any]], *, disabled: bool = False) -> list[Image]:
        with translated(SECTION, f"list images in {self.region}"):
            pages = self.client.get_paginator("describe_images").paginate(
                Owners=["self"], Filters=filters, IncludeDisabled=disabled
            )
            return [_image(raw, self.region) for page in pages for raw in page["Images"]]

    def snapshots(self, ids: Iterable[str]) -> dict[str, Snapshot]:
        """Those that are there, by id."""
        found: dict[str, Snapshot] = {}
        for part in _parts(ids):
            found |= {item.id: item for item in self._snapshots([{"Name": "snapshot-id", "Values": list(part)}])}
        return found

    def our_snapshots(self, system: str) -> tuple[Snapshot, ...]:
        return tuple(self._snapshots(ours.filters(system)))

    def snapshots_made_for(self, image: str) -> tuple[Snapshot, ...]:
        """Those that EC2 says it made for the image; an image that is not whole lists none itself."""
        named = self._snapshots([{"Name": "description", "Values": [f"*{image}*"]}])
        return tuple(item for item in named if item.made_for(image))

    def _snapshots(self, filters: list[dict[str, Any]]) -> list[Snapshot]:
        with translated(SECTION, f"list snapshots in {self.region}"):
            pages = self.client.get_paginator("describe_snapshots").paginate(OwnerIds=["self"], Filters=filters)
            return [_snapshot(raw) for page in pages for raw in page["Snapshots"]]

    def tag(self, resources: Sequence[str], tags: Mapping[str, str]) -> None:
        if resources:
            with translated(SECTION, f"tag {', '.join(resources)} in {self.region}"):
                self.client.create_tags(Resources=list(resources), Tags=ours.as_list(tags))

    def deregister(self, image: str) -> None:
        """Nobody can launch it afterwards. One that is gone already is no error."""
        try:
            with translated(SECTION, f"deregister {image} in {self.region}"):
                self.client.deregister_image(ImageId=image)
        except NotThere:
            return

    def delete_snapshot(self, snapshot: str) -> None:
        """One that is gone already is no error."""
        try:
            with translated(SECTION, f"delete {snapshot} in {self.region}"):
                self.client.delete_snapshot(SnapshotId=snapshot)
        except NotThere:
            return


def _parts(ids: Iterable[str]) -> list[tuple[str, ...]]:
    every = tuple(dict.fromkeys(ids))
    return [every[at : at + _CHUNK] for at in range(0, len(every), _CHUNK)]


def _image(raw: Mapping[str, Any], region: str) -> Image:
    mapped = tuple(
        MappedVolume(
            str(item.get("DeviceName", "")),
            str(item["Ebs"].get("SnapshotId", "")),
            int(item["Ebs"].get("VolumeSize", 0)),
            str(item["Ebs"].get("VolumeType", "")),
        )
        for item in raw.get("BlockDeviceMappings", ())
        if "Ebs" in item
    )
    return Image(
        id=str(raw["ImageId"]),
        region=region,
        name=str(raw.get("Name", "")),
        state=str(raw.get("State", "")),
        created=_moment(raw.get("CreationDate")),
        architecture=str(raw.get("Architecture", "")),
        root_device=str(raw.get("RootDeviceName", "")),
        volumes=tuple(item for item in mapped if item.snapshot),
        tags=ours.as_mapping(raw.get("Tags")),
        reason=str(raw.get("StateReason", {}).get("Message", "")),
        protected=str(raw.get("DeregistrationProtection", "disabled")) not in ("", "disabled"),
    )


def _snapshot(raw: Mapping[str, Any]) -> Snapshot:
    return Snapshot(
        id=str(raw["SnapshotId"]),
        state=str(raw.get("State", "")),
        progress=str(raw.get("Progress", "")),
        encrypted=bool(raw.get("Encrypted", False)),
        gib=int(raw.get("VolumeSize", 0)),
        description=str(raw.get("Description", "")),
        tags=ours.as_mapping(raw.get("Tags")),
    )


def _moment(text: object) -> datetime:
    """EC2 gives an image's time as text. One that is still in the making may have none."""
    if not isinstance(text, str) or not text:
        return datetime.now(UTC)
    found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return found if found.tzinfo else found.replace(tzinfo=UTC)
