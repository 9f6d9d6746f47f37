"""Server images: made, copied, described, asked for again; and all the ways in which EC2 does not deliver."""

from __future__ import annotations

import base64
import dataclasses
import json
import logging
import secrets
import stat
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.components.images.component import PAGE, Component
from dr.errors import (
    AuthenticationFailed,
    BackupNotFound,
    ConfigurationError,
    PrivilegeMissing,
    SourceError,
    SourceInvalid,
    StepTimedOut,
)
from dr.policy.drill_verdict import Answer
from tests.endpoints.ec2_front import Rule
from tests.integration.components.images_site import AWAY, HOME, Site, door, site
from tests.integration.components.shelf import failed

__all__ = ["door", "site"]

STUCK = Rule("DescribeImages", region=HOME, old="<imageState>available<", new="<imageState>pending<")


def test_a_server_is_imaged_in_two_regions_and_described_well_enough_to_launch_it(site: Site) -> None:
    """Image and copy are finished and tagged; the restored request and user data start an equal server."""
    instance = site.server("echo hello", Name="web")
    site = site.with_images(instances=(instance,), copy_region=AWAY)

    published = site.shelf.back_up(Kind.IMAGES)
    restored = site.shelf.restore(Kind.IMAGES)

    assert published.level == "listed"
    assert site.states(HOME) == site.states(AWAY) == ["finished"]
    names = [*site.images(HOME), *site.images(AWAY)]
    assert [item.name for item in site.shelf.contents(Kind.IMAGES).items] == names
    assert [
        tags["coreflow360-dr:image"] for region in (HOME, AWAY) for tags in site.snapshots(region).values()
    ] == names
    # moto encrypts no copy, and that is seen.
    assert site.shelf.contents(Kind.IMAGES).warnings == (
        f"the copy {names[1]} in {AWAY} was to be encrypted and is not",
    )
    place = Path(restored.directory)
    request = json.loads((place / f"launch_{names[0]}.json").read_bytes())
    again = site.client().run_instances(**request, UserData=(place / f"user_data_{instance}").read_text())["Instances"][
        0
    ]
    assert (again["ImageId"], again["InstanceType"]) == (names[0], "t3.small")
    assert {"Key": "Name", "Value": "web"} in again["Tags"]
    assert "SubnetId" not in json.loads((place / f"launch_{names[1]}.json").read_bytes())
    assert f"--region {AWAY} --cli-input-json file://launch_{names[1]}.json" in (place / PAGE).read_text()
    assert {stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()} == {0o600}
    assert all(probe.answer is not Answer.FAILED for probe in site.shelf.question(Kind.IMAGES, restored))


@pytest.mark.incident("I21")
def test_user_data_is_kept_and_shows_nowhere_else(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """A password in the user data is in the encrypted description alone: in no log, manifest or stored byte."""
    password = secrets.token_hex(15)
    encoded = base64.b64encode(f"PASSWORD={password}".encode()).decode()  # as EC2 sends it
    site = site.with_images(instances=(site.server(f"PASSWORD={password}"),))
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.NOTSET, "botocore")
    caplog.clear()

    site.shelf.back_up(Kind.IMAGES)
    restored = site.shelf.restore(Kind.IMAGES)

    assert site.described(restored).servers[0].user_data.decode() == f"PASSWORD={password}"
    shown = caplog.text + repr(site.shelf.manifest(Kind.IMAGES)) + repr(restored)
    assert not {secret for secret in (password, encoded) if secret in shown}
    stored = [path.read_bytes() for path in site.shelf.directory.glob("*/**/*") if path.is_file()]
    assert sum(password.encode() in data for data in stored) == 1  # the restored file of user data


def test_what_is_wanted_comes_alone_and_what_is_unknown_is_refused(site: Site) -> None:
    """Of two servers one is brought back; a name that is not in the backup is an error that lists what is."""
    one, other = site.server(role="web", of=site.name), site.server(role="web", of=site.name)
    site = site.with_images(instance_tags=("role=web", f"of={site.name}"))
    site.shelf.back_up(Kind.IMAGES)

    restored = site.shelf.restore(Kind.IMAGES, wanted=(one,))
    with pytest.raises(BackupNotFound, match="has no i-unknown") as raised:
        site.shelf.restore(Kind.IMAGES, wanted=("i-unknown",))

    assert restored.laid.count == 1
    assert other not in (Path(restored.directory) / PAGE).read_text()
    assert other in raised.value.detail


