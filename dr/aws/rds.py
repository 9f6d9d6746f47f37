"""RDS's databases and their snapshots in one region: made, copied, looked at, removed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from dr.aws import tags as ours
from dr.aws.ec2 import SECTION
from dr.aws.errors import NotThere, translated
from dr.aws.session import make_client
from dr.configuration.components.aws import AwsSettings


@dataclass(frozen=True, slots=True)
class Database:
    """A database server. ``cluster`` is Aurora's, whose members have no snapshots of their own."""

    id: str
    state: str
    engine: str
    version: str
    instance_class: str
    gib: int
    cluster: str = ""
    subnet_group: str = ""
    security_groups: tuple[str, ...] = ()
    parameter_group: str = ""
    multi_az: bool = False
    encrypted: bool = False


@dataclass(frozen=True, slots=True)
class DatabaseSnapshot:
    """A snapshot that we asked for; ``state`` is ``creating``, ``available``, ``failed``, ..."""

    id: str
    region: str
    arn: str
    database: str
    state: str
    created: datetime
    gib: int
    percent: int
    encrypted: bool
    tags: Mapping[str, str] = field(default_factory=dict)


class Rds:
    """Databases and snapshots of one region. Raises SourceError: see ``dr.aws.errors``."""

    def __init__(self, settings: AwsSettings, region: str | None = None) -> None:
        self.client: Any = make_client(settings, SECTION, "rds", region=region)
        self.region: str = self.client.meta.region_name

    def database(self, name: str) -> Database:
        """Raises ``NotThere``."""
        with translated(SECTION, f"look at the database {name} in {self.region}"):
            answer = self.client.describe_db_instances(DBInstanceIdentifier=name)
        raw = answer["DBInstances"][0]
        groups = raw.get("VpcSecurityGroups", ())
        return Database(
            id=str(raw["DBInstanceIdentifier"]),
            state=str(raw.get("DBInstanceStatus", "")),
            engine=str(raw.get("Engine", "")),
            version=str(raw.get("EngineVersion", "")),
            instance_class=str(raw.get("DBInstanceClass", "")),
            gib=int(raw.get("AllocatedStorage", 0)),
            cluster=str(raw.get("DBClusterIdentifier", "") or ""),
            subnet_group=str(raw.get("DBSubnetGroup", {}).get("DBSubnetGroupName", "")),
            security_groups=tuple(str(item["VpcSecurityGroupId"]) for item in groups),
            parameter_group=next((str(item["DBParameterGroupName"]) for item in raw.get("DBParameterGroups", ())), ""),
            multi_az=bool(raw.get("MultiAZ", False)),
            encrypted=bool(raw.get("StorageEncrypted", False)),
        )

    def create(self, database: str, name: str, tags: Mapping[str, str]) -> DatabaseSnapshot:
        """Ask for a snapshot. ``AlreadyThere`` when one has that name."""
        with translated(SECTION, f"make a snapshot of the database {database} in {self.region}"):
            answer = self.client.create_db_snapshot(
                DBInstanceIdentifier=database, DBSnapshotIdentifier=name, Tags=ours.as_list(tags)
            )
        return _snapshot(answer["DBSnapshot"], self.region)

    def copy(
        self, source: DatabaseSnapshot, name: str, tags: Mapping[str, str], kms_key: str | None
    ) -> DatabaseSnapshot:
        """Ask for a copy, in this region, of a snapshot of another. An encrypted one needs a key of this region."""
        key = {"KmsKeyId": kms_key} if kms_key else {}
        with translated(SECTION, f"copy {source.id} from {source.region} to {self.region}"):
            answer = self.client.copy_db_snapshot(
                SourceDBSnapshotIdentifier=source.arn,
                SourceRegion=source.region,
                TargetDBSnapshotIdentifier=name,
                Tags=ours.as_list(tags),
                **key,
            )
        return _snapshot(answer["DBSnapshot"], self.region)

    def snapshot(self, name: str) -> DatabaseSnapshot | None:
        try:
            with translated(SECTION, f"look at the snapshot {name} in {self.region}"):
                answer = self.client.describe_db_snapshots(DBSnapshotIdentifier=name)
        except NotThere:
            return None
        return next((_snapshot(raw, self.region) for raw in answer["DBSnapshots"]), None)

    def our_snapshots(self, system: str) -> tuple[DatabaseSnapshot, ...]:
        """Every snapshot that carries our tags; RDS cannot be asked for tags, so all are listed."""
        with translated(SECTION, f"list database snapshots in {self.region}"):
            pages = self.client.get_paginator("describe_db_snapshots").paginate(SnapshotType="manual")
            found = [_snapshot(raw, self.region) for page in pages for raw in page["DBSnapshots"]]
        return tuple(item for item in found if ours.is_ours(item.tags, system))

    def tag(self, snapshot: DatabaseSnapshot, tags: Mapping[str, str]) -> None:
        with translated(SECTION, f"tag {snapshot.id} in {self.region}"):
            self.client.add_tags_to_resource(ResourceName=snapshot.arn, Tags=ours.as_list(tags))

    def delete(self, name: str) -> None:
        """One that is gone already is no error."""
        try:
            with translated(SECTION, f"delete the database snapshot {name} in {self.region}"):
                self.client.delete_db_snapshot(DBSnapshotIdentifier=name)
        except NotThere:
            return


def _snapshot(raw: Mapping[str, Any], region: str) -> DatabaseSnapshot:
    return DatabaseSnapshot(
        id=str(raw["DBSnapshotIdentifier"]),
        region=region,
        arn=str(raw.get("DBSnapshotArn", "")),
        database=str(raw.get("DBInstanceIdentifier", "")),
        state=str(raw.get("Status", "")),
        created=raw.get("SnapshotCreateTime") or datetime.now(UTC),
        gib=int(raw.get("AllocatedStorage", 0)),
        percent=int(raw.get("PercentProgress", 0)),
        encrypted=bool(raw.get("Encrypted", False)),
        tags=ours.as_mapping(raw.get("TagList")),
    )
