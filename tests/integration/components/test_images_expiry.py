"""Server images that are beyond their number go, snapshots and all; what is somebody else's, used or locked stays."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dr.operations.component.expire_images import ImageExpiry, apply_images, plan_images
from dr.policy.retention import Action
from tests.endpoints.ec2_front import Rule
from tests.integration.components.images_site import AWAY, HOME, Site, door, site

__all__ = ["door", "site"]


def plan(site: Site) -> ImageExpiry:
    """After a run that succeeded."""
    return plan_images(site.shelf.system, datetime.now(UTC), run_succeeded=True)


def going(plan: ImageExpiry) -> list[str]:
    """What it removes."""
    return [f"{item.image.region}:{item.image.id}" for item in plan.decisions if item.action is Action.EXPIRE]


def reasons(plan: ImageExpiry) -> dict[str, str]:
    """Why each stays or goes."""
    return {item.image.id: item.reason for item in plan.decisions}


@pytest.mark.incident("I14")
def test_all_but_the_newest_go_with_their_snapshots_in_every_region_and_nothing_of_others(site: Site) -> None:
    """Of two runs with ``keep = 1`` the older goes, image, copy and snapshots; an image without our tags stays."""
    instance = site.server()
    foreign = site.client().create_image(InstanceId=instance, Name="by hand")["ImageId"]
    site = site.with_images(instances=(instance,), copy_region=AWAY, keep=1)
    site.make()
    older = {HOME: list(site.images()), AWAY: list(site.images(AWAY))}
    old_snapshots = {HOME: set(site.snapshots()), AWAY: set(site.snapshots(AWAY))}
    site.make()

    planned = plan(site)
    removed = apply_images(site.shelf.system, planned)

    assert set(going(planned)) == {f"{region}:{name}" for region, names in older.items() for name in names}
    assert removed.problems == ()
    assert len(removed.removed) == 4
    for region in (HOME, AWAY):
        assert len(site.images(region)) == 1
        assert not set(site.images(region)) & set(older[region])
        assert not set(site.snapshots(region)) & old_snapshots[region]
        assert len(site.snapshots(region)) == 1
    assert site.client().describe_images(ImageIds=[foreign])["Images"]
    assert going(plan(site)) == []


@pytest.mark.incident("I14")
@pytest.mark.parametrize("refused", [False, True])
def test_snapshots_that_only_name_an_image_of_ours_stay_and_are_not_marked(site: Site, refused: bool) -> None:
    """Of somebody's own copy, and of remarks: not even tried. What EC2 made for the image goes, tagged or not."""
    site = site.with_images(instances=(site.server(),), keep=1)
    site.make()
    (old,), (tagged,) = site.images(), site.snapshots()
    site.make()
    made = f"Created by CreateImage(i-0a1b2c3d) for {old}"
    copied = f"Copied for DestinationAmi {old} from SourceAmi ami-0a1b2c3d for SourceSnapshot snap-0a1b"
    mine = [site.snapshot(words) for words in (made, f"{made} from vol-1", copied, f"{copied}. Task created on 1,566.")]
    theirs = [
        site.snapshot(f"Copied for DestinationAmi ami-0e1f from SourceAmi {old} for SourceSnapshot snap-1"),
        site.snapshot(f"legal hold 2024: data volume at the time of {old}"),
        site.snapshot(f"[Copied {tagged} from {HOME}] {made}"),
        site.snapshot(f"{made}: do not delete"),
        site.snapshot(f"{made}0f"),
    ]
    if refused:
        site.front.rule(Rule("DeleteSnapshot", code="SnapshotLocked", message="locked"))

    removed = apply_images(site.shelf.system, plan(site))

    gone = [] if refused else [tagged, *mine]
    assert set(removed.removed) == {f"{HOME}:{name}" for name in (old, *gone)}
    assert len(removed.problems) == (5 if refused else 0)
    left = site.snapshot_tags()
    assert {name: left[name] for name in theirs} == {name: {} for name in theirs}
    assert not set(left) & set(gone)


def test_a_snapshot_of_ours_that_another_image_is_made_of_stays(site: Site) -> None:
    """Somebody registered it, before the plan or after: it is neither removed nor marked, until their image is gone."""
    instance = site.server()
    theirs = site.client().create_image(InstanceId=instance, Name="by hand")["ImageId"]
    their_own = site.client().describe_images(ImageIds=[theirs])["Images"][0]["BlockDeviceMappings"][0]["Ebs"]
    site = site.with_images(instances=(instance,), keep=1)
    site.make()
    (old,), (shared,) = site.images(), site.snapshots()
    site.make()
    registered = Rule("DescribeImages", old=their_own["SnapshotId"], new=shared)
    site.front.rule(registered)

    removed = apply_images(site.shelf.system, plan(site))
    after = plan(site).left_over
    site.front.rule()
    planned_too_early = plan(site)
    site.front.rule(registered)
    again = apply_images(site.shelf.system, planned_too_early)
    tags = site.snapshot_tags()[shared]
    site.front.rule()
    freed = apply_images(site.shelf.system, plan(site))

    assert (removed.removed, removed.problems) == ((f"{HOME}:{old}",), ())
    assert after == ()
    assert [item.id for item in planned_too_early.left_over] == [shared]
    assert (again.removed, again.problems) == ((), ())
    assert "coreflow360-dr:held" not in tags
    assert freed.removed == (f"{HOME}:{shared}",)


