"""What stands for Amazon in the demo: encrypts copies of images as EC2 does, and is there at once for S3."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from dr.demo.endpoint import s3_endpoint


@pytest.fixture(scope="module")
def ec2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of the demo's endpoint, which has been asked for a bucket before."""
    with s3_endpoint(tmp_path_factory.mktemp("amazon") / "objects", moto=True) as endpoint:
        store = endpoint.wait()
        assert store.secret_access_key is not None
        yield boto3.client(
            "ec2",
            region_name=store.region,
            endpoint_url=store.endpoint_url,
            aws_access_key_id=store.access_key_id,
            aws_secret_access_key=store.secret_access_key.reveal(),
        )


@pytest.mark.parametrize("asked", [True, False])
def test_a_copy_is_encrypted_where_that_is_asked_for(ec2: Any, asked: bool) -> None:
    """And not otherwise: a copy that lacks what was asked for has to be seen as such."""
    machine = ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    image = ec2.create_image(InstanceId=machine, Name=f"image-{asked}")["ImageId"]
    name = f"copy-{asked}"
    copy = ec2.copy_image(Name=name, SourceImageId=image, SourceRegion="us-east-1", Encrypted=asked)["ImageId"]
    (found,) = ec2.describe_images(ImageIds=[copy])["Images"]
    snapshot = found["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]

    assert ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]["Encrypted"] is asked


def test_whoever_asks_s3_alone_waits_for_nothing_of_ec2() -> None:
    """Loading it takes longer than all the rest of its start."""
    code = (
        "import sys\nfrom dr.demo import moto_stand_in\nfrom moto import backends, server\n"
        "print([name for name in sys.modules if name.startswith('moto.ec2')])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], capture_output=True, text=True)

    assert (done.stdout.strip(), done.stderr) == ("[]", "")
