"""The demo on every PostgreSQL that is installed here, not only on the one it is meant for."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dr.demo.baseline import take_baseline
from dr.demo.corruption import Damage, confirm_corruption, corrupt
from dr.demo.dataset import load_dataset
from dr.demo.estate import NEWEST, estate
from dr.errors import RecoveryFailed
from dr.postgres.connection import connected
from dr.postgres.installations import installed

pytestmark = pytest.mark.slow

SERVERS = {item.major: item for item in reversed(installed()) if item.has_server}


@pytest.mark.parametrize("major", sorted(SERVERS))
def test_the_shop_can_be_built_and_damaged_on_every_installed_major(tmp_path: Path, major: int) -> None:
    """Two baselines of one state are equal; damage is found by a read, is not mended by the crash recovery, and leaves
    other tables readable."""
    with estate(tmp_path / "here", SERVERS[major]) as place:
        size = load_dataset(place, 0.01)
        first, second = (take_baseline(place.superuser_url) for _ in range(2))
        with pytest.raises(RecoveryFailed, match="without complaint"):
            confirm_corruption(place.superuser_url, Damage("shop.documents", tmp_path, (0,), datetime.now(UTC)))
        damage = corrupt(place, seed=7)
        message = confirm_corruption(place.superuser_url, damage)
        with connected(place.superuser_url) as connection:
            others = connection.execute("SELECT count(*) AS n FROM shop.tenants").fetchone()

        assert (str(major) in place.note) == (major != NEWEST)
        assert size > 10_000_000
        assert first == second
        assert len(first.digests) >= 40
        assert "invalid page" in message
        assert damage.file.name in message
        assert others == {"n": 50}
