"""Stored WAL is read again, share by share; damage is found, told every day, and forgotten when it is mended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dr.catalog import labels
from dr.catalog.wal_names import Segment
from dr.operations.repositories import open_repository
from dr.operations.verify.wal import read_rotation, verify_wal
from tests.integration.wal.plant import NAME, Site, receiving


def test_whole_wal_is_opened(site: Site) -> None:
    """A store that was never read is read whole, each segment decrypted where the key is."""
    _fill(site)

    (proof,) = verify_wal(site.system, 14, datetime.now(UTC))

    assert (proof.problems, proof.level) == ((), "decrypted")
    assert proof.read == proof.opened == proof.segments >= 3


@pytest.mark.incident("I29")
@pytest.mark.parametrize("damage", ["a flipped bit", "cut off", "removed"])
def test_a_damaged_segment_is_red_every_day_until_it_is_mended(site: Site, damage: str) -> None:
    """Whatever its share; and no level is claimed while it is there."""
    _fill(site)
    name = sorted(site.segments())[1]
    file = Path(site.system.stores[0].path or "") / labels.wal_key(NAME, Segment.parse(name))
    whole = file.read_bytes()
    if damage == "removed":
        file.unlink()
    else:
        file.write_bytes(whole[:-100] if damage == "cut off" else whole[:-100] + bytes([whole[-100] ^ 4]) + whole[-99:])

    for day in range(3):
        (proof,) = verify_wal(site.system, 1000, datetime.now(UTC) + timedelta(days=10 * day))
        assert [item.segment for item in proof.damaged] == [name]
        assert name in proof.problems[0]
        assert proof.level == ""

    file.write_bytes(whole)
    (mended,) = verify_wal(site.system, 1000, datetime.now(UTC) + timedelta(days=40))
    assert mended.problems == ()
    assert read_rotation(open_repository(site.system).store("local"), NAME).damaged == ()


def test_a_store_that_is_away_is_told_and_the_others_are_read(site: Site, tmp_path: Path) -> None:
    """Its memory stays as it was: the next run makes up for the day."""
    _fill(site)
    root = tmp_path / "backups"
    root.rename(tmp_path / "unmounted")
    root.write_text("not a directory")

    (proof,) = verify_wal(site.system, 14, datetime.now(UTC))

    assert proof.silent
    assert "cannot be read" in proof.problems[0]


def _fill(site: Site) -> None:
    with receiving(site):
        site.plant.fill(3)
        site.wait_for(site.plant.flushed())
