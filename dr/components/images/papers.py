"""What a person needs to bring a server back from its image: the request as a file, and the commands to type.

The commands are those of the stock ``aws`` program, for the day on which this one is not at hand.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from dr.aws.ec2 import Image
from dr.aws.ec2_instances import Instance
from dr.aws.rds import Database, DatabaseSnapshot


@dataclass(frozen=True, slots=True)
class _Tag:
    Key: str
    Value: str


@dataclass(frozen=True, slots=True)
class _Profile:
    Arn: str


@dataclass(frozen=True, slots=True)
class _TagSpecification:
    ResourceType: str
    Tags: tuple[_Tag, ...]


@dataclass(frozen=True, slots=True)
class _Placement:
    AvailabilityZone: str


class _Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """RunInstances, in AWS's own words; what is None or empty is left out."""

    ImageId: str
    InstanceType: str
    MinCount: int | None = None
    MaxCount: int | None = None
    SubnetId: str = ""
    SecurityGroupIds: tuple[str, ...] = ()
    KeyName: str = ""
    IamInstanceProfile: _Profile | None = None
    Placement: _Placement | None = None
    TagSpecifications: tuple[_TagSpecification, ...] = ()


def launch_file(image: Image) -> str:
    return f"launch_{image.id}.json"


def user_data_file(instance: Instance) -> str:
    return f"user_data_{instance.id}"


def launch_request(instance: Instance, image: Image, home: str) -> bytes:
    """What ``aws ec2 run-instances --cli-input-json`` reads.

    In another region than ``home`` the network, the groups and the key pair do not exist: whoever launches names them.
    """
    here = image.region == home
    tags = tuple(_Tag(key, value) for key, value in instance.tags.items() if not key.startswith("aws:"))
    request = _Request(
        ImageId=image.id,
        InstanceType=instance.instance_type,
        MinCount=1,
        MaxCount=1,
        SubnetId=instance.subnet if here else "",
        SecurityGroupIds=instance.security_groups if here else (),
        KeyName=instance.key_name if here else "",
        IamInstanceProfile=_Profile(instance.profile_arn) if instance.profile_arn else None,
        Placement=_Placement(instance.zone) if here and instance.zone else None,
        TagSpecifications=(_TagSpecification("instance", tags),) if tags else (),
    )
    return msgspec.json.format(msgspec.json.encode(request), indent=1) + b"\n"


def launch_command(instance: Instance, image: Image, home: str, *, user_data: bool) -> str:
    """The line that launches it; SUBNET and GROUP are to be replaced where they stand."""
    argv = ["aws", "ec2", "run-instances", "--region", image.region, "--cli-input-json", f"file://{launch_file(image)}"]
    if user_data:
        argv += ["--user-data", f"fileb://{user_data_file(instance)}"]
    if image.region != home:
        argv += ["--subnet-id", "SUBNET", "--security-group-ids", "GROUP"]
    return shlex.join(argv)


def restore_command(database: Database, snapshot: DatabaseSnapshot, home: str) -> str:
    """The line that makes a new database server of a snapshot; nothing existing is touched."""
    argv = ["aws", "rds", "restore-db-instance-from-db-snapshot", "--region", snapshot.region]
    argv += ["--db-instance-identifier", f"{database.id}-restored", "--db-snapshot-identifier", snapshot.id]
    argv += ["--db-instance-class", database.instance_class, "--no-publicly-accessible"]
    argv += ["--multi-az"] if database.multi_az else []
    if snapshot.region == home:
        argv += ["--db-subnet-group-name", database.subnet_group] if database.subnet_group else []
        argv += ["--vpc-security-group-ids", *database.security_groups] if database.security_groups else []
        argv += ["--db-parameter-group-name", database.parameter_group] if database.parameter_group else []
    else:
        argv += ["--db-subnet-group-name", "SUBNET_GROUP", "--vpc-security-group-ids", "GROUP"]
    return shlex.join(argv)


def page(system: str, label: str, commands: Mapping[str, tuple[str, ...]]) -> str:
    """``COMMANDS.txt``: server by server, the lines to type in the directory that this file lies in."""
    lines = [f"{label} of {system}. Run these in this directory; put names of your own for words in CAPITALS.", ""]
    for title, wanted in commands.items():
        lines += [title, *(f"  {line}" for line in wanted), ""]
    return "\n".join(lines)