def test_a_locked_snapshot_is_reported_once_and_not_tried_every_week(site: Site) -> None:
    """The image is gone, its snapshot is marked with EC2's reason; the next expiry names it and leaves it alone."""
    site = site.with_images(instances=(site.server(),), keep=1)
    site.make()
    (locked,) = site.snapshots()
    site.make()
    site.front.rule(Rule("DeleteSnapshot", code="SnapshotLocked", message="locked (compliance)"))

    removed = apply_images(site.shelf.system, plan(site))
    site.front.rule()
    second = plan(site)
    again = apply_images(site.shelf.system, second)
    tried = site.front.seen("DeleteSnapshot")
    site.client().delete_tags(Resources=[locked], Tags=[{"Key": "coreflow360-dr:held"}])
    released = apply_images(site.shelf.system, plan(site))

    assert len(removed.removed) == 1
    assert [problem.startswith(f"{HOME}:{locked}: ") for problem in removed.problems] == [True]
    assert [(item.id, item.held) for item in second.left_over] == [
        (locked, "locked compliance SnapshotLocked HTTP 400")
    ]
    assert again.removed == ()
    assert tried == 0
    assert released.removed == (f"{HOME}:{locked}",)


def test_an_image_that_cannot_be_deregistered_keeps_its_snapshot(site: Site) -> None:
    """What EC2 refuses stays whole; a refusal that may pass is tried again, another is held."""
    site = site.with_images(instances=(site.server(),), keep=1)
    site.make()
    (old,), (snapshot,) = site.images(), site.snapshots()
    site.make()
    site.front.rule(Rule("DeregisterImage", status=507, code="Unusual"))

    busy = apply_images(site.shelf.system, plan(site))
    after_busy = going(plan(site))
    site.front.rule(Rule("DeregisterImage", code="OperationNotPermitted"))
    refused = apply_images(site.shelf.system, plan(site))

    assert busy.removed == refused.removed == ()
    assert after_busy == [f"{HOME}:{old}"]
    assert going(plan(site)) == []
    assert "could not be removed before" in reasons(plan(site))[old]
    assert snapshot in site.snapshots()


def test_an_image_in_use_protected_or_taken_over_stays(site: Site) -> None:
    """A server that runs from it, EC2's protection, and tags that somebody took off after the plan was made."""
    site = site.with_images(instances=(site.server(),), keep=1)
    site.make()
    (used,) = site.images()
    running = site.client().run_instances(ImageId=used, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    site.make()

    in_use = plan(site)
    running_id = running["Instances"][0]["InstanceId"]
    site.client().terminate_instances(InstanceIds=[running_id])
    protection = "<deregistrationProtection>enabled-without-cooldown</deregistrationProtection><imageState>"
    site.front.rule(Rule("DescribeImages", old="<imageState>", new=protection))
    protected = plan(site)
    site.front.rule()
    free = plan(site)
    site.client().delete_tags(Resources=[used], Tags=[{"Key": "coreflow360-dr:system"}])
    removed = apply_images(site.shelf.system, free)

    assert reasons(in_use)[used] == f"in use by {running_id}"
    assert "deregistration protection" in reasons(protected)[used]
    assert going(free) == [f"{HOME}:{used}"]
    assert removed.removed == ()


def test_database_snapshots_beyond_their_number_go(site: Site) -> None:
    """The older of two is deleted in both regions."""
    site = site.with_images(rds_instances=(site.database(),), copy_region=AWAY, keep=1)
    first, second = site.make(), site.make()

    removed = apply_images(site.shelf.system, plan(site))

    assert set(removed.removed) == {item.name for item in first.items}
    left = {f"{item.image.region}:{item.image.id}" for item in plan(site).decisions}
    assert left == {item.name for item in second.items}


def test_after_a_failed_run_nothing_goes_not_even_what_was_left_over(site: Site) -> None:
    """A cut-off expiry's snapshot waits as well."""
    site = site.with_images(instances=(site.server(),), keep=1)
    site.make()
    (old,) = site.images()
    site.client().deregister_image(ImageId=old)
    site.make()

    planned = plan_images(site.shelf.system, datetime.now(UTC), run_succeeded=False)

    assert going(planned) == []
    assert planned.left_over == ()
    assert [item.image for item in plan(site).left_over] == [old]