def test_an_image_that_is_slow_is_waited_for(site: Site) -> None:
    """Two looks find it pending; the third finds it, and only then there is a backup."""
    site = site.with_images(instances=(site.server(),))
    site.front.rule(dataclasses.replace(STUCK, times=3))  # one look is for leftovers

    made = site.shelf.draft(Kind.IMAGES).manifest.component

    assert made
    assert made.items[0].detail.endswith(f"in {HOME}: available")
    assert site.front.seen("DescribeImages") >= 4


def test_an_image_that_stays_pending_is_cut_off_named_and_removed_by_the_next_run(site: Site) -> None:
    """No backup is listed and the image stays, unfinished; the next run takes it and its snapshot away."""
    site = site.with_images(instances=(site.server(),), wait_minutes=0.02)
    site.front.rule(STUCK)

    with pytest.raises(StepTimedOut, match=r"waited 0.02 minutes for image ami-\w+ of i-\w+ in us-west-2") as raised:
        site.shelf.draft(Kind.IMAGES)
    (stuck,) = site.images()
    left = site.states()
    site.front.rule(dataclasses.replace(STUCK, times=1))  # still pending when the next run begins
    site.shelf.draft(Kind.IMAGES)

    assert stuck in raised.value.message
    assert "images.wait_minutes" in raised.value.hint
    assert left == ["unfinished"]
    assert site.states() == ["finished"]
    assert stuck not in site.images()
    assert [tags["coreflow360-dr:image"] for tags in site.snapshots().values()] == list(site.images())


@pytest.mark.incident("I14")
def test_an_unfinished_image_that_became_whole_stays_until_there_is_another(site: Site) -> None:
    """It may be the only one there is: a next run that fails too does not remove it, one that succeeds does."""
    site = site.with_images(instances=(site.server(),), copy_region=AWAY)
    site.front.rule(Rule("CopyImage", code="UnauthorizedOperation", status=403))

    with pytest.raises(PrivilegeMissing, match="permission denied"):
        site.shelf.draft(Kind.IMAGES)
    (first,) = site.images()
    site.front.rule(Rule("CreateImage", code="UnauthorizedOperation", status=403))
    with pytest.raises(PrivilegeMissing, match="make an image"):
        site.shelf.draft(Kind.IMAGES)
    after_another_failure = list(site.images())
    site.front.rule()
    site.shelf.draft(Kind.IMAGES)

    assert after_another_failure == [first]
    assert first not in site.images()
    assert site.states() == ["finished"]


def test_an_image_that_fails_is_no_backup_and_ec2s_reason_is_told(site: Site) -> None:
    """``failed`` ends the wait at once."""
    reason = (
        "<imageState>failed</imageState><stateReason><code>x</code><message>no room</message></stateReason><imageState>"
    )
    site = site.with_images(instances=(site.server(),))
    site.front.rule(
        dataclasses.replace(STUCK, new=reason.removesuffix("<imageState>"), old="<imageState>available</imageState>")
    )

    with pytest.raises(SourceInvalid, match="has failed") as raised:
        site.shelf.draft(Kind.IMAGES)

    assert "failed: no room" in raised.value.detail
    assert not site.shelf.files("local", Kind.IMAGES)


def test_a_throttled_endpoint_and_a_lost_answer_make_no_second_image(site: Site) -> None:
    """botocore asks again: of a request whose answer was lost the image is found by its name and taken."""
    site = site.with_images(instances=(site.server(),))
    site.front.rule(
        Rule("CreateImage", times=1, lost=True),
        Rule("CreateImage", times=1, code="InvalidAMIName.Duplicate"),
        Rule("DescribeSnapshots", times=1, status=503, code="RequestLimitExceeded"),
    )

    site.shelf.draft(Kind.IMAGES)

    assert site.front.seen("CreateImage") == 2
    assert site.states() == ["finished"]


@pytest.mark.parametrize(
    "rule, error, words",
    [
        (Rule("CreateImage", status=403, code="UnauthorizedOperation"), PrivilegeMissing, "Allow CreateImage"),
        (Rule("DescribeInstances", status=401, code="AuthFailure"), AuthenticationFailed, "Check the access key"),
        (Rule("DescribeInstanceAttribute", status=403, code="UnauthorizedOperation"), PrivilegeMissing, "Attribute"),
    ],
)
def test_a_missing_right_is_named_before_anything_is_made(
    site: Site, rule: Rule, error: type[SourceError], words: str
) -> None:
    """The error says which right, and neither image nor object is left."""
    site = site.with_images(instances=(site.server(),))
    site.front.rule(rule)

    with pytest.raises(error) as raised:
        site.shelf.draft(Kind.IMAGES)

    assert words in raised.value.hint
    assert site.images() == {}
    assert not site.shelf.files("local", Kind.IMAGES)


