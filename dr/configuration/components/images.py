"""Settings of the component ``images``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dr.configuration import parsers
from dr.configuration.components.aws import AwsSettings
from dr.configuration.components.declared import given


def tag_pairs(raw: object, base: Path) -> tuple[str, ...]:
    """Words of the form Key=Value."""
    pairs = parsers.words(raw, base)
    for pair in pairs:
        if not all(pair.partition("=")):
            raise ValueError(f"must hold tags as Key=Value, and {pair!r} is none")
    return pairs


@dataclass(frozen=True, slots=True)
class ImagesSettings(AwsSettings):
    """Which servers and databases to make images and snapshots of, where a second copy goes, and how it is tried.

    ``keep`` is of each server and region. ``wait_minutes`` is for all images of one region together, and for a launch.
    """

    instances: tuple[str, ...] = given(parsers.words, "EC2 instances to make images of, by id", ())
    instance_tags: tuple[str, ...] = given(
        tag_pairs, "EC2 instances to make images of, by tags that all must have: Key=Value", ()
    )
    rds_instances: tuple[str, ...] = given(parsers.words, "RDS instances to make snapshots of", ())
    copy_region: str | None = given(parsers.text, "AWS region that gets an encrypted copy of each")
    copy_kms_key_id: str | None = given(
        parsers.text, "KMS key of that region for the copies; empty: the account's own (RDS needs one if encrypted)"
    )
    keep: int = given(parsers.count, "images kept of each server, in each region", 4)
    no_reboot: bool = given(
        parsers.flag, "leave servers running: what is in the image is what a power failure would leave", True
    )
    wait_minutes: float = given(parsers.positive_minutes, "how long images may take", 90.0)
    launch_test: bool = given(parsers.flag, "may a drill launch the copies, which costs money", False)
    launch_subnet: str | None = given(parsers.text, "subnet for launch tests, in the copies' region if there is one")
    launch_instance_type: str | None = given(parsers.text, "instance type of launch tests; empty: as the server is")
