"""Servers and databases at an endpoint that stands for Amazon: moto, with a door in front that can change its answers.

moto makes every image and snapshot at once, encrypts none, lets anybody in, and takes two images of one name; where a
test needs it otherwise, the door says so.
"""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import boto3.session
import pytest
from botocore.config import Config

from dr.components.images.cloud import clouds
from dr.components.images.description import NAME, Description, from_json
from dr.components.images.take import finish, take
from dr.configuration.components.images import ImagesSettings
from dr.operations.component.restore import RestoredComponent
from tests.endpoints.ec2_front import Front, front
from tests.endpoints.serving import Endpoint
from tests.integration.components.shelf import Shelf

HOME = "us-west-2"
AWAY = "eu-central-1"
_NUMBERS = count(1)


@dataclass(frozen=True)
class Site:
    """A system of a name that no other test has, so that each sees only its own images."""

    shelf: Shelf
    front: Front

    @property
    def name(self) -> str:
        return self.shelf.system.name

    @property
    def settings(self) -> ImagesSettings:
        return self.shelf.system.components.images

    def client(self, service: str = "ec2", region: str = HOME) -> Any:
        """A plain client, to look behind our back; it goes through the door too."""
        return _client(service, region, self.front.endpoint.url)

    def server(self, user_data: str = "", **tags: str) -> str:
        """A running instance; its id."""
        answer = self.client().run_instances(
            ImageId="ami-12c6146b",
            InstanceType="t3.small",
            MinCount=1,
            MaxCount=1,
            UserData=user_data,
            TagSpecifications=[
                {"ResourceType": "instance", "Tags": [{"Key": k, "Value": v} for k, v in (tags or {"a": "b"}).items()]}
            ],
        )
        return str(answer["Instances"][0]["InstanceId"])

    def database(self) -> str:
        """An RDS instance; its name."""
        name = f"db-{secrets.token_hex(4)}"
        self.client("rds").create_db_instance(
            DBInstanceIdentifier=name,
            DBInstanceClass="db.t3.micro",
            Engine="postgres",
            MasterUsername="admin1",
            MasterUserPassword=secrets.token_hex(8),
            AllocatedStorage=20,
        )
        return name

    def subnet(self, region: str = AWAY) -> str:
        """The first of a region's own network."""
        return str(self.client(region=region).describe_subnets()["Subnets"][0]["SubnetId"])

    def with_images(self, **settings: Any) -> Site:
        """The same with these settings; the region, the address and the credentials are the site's."""
        endpoint = self.front.endpoint
        basic: dict[str, Any] = {
            "region": HOME,
            "endpoint_url": endpoint.url,
            "access_key_id": endpoint.access_key_id,
            "secret_access_key": endpoint.secret_access_key,
        }
        return dataclasses.replace(self, shelf=self.shelf.with_components(images=ImagesSettings(**(basic | settings))))

    def make(self) -> Description:
        """Images and snapshots as a backup makes them, finished, without a repository."""
        regions = clouds(self.settings)
        description, _ = take(regions, self.settings, self.name, f"images_20240101_{next(_NUMBERS):06}")
        finish(regions, description)
        return description

    def images(self, region: str = HOME) -> dict[str, dict[str, str]]:
        """Our images of one region and their tags."""
        wanted = [{"Name": "tag:coreflow360-dr:system", "Values": [self.name]}]
        found = self.client(region=region).describe_images(Filters=wanted)["Images"]
        return {item["ImageId"]: {tag["Key"]: tag["Value"] for tag in item["Tags"]} for item in found}

    def snapshots(self, region: str = HOME) -> dict[str, dict[str, str]]:
        """Our snapshots of one region and their tags."""
        wanted = [{"Name": "tag:coreflow360-dr:system", "Values": [self.name]}]
        found = self.client(region=region).describe_snapshots(Filters=wanted)["Snapshots"]
        return {item["SnapshotId"]: {tag["Key"]: tag["Value"] for tag in item["Tags"]} for item in found}

    def snapshot(self, description: str) -> str:
        """Somebody's snapshot without any tag; its id."""
        volume = self.client().create_volume(Size=1, AvailabilityZone=f"{HOME}a")["VolumeId"]
        return str(self.client().create_snapshot(VolumeId=volume, Description=description)["SnapshotId"])

    def snapshot_tags(self, region: str = HOME) -> dict[str, dict[str, str]]:
        """Every snapshot of the account and its tags."""
        found = self.client(region=region).describe_snapshots(OwnerIds=["self"])["Snapshots"]
        return {item["SnapshotId"]: {tag["Key"]: tag["Value"] for tag in item.get("Tags", ())} for item in found}

    def states(self, region: str = HOME) -> list[str]:
        """Whether our images are finished."""
        return [tags["coreflow360-dr:state"] for tags in self.images(region).values()]

    def described(self, restored: RestoredComponent) -> Description:
        return from_json((Path(restored.directory) / NAME).read_bytes(), "the test")


@cache
def _client(service: str, region: str, url: str) -> Any:
    session: Any = boto3.session.Session()  # its stubs want the service's name as a literal
    return session.client(
        service,
        region_name=region,
        endpoint_url=url,
        aws_access_key_id="anybody",
        aws_secret_access_key=secrets.token_hex(8),
        config=Config(proxies={}),
    )


@pytest.fixture(scope="module")
def door(moto_endpoint: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """The door, open for the tests of one file."""
    with front(moto_endpoint, tmp_path_factory.mktemp("front")) as opened:
        yield opened


@pytest.fixture
def site(shelf: Shelf, door: Front) -> Site:
    """Nothing is configured, and the door changes nothing yet."""
    door.rule()
    system = dataclasses.replace(shelf.system, name=f"shop-{secrets.token_hex(4)}")
    return Site(dataclasses.replace(shelf, system=system), door)