def test_settings_that_protect_nothing_are_refused(site: Site) -> None:
    """Unknown and terminated instances, tags that match none, a copy to the same region, a test without a network."""
    gone, here = site.server(), site.server()
    site.client().terminate_instances(InstanceIds=[gone])

    def refused(error: type[Exception], words: str, **settings: object) -> None:
        with pytest.raises(error, match=words):
            Component(site.with_images(**settings).shelf.system).check()

    refused(SourceInvalid, "there is no instance i-0000 in", instances=("i-0000", here))
    refused(SourceInvalid, "is terminated", instances=(gone,))
    refused(SourceInvalid, "no instance in us-west-2 has the tags", instances=(here,), instance_tags=("no=such",))
    refused(SourceInvalid, "there is no database", rds_instances=("nodb",))
    refused(ConfigurationError, "where the servers are", instances=(here,), copy_region=HOME)
    refused(ConfigurationError, "needs images.launch_subnet", instances=(here,), launch_test=True)
    assert Component(site.with_images(instances=(here,)).shelf.system).check() == (
        f"there is no copy of any image outside {HOME}: set images.copy_region",
    )


def test_a_lost_or_damaged_image_fails_the_question_and_a_missing_right_leaves_it_open(site: Site) -> None:
    """A deregistered copy and an incomplete snapshot are bad; not being let in says nothing of either."""
    site = site.with_images(instances=(site.server(),), copy_region=AWAY)
    site.shelf.back_up(Kind.IMAGES)
    restored = site.shelf.restore(Kind.IMAGES)

    site.front.rule(Rule("DescribeImages", status=403, code="UnauthorizedOperation"))
    closed = failed(site.shelf.question(Kind.IMAGES, restored))
    site.front.rule(Rule("DescribeSnapshots", region=HOME, old="<status>completed<", new="<status>error<"))
    (copy,) = site.images(AWAY)
    site.client(region=AWAY).deregister_image(ImageId=copy)
    bad = [probe for probe in site.shelf.question(Kind.IMAGES, restored) if probe.answer is Answer.FAILED]

    assert {probe.answer for probe in closed} == {Answer.UNPROVEN}
    assert [probe.essential for probe in closed] == [True, True, False]
    assert [probe.name.split()[-1] for probe in bad] == [HOME, AWAY]
    assert "is error" in bad[0].detail
    assert bad[1].detail == "it is not there"


def test_a_database_gets_a_snapshot_in_both_regions(site: Site) -> None:
    """The snapshots are finished, in the manifest and in the commands; one that is deleted fails the question."""
    site = site.with_images(rds_instances=(site.database(),), copy_region=AWAY)
    site.shelf.back_up(Kind.IMAGES)
    restored = site.shelf.restore(Kind.IMAGES)
    good = site.shelf.question(Kind.IMAGES, restored)
    here, away = (item.name.split(":")[1] for item in site.shelf.contents(Kind.IMAGES).items)
    tags = site.client("rds", AWAY).describe_db_snapshots(DBSnapshotIdentifier=away)["DBSnapshots"][0]["TagList"]
    site.client("rds", AWAY).delete_db_snapshot(DBSnapshotIdentifier=away)

    bad = failed(site.shelf.question(Kind.IMAGES, restored))

    assert {"Key": "coreflow360-dr:state", "Value": "finished"} in tags
    assert not failed(good)
    assert f"--db-snapshot-identifier {here}" in (Path(restored.directory) / PAGE).read_text()
    assert [probe.name for probe in bad] == [f"database snapshot {away} in {AWAY}"]


def test_a_database_snapshot_that_does_not_end_is_cut_off(site: Site) -> None:
    """The error names the snapshot and how far it is."""
    site = site.with_images(rds_instances=(site.database(),), wait_minutes=0.01)
    site.front.rule(Rule("DescribeDBSnapshots", old="<Status>available<", new="<Status>creating<"))

    with pytest.raises(StepTimedOut, match=r"waited 0.01 minutes for snapshot dr-shop-") as raised:
        site.shelf.draft(Kind.IMAGES)

    assert "is creating" in raised.value.detail
