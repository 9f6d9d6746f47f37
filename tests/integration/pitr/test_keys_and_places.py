"""Keys that were changed within the range, a busy gpg-agent, and tablespaces."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.crypto.gnupg import opened
from dr.operations.plan_recovery import choose
from dr.operations.repositories import open_repository
from dr.operations.wal.fetch import PieceFetcher
from dr.pipeline.launch import Account
from dr.policy.recovery_target import RecoveryTarget, TargetKind
from tests.integration.engine.procedures import make
from tests.integration.pitr.conftest import Site
from tests.integration.pitr.recovering import recover
from tests.integration.pitr.shelf import SIZE, put_archive
from tests.unit.crypto.keyrings import People, people

__all__ = ["people"]
pytestmark = pytest.mark.slow


@pytest.mark.incident("I22")
def test_recovery_passes_over_a_change_of_keys(site: Callable[..., Site], people: People, tmp_path: Path) -> None:
    """Backup and first WAL are for the old key, the rest for the new one; points before and after it are recovered."""
    place = site(encryption=people.ring.settings(people.ours))
    make(place.system, Kind.BASE)
    before = place.origin.commit(2)
    place.origin.switch()
    put_archive(place.system, place.origin)
    system = replace(place.system, encryption=people.ring.settings(people.stranger))
    after = place.origin.commit(2)
    place.origin.switch()
    put_archive(system, place.origin)

    early = RecoveryTarget(TargetKind.TIME, time=before[0].time)
    assert recover(system, tmp_path / "early", early).ids == [before[0].id]
    late = recover(system, tmp_path / "late", RecoveryTarget())
    assert late.ids == [moment.id for moment in (*before, *after)]


def test_many_decryptions_at_once_do_not_exhaust_the_agent(
    site: Callable[..., Site], people: People, tmp_path: Path
) -> None:
    """gpg-agent keeps keys in little locked memory; a recovery asks it for hundreds of segments."""
    place = site(encryption=people.settings)
    make(place.system, Kind.BASE)
    place.origin.commit(1)
    place.origin.switch()
    put_archive(place.system, place.origin)
    point = choose(place.system, "latest", "").point
    assert point is not None
    piece = point.pieces[-1]
    with opened(place.system.encryption) as cipher, ThreadPoolExecutor(32) as pool:

        def fetch(number: int) -> Path:
            directory = tmp_path / "fetched" / str(number)
            directory.mkdir(parents=True)
            stores = open_repository(place.system).stores
            return PieceFetcher(stores, cipher, directory, SIZE, Account()).fetch(piece)

        assert len({file.stat().st_size for file in pool.map(fetch, range(96))}) == 1


def test_tablespaces_get_what_was_committed_behind_the_backup(site: Callable[..., Site], tmp_path: Path) -> None:
    """They lie beside the copy, and the original's directory is left alone."""
    place = site()
    space = tmp_path / "space"
    space.mkdir(mode=0o700)
    place.origin.execute(f"CREATE TABLESPACE far LOCATION '{space}'")
    place.origin.execute("ALTER TABLE moments SET TABLESPACE far")
    first = place.origin.commit(1)
    make(place.system, Kind.BASE)
    second = place.origin.commit(2)
    place.origin.switch()
    put_archive(place.system, place.origin)

    done = recover(place.system, tmp_path / "copy", RecoveryTarget())

    assert done.ids == [moment.id for moment in (*first, *second)]
    assert any((tmp_path / "copy_tablespaces").iterdir())
