"""The packs' rotation: each at least once in so many days whatever days had no run, damage every day,
and nothing said of packs in a store that does not answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.labels import Kind, Label
from dr.crypto.gnupg import Cipher
from dr.operations.verify.copies import verify_copy
from dr.operations.verify.packs import is_due, read_rotation, verify_store
from dr.operations.verify.wal import Rotation
from dr.policy.rotation import Chosen, Copy, Reason
from dr.storage.faults import FaultyStore, Unavailable
from dr.storage.repository import Repository
from tests.unit.catalog.examples import NIGHT
from tests.unit.crypto.keyrings import cipher, people
from tests.unit.operations.packed import pack_key, put_packs, put_upload
from tests.unit.operations.places import NAME, repository, system

__all__ = ["cipher", "people"]

TODAY = 739_000
LABEL = Label(NIGHT, Kind.FILES)
KEYS = [f"shop/files-packs/files_20240101_020000-{number:05d}-ab12cd34.tar.zst.gpg" for number in range(60)]


@given(st.integers(1, 10), st.lists(st.integers(1, 12), min_size=3, max_size=12))
def test_no_pack_is_left_out_whatever_days_had_no_run(days: int, pauses: list[int]) -> None:
    """In every stretch of ``days`` days with a run at its end, each is read."""
    rotation, today = Rotation(TODAY), TODAY
    last = dict.fromkeys(KEYS, TODAY)
    for pause in pauses:
        today += pause
        last |= {key: today for key in KEYS if is_due(key, rotation, today, days)}
        rotation = Rotation(today)

        assert all(today - day < days for day in last.values())


def test_a_day_reads_about_its_share_and_what_was_damaged() -> None:
    """A damaged one is read every day until it passes; a store without memory reads everything."""
    assert 0 < sum(is_due(key, Rotation(TODAY), TODAY + 1, 10) for key in KEYS) < len(KEYS) // 3
    assert is_due(KEYS[0], Rotation(TODAY, (KEYS[0],)), TODAY, 10)
    assert all(is_due(key, Rotation(), TODAY, 10) for key in KEYS)


@pytest.fixture
def silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FaultyStore:
    """A store with a backup of uploads; it lists what it has and gives out no pack and no index."""
    monkeypatch.setenv("DR_RETRY_BASE_SECONDS", "0.001")
    mine = system(tmp_path)
    put_packs(mine, range(3))
    put_upload(mine, LABEL, range(3))
    store = FaultyStore(repository(mine).store("local"))
    store.arm(Unavailable(1000, keys=".gpg"))
    return store


def test_a_store_that_does_not_answer_says_nothing_about_its_packs(silent: FaultyStore, cipher: Cipher) -> None:
    """No backup loses its proof for it, and what was due is due the next day."""
    found = verify_store(NAME, silent, Kind.FILES, cipher, 1, datetime.now(UTC), "later")

    assert "does not answer" in found.silent
    assert found.damaged == ()
    assert any("cannot be read" in problem for problem in found.problems)
    assert Repository(NAME, [silent]).find(LABEL).proven_level is not None
    assert read_rotation(silent, NAME, Kind.FILES) == Rotation()


def test_a_store_that_does_not_answer_fails_the_verification_and_no_copy(silent: FaultyStore, cipher: Cipher) -> None:
    """The run is not green, and the copy is as proven as it was."""
    chosen = Chosen(Copy(str(LABEL), "local", 10, None, fresh=False, failed=False), Reason.ASKED)

    found = verify_copy(Repository(NAME, [silent]), chosen, cipher, "later")

    assert (found.outcome, "does not answer" in found.detail) == ("FAILED", True)
    assert Repository(NAME, [silent]).find(LABEL).proven_level is not None


def test_a_pack_that_is_no_message_fails_every_backup_that_needs_it(tmp_path: Path, cipher: Cipher) -> None:
    """And no other; the newest is named first."""
    mine = system(tmp_path)
    labels = [Label(NIGHT + timedelta(days=days), Kind.FILES) for days in range(3)]
    put_packs(mine, range(2))
    for label, numbers in zip(labels, ((0,), (0, 1), (1,)), strict=True):
        put_upload(mine, label, numbers)
    store = repository(mine).store("local")
    store.put_bytes(pack_key(0), b"garbage")

    found = verify_store(NAME, store, Kind.FILES, cipher, 1, datetime.now(UTC), "later")

    by_key = {item.key: item.labels for item in found.damaged}
    assert by_key[pack_key(0)] == (str(labels[1]), str(labels[0]))
