"""EC2's instances in one region: what they are made of, and how a new one is started, watched and ended."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dr.aws import tags as ours
from dr.aws.ec2 import SECTION
from dr.aws.errors import NotThere, error_code, translated

if TYPE_CHECKING:
    from botocore.client import BaseClient

LIVING = ("pending", "running", "stopping", "stopped")
_ENDED = "IdempotentInstanceTerminated"


@dataclass(frozen=True, slots=True)
class Instance:
    """A server as EC2 describes it. ``volumes`` are its devices with the ids of their volumes."""

    id: str
    state: str
    instance_type: str
    zone: str
    launched: datetime
    image: str = ""
    architecture: str = ""
    root_device_type: str = "ebs"
    vpc: str = ""
    subnet: str = ""
    security_groups: tuple[str, ...] = ()
    private_ip: str = ""
    public_ip: str = ""
    key_name: str = ""
    profile_arn: str = ""
    volumes: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LaunchOrder:
    """What to start: an image, as which type, where. Without ``public_ip`` nobody outside the network reaches it.

    ``token`` (at most 64 characters) stands for the wish: asked again by the same one, EC2 starts no second server.
    """

    image: str
    instance_type: str
    subnet: str
    security_groups: tuple[str, ...]
    tags: Mapping[str, str]
    public_ip: bool = False
    key_name: str = ""
    profile_arn: str = ""
    user_data: bytes = b""
    ends_when_stopped: bool = False
    token: str = ""


class Ec2Instances:
    """Instances of one region. Raises SourceError: see ``dr.aws.errors``."""

    def __init__(self, client: BaseClient) -> None:
        self.client: Any = client
        self.region = client.meta.region_name

    def instances(self, ids: Iterable[str]) -> dict[str, Instance]:
        """Those that are there, by id; one that was terminated is still there for an hour."""
        wanted = list(dict.fromkeys(ids))
        found = self._instances([{"Name": "instance-id", "Values": wanted}]) if wanted else []
        return {item.id: item for item in found}

    def tagged(self, tags: Mapping[str, str]) -> tuple[Instance, ...]:
        """Instances that have all of ``tags`` and were not terminated."""
        filters = [{"Name": f"tag:{key}", "Values": [value]} for key, value in tags.items()]
        return tuple(self._instances([*filters, {"Name": "instance-state-name", "Values": list(LIVING)}]))

    def running_from(self, image: str) -> tuple[str, ...]:
        """The instances that were launched from an image and were not terminated."""
        filters = [{"Name": "image-id", "Values": [image]}, {"Name": "instance-state-name", "Values": list(LIVING)}]
        return tuple(item.id for item in self._instances(filters))

    def has_subnet(self, subnet: str) -> bool:
        """Whether the subnet is one of this region."""
        try:
            with translated(SECTION, f"look for {subnet} in {self.region}"):
                return bool(self.client.describe_subnets(SubnetIds=[subnet])["Subnets"])
        except NotThere:
            return False

    def _instances(self, filters: list[dict[str, Any]]) -> list[Instance]:
        with translated(SECTION, f"list instances in {self.region}"):
            pages = self.client.get_paginator("describe_instances").paginate(Filters=filters)
            reservations = [item for page in pages for item in page["Reservations"]]
        return [_instance(raw) for item in reservations for raw in item["Instances"]]

    def user_data(self, instance: str) -> bytes:
        """What the instance was given to run at its first start. It may hold secrets."""
        with translated(SECTION, f"read the user data of {instance}"):
            answer = self.client.describe_instance_attribute(InstanceId=instance, Attribute="userData")
        text = str(answer.get("UserData", {}).get("Value", "") or "")
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            return text.encode()

    def run(self, order: LaunchOrder) -> str:
        """Start one; its id. Where the order has no token botocore gives the request one, for its own attempts."""
        arguments: dict[str, Any] = {}
        if order.token:
            arguments["ClientToken"] = order.token
        if order.key_name:
            arguments["KeyName"] = order.key_name
        if order.profile_arn:
            arguments["IamInstanceProfile"] = {"Arn": order.profile_arn}
        if order.user_data:
            arguments["UserData"] = order.user_data
        with translated(SECTION, f"start an instance of {order.image} in {self.region}"):
            answer = self._asked_to_run(
                ImageId=order.image,
                InstanceType=order.instance_type,
                MinCount=1,
                MaxCount=1,
                InstanceInitiatedShutdownBehavior="terminate" if order.ends_when_stopped else "stop",
                NetworkInterfaces=[
                    {
                        "DeviceIndex": 0,
                        "SubnetId": order.subnet,
                        "Groups": list(order.security_groups),
                        "AssociatePublicIpAddress": order.public_ip,
                        "DeleteOnTermination": True,
                    }
                ],
                TagSpecifications=[
                    {"ResourceType": kind, "Tags": ours.as_list(order.tags)} for kind in ("instance", "volume")
                ],
                **arguments,
            )
        return str(answer["Instances"][0]["InstanceId"])

    def _asked_to_run(self, **arguments: Any) -> Any:
        from botocore.exceptions import ClientError

        try:
            return self.client.run_instances(**arguments)
        except ClientError as error:
            if error_code(error) != _ENDED or not arguments.pop("ClientToken", ""):
                raise
        # The server of that wish was ended since. Whoever asks again wants another.
        return self.client.run_instances(**arguments)

    def checks(self, instance: str) -> tuple[str, str]:
        """EC2's two status checks, of the system and of the instance: ``initializing``, ``ok``, ``impaired``, ..."""
        with translated(SECTION, f"read the status checks of {instance}"):
            answer = self.client.describe_instance_status(InstanceIds=[instance], IncludeAllInstances=True)
        found = (answer.get("InstanceStatuses") or [{}])[0]
        return (
            str(found.get("SystemStatus", {}).get("Status", "")),
            str(found.get("InstanceStatus", {}).get("Status", "")),
        )

    def terminate(self, instances: Sequence[str]) -> None:
        """Instances that are gone already are no error."""
        try:
            with translated(SECTION, f"terminate {', '.join(instances)} in {self.region}"):
                self.client.terminate_instances(InstanceIds=list(instances))
        except NotThere:
            return

    def closed_group(self, subnet: str, name: str, tags: Mapping[str, str]) -> str:
        """Make a security group, in the network of ``subnet``, that lets nothing in and nothing out; its id."""
        with translated(SECTION, f"make a closed security group in {self.region}"):
            network = self.client.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["VpcId"]
            answer = self.client.create_security_group(
                GroupName=name,
                Description="No way in and no way out: for one launch test",
                VpcId=network,
                TagSpecifications=[{"ResourceType": "security-group", "Tags": ours.as_list(tags)}],
            )
            group = str(answer["GroupId"])
        with translated(SECTION, f"close the security group {group}"):
            # A new group lets everything out.
            found = self.client.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
            if found.get("IpPermissionsEgress"):
                self.client.revoke_security_group_egress(GroupId=group, IpPermissions=found["IpPermissionsEgress"])
        return group

    def groups_tagged(self, tags: Mapping[str, str]) -> tuple[str, ...]:
        filters = [{"Name": f"tag:{key}", "Values": [value]} for key, value in tags.items()]
        with translated(SECTION, f"list security groups in {self.region}"):
            pages = self.client.get_paginator("describe_security_groups").paginate(Filters=filters)
            return tuple(str(raw["GroupId"]) for page in pages for raw in page["SecurityGroups"])

    def delete_group(self, group: str) -> None:
        """One that is gone already is no error."""
        try:
            with translated(SECTION, f"delete the security group {group}"):
                self.client.delete_security_group(GroupId=group)
        except NotThere:
            return


