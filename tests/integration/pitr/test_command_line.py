"""``dr recover-db`` to a point: planned, shown, done, and told what it reached."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from tests.integration.cli.command import Dr
from tests.integration.conftest import FOREIGN, ROOT
from tests.integration.engine.procedures import make
from tests.integration.pitr.conftest import Site
from tests.integration.pitr.shelf import put_archive, put_partial
from tests.quick_key import by_passphrase

pytestmark = pytest.mark.slow


@pytest.fixture
def place(site: Callable[..., Site]) -> Site:
    """A system with a backup and WAL behind it."""
    return site(encryption=by_passphrase())


@pytest.fixture
def dr(place: Site, tmp_path: Path) -> Dr:
    """The command line of an operator of that system."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    passphrase = place.system.encryption.passphrase
    assert passphrase is not None
    environment = {
        **kept,
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": f"{place.system.postgres.url.reveal()} dbname=postgres",
        "BACKUP_ENCRYPTION_KEY": passphrase.reveal(),
        "DR_SYSTEM": place.system.name,
        "DR_BACKUP_ROOT": str(tmp_path / "backups"),
        "DR_STATE_DIRECTORY": str(tmp_path / "state"),
        "TZ": "Asia/Kathmandu",
    }
    return Dr(environment, tmp_path)


@pytest.mark.incident("I6")
def test_a_recovery_to_a_time_by_the_command_line(dr: Dr, place: Site, tmp_path: Path) -> None:
    """Refused where the time is not clear or not there; planned in both zones; then exact, and the rates are kept."""
    make(place.system, Kind.BASE)
    moments = place.origin.commit(3)
    place.origin.switch()
    moments += place.origin.commit(2)
    put_archive(place.system, place.origin)
    put_partial(place.system, place.origin)
    at = moments[3].time

    naive = dr("recover-db", "--target-time", f"{at:%Y-%m-%d %H:%M:%S}", "--dry-run")
    late = dr("recover-db", "--target-time", "2199-01-01T00:00:00Z", "--dry-run")
    two = dr("recover-db", "--target-time", at.isoformat(), "--immediate", "--dry-run")
    planned = dr("recover-db", "--target-time", at.isoformat(), "--dry-run")
    done = dr("recover-db", "--target-time", at.isoformat(), "--to", "copy", "--yes", "--json")
    again = dr("recover-db", "--dry-run")

    assert (naive.code, two.code, late.code) == (3, 3, 11), naive.err + two.err + late.err
    assert "not a time with a zone" in naive.err
    assert "after the last WAL" in late.err
    assert "is recoverable from" in late.err
    assert planned.code == 0, planned.err
    assert f"{at:%Y-%m-%d %H:%M:%S.%f} UTC = " in planned.out
    assert "+0545 here" in planned.out
    assert "reading the backup back" in planned.out
    assert done.code == 0, done.err
    assert "recovery stopping before commit" in done.document["reached"]
    assert done.document["plan"]["point"]["segments"] == 3
    assert "a forecast from the recovery of" in again.out
    assert not (tmp_path / "copy_wal").exists()
