"""What a person is handed to launch a server again, and how the description is read back."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime
from typing import Any

import pytest

from dr.aws.ec2 import Image, MappedVolume
from dr.aws.ec2_instances import Instance
from dr.aws.rds import Database, DatabaseSnapshot
from dr.aws.tags import as_value
from dr.catalog.manifest import Item
from dr.components.images import papers
from dr.components.images.databases import snapshot_name
from dr.components.images.description import Description, Server, differs, from_json, to_json
from dr.components.images.make import Order
from dr.components.images.waiting import Sight, wait_for
from dr.configuration.components.images import tag_pairs
from dr.errors import BackupInvalid, ServerUnreachable, SourceInvalid, StepTimedOut

NOW = datetime(2024, 1, 1, 2, tzinfo=UTC)
SERVER = Instance(
    "i-1",
    "running",
    "m7g.large",
    "here-1a",
    NOW,
    subnet="subnet-1",
    security_groups=("sg-1", "sg-2"),
    key_name="key",
    profile_arn="arn:aws:iam::1:instance-profile/web",
    tags={"Name": "web", "aws:cloudformation:stack-name": "x"},
)


def image(region: str = "here") -> Image:
    """Of the server."""
    return Image("ami-1", region, "n", "available", NOW, volumes=(MappedVolume("/dev/sda1", "snap-1", 8),))


def described(**changes: Any) -> Description:
    """One server with one image, and user data that is no text."""
    return Description(
        "shop", "images_20240101_020000", ("here",), (Server(SERVER, b"\x00\xff", (image(),)),), (), **changes
    )


def test_the_request_in_its_own_region_has_everything_that_the_server_had():
    """Type, network, groups, key, role and tags; Amazon's own tags cannot be given."""
    request = json.loads(papers.launch_request(SERVER, image(), "here"))

    assert request["SubnetId"] == "subnet-1"
    assert request["SecurityGroupIds"] == ["sg-1", "sg-2"]
    assert request["IamInstanceProfile"] == {"Arn": SERVER.profile_arn}
    assert request["Placement"] == {"AvailabilityZone": "here-1a"}
    assert (request["MinCount"], request["MaxCount"], request["KeyName"]) == (1, 1, "key")
    assert request["TagSpecifications"] == [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web"}]}]


def test_in_another_region_what_does_not_exist_there_is_left_to_the_person():
    """Neither subnet, groups, key nor zone, and words in capitals in the command instead."""
    request = json.loads(papers.launch_request(SERVER, image("away"), "here"))
    command = papers.launch_command(SERVER, image("away"), "here", user_data=True)

    assert set(request) == {
        "ImageId",
        "InstanceType",
        "MinCount",
        "MaxCount",
        "IamInstanceProfile",
        "TagSpecifications",
    }
    assert shlex.split(command)[-4:] == ["--subnet-id", "SUBNET", "--security-group-ids", "GROUP"]
    assert "--user-data fileb://user_data_i-1" in command


def test_a_database_is_restored_beside_the_old_one():
    """Under another name, not reachable from outside, with the network it had."""
    database = Database(
        "main", "available", "postgres", "16", "db.m7g", 20, subnet_group="g", security_groups=("sg-1",)
    )
    snapshot = DatabaseSnapshot("dr-s", "here", "arn", "main", "available", NOW, 20, 100, encrypted=True)

    argv = shlex.split(papers.restore_command(database, snapshot, "here"))

    assert argv[argv.index("--db-instance-identifier") + 1] == "main-restored"
    assert "--no-publicly-accessible" in argv
    assert argv[argv.index("--db-subnet-group-name") + 1] == "g"
    assert "--multi-az" not in argv


def test_the_description_comes_back_as_it_was_bytes_included():
    """Through JSON, user data that is no text as well."""
    assert from_json(to_json(described()), "it") == described()


@pytest.mark.parametrize("data", [b"", b"{}", b'{"system": 1}', to_json(described(format=2))])
def test_what_is_no_description_is_refused(data):
    """Cut, foreign, or of a format to come."""
    with pytest.raises(BackupInvalid, match=r"images\.json of it"):
        from_json(data, "it")


def test_a_manifest_that_names_other_images_is_noticed():
    """One more on either side."""
    items = described().items

    assert differs(described(), items) == ""
    assert "ami-2" in differs(described(), (*items, Item("ami-2")))
    assert "ami-1" in differs(described(), ())


def test_waiting_outlasts_an_endpoint_that_does_not_answer_for_a_while():
    """The second look succeeds."""
    looks = iter([ServerUnreachable("away"), [Sight("it", "available", done=True)]])

    def look() -> list[Sight]:
        found = next(looks)
        if isinstance(found, Exception):
            raise found
        return found

    assert wait_for(look, 1, stuck="", broken="") > 0


def test_waiting_ends_by_the_clock_and_says_what_it_waited_for():
    """What is named: the thing, its state, how far it is, and what to do."""
    with pytest.raises(StepTimedOut) as raised:
        wait_for(lambda: [Sight("it", "pending", done=False, detail="3 %")], 0.001, stuck="wait longer", broken="")

    assert raised.value.message == "waited 0.001 minutes for it"
    assert (raised.value.detail, raised.value.hint) == ("it is pending (3 %)", "wait longer")


def test_waiting_ends_at_once_when_one_has_failed():
    """Whatever the others do."""
    sights = [Sight("one", "pending", done=False), Sight("other", "failed", done=False, failed="no room")]

    with pytest.raises(SourceInvalid, match="other has failed") as raised:
        wait_for(lambda: sights, 60, stuck="", broken="correct it")

    assert (raised.value.detail, raised.value.hint) == ("other: no room", "correct it")


def test_names_are_such_as_the_services_take(tmp_path):
    """A snapshot's name has single hyphens and no dots, an image's is within 128 characters, a tag within its set."""
    order = Order("a" * 63, "images_20240101_020000", no_reboot=True, wait_minutes=1)

    assert "--" not in snapshot_name(Order("my..shop_", order.label, no_reboot=True, wait_minutes=1), "main")
    assert len(order.name("i-0123456789abcdef0")) <= 128
    assert as_value("(a) é " + "x" * 300) == "a " + "x" * 198
    assert tag_pairs("a=b, c=d=e", tmp_path) == ("a=b", "c=d=e")
    with pytest.raises(ValueError, match="Key=Value"):
        tag_pairs("a", tmp_path)
