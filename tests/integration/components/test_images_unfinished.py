"""What an earlier run left unfinished goes, unless somebody uses it or it may be of a run of another installation."""

from __future__ import annotations

import pytest

from dr.aws import tags as ours
from dr.catalog.labels import Kind
from dr.components.images.cloud import Cloud
from dr.components.images.removal import clear_unfinished
from tests.endpoints.ec2_front import Rule
from tests.integration.components.images_site import HOME, Site, door, site

EARLIER = "images_20240101_020000"
NOW = "images_20240108_020000"
PENDING = Rule("DescribeImages", times=1, old="<imageState>available<", new="<imageState>pending<")

__all__ = ["door", "site"]


def left(site: Site, instance: str) -> str:
    """An image that a run of this system was killed over; its id."""
    tags = ours.as_list(ours.marks(site.name, EARLIER, instance))
    made = site.client().create_image(
        InstanceId=instance,
        Name=f"{site.name} {EARLIER} {instance}",
        TagSpecifications=[{"ResourceType": "image", "Tags": tags}],
    )
    return str(made["ImageId"])


@pytest.mark.parametrize("rules", [(PENDING,), ()])
def test_what_is_unfinished_of_anothers_servers_and_databases_stays(site: Site, rules: tuple[Rule, ...]) -> None:
    """Two installations under one system name, in one account: a run of the one removes nothing of the other's."""
    mine, theirs = site.server(), site.server()
    stores = [site.database(), site.database()]
    site = site.with_images(instances=(mine,), rds_instances=(stores[0],))
    my_image, their_image = left(site, mine), left(site, theirs)
    for name in stores:
        tags = ours.as_list(ours.marks(site.name, EARLIER, name))
        site.client("rds").create_db_snapshot(DBInstanceIdentifier=name, DBSnapshotIdentifier=f"of-{name}", Tags=tags)
    site.front.rule(*rules)  # at the first look, when the run begins, no image is available

    made = site.shelf.draft(Kind.IMAGES).manifest.component

    assert made
    assert made.warnings == ()
    assert my_image not in site.images()
    assert their_image in site.images()
    snapshots = site.client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    assert {f"of-{name}" for name in stores} & {item["DBSnapshotIdentifier"] for item in snapshots} == {
        f"of-{stores[1]}"
    }


@pytest.mark.incident("I14")
def test_an_unfinished_image_that_is_used_protected_or_held_stays_and_is_named(site: Site) -> None:
    """Somebody launched a server from the only image there was: no run takes it away, and each says why."""
    instance = site.server()
    site = site.with_images(instances=(instance,))
    image = left(site, instance)
    running = site.client().run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    server = running["Instances"][0]["InstanceId"]

    def clear() -> tuple[str, ...]:
        return clear_unfinished(Cloud(site.settings), site.name, NOW, {instance}, usable=True, databases=False)

    used = clear()
    site.client().terminate_instances(InstanceIds=[server])
    protection = "<deregistrationProtection>enabled-without-cooldown</deregistrationProtection><imageState>"
    site.front.rule(Rule("DescribeImages", old="<imageState>", new=protection))
    protected = clear()
    site.front.rule()
    site.client().create_tags(Resources=[image], Tags=[{"Key": ours.HELD, "Value": "locked"}])
    held = clear()
    still_there = list(site.images())
    site.client().delete_tags(Resources=[image], Tags=[{"Key": ours.HELD}])
    free = clear()

    said = f"{image} in {HOME} was left unfinished by an earlier run and cannot be removed: "
    assert used == (f"{said}in use by {server}",)
    assert protected == (f"{said}protected: EC2 has deregistration protection on",)
    assert [words.startswith(f"{said}could not be removed before (locked)") for words in held] == [True]
    assert still_there == [image]
    assert free == ()
    assert site.images() == {}