def _instance(raw: Mapping[str, Any]) -> Instance:
    return Instance(
        id=str(raw["InstanceId"]),
        state=str(raw.get("State", {}).get("Name", "")),
        instance_type=str(raw.get("InstanceType", "")),
        zone=str(raw.get("Placement", {}).get("AvailabilityZone", "")),
        launched=raw.get("LaunchTime") or datetime.now(UTC),
        image=str(raw.get("ImageId", "")),
        architecture=str(raw.get("Architecture", "")),
        root_device_type=str(raw.get("RootDeviceType", "ebs")),
        vpc=str(raw.get("VpcId", "")),
        subnet=str(raw.get("SubnetId", "")),
        security_groups=tuple(str(item["GroupId"]) for item in raw.get("SecurityGroups", ())),
        private_ip=str(raw.get("PrivateIpAddress", "")),
        public_ip=str(raw.get("PublicIpAddress", "")),
        key_name=str(raw.get("KeyName", "")),
        profile_arn=str(raw.get("IamInstanceProfile", {}).get("Arn", "")),
        volumes={
            str(item["DeviceName"]): str(item["Ebs"]["VolumeId"])
            for item in raw.get("BlockDeviceMappings", ())
            if "Ebs" in item
        },
        tags=ours.as_mapping(raw.get("Tags")),
        reason=" ".join(str(raw.get("StateReason", {}).get(key, "")) for key in ("Code", "Message")).strip(),
    )
