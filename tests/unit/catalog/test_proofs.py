"""The record of later proofs: bounded, the level that follows from it unchanged, damage refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.manifest import Verification
from dr.catalog.proofs import Proofs, from_json, newest_of_each, to_json
from dr.errors import BackupInvalid
from tests.unit.catalog.examples import manifest, verifications

LABEL = "backup_20240101_020000"
_few_stores = st.builds(lambda item, name: replace(item, store=name), verifications, st.sampled_from(["a", "b"]))


@given(st.lists(_few_stores, max_size=12, unique_by=lambda item: item.at))
def test_what_is_kept_proves_the_same_level(proofs: list[Verification]) -> None:
    """Of each store, and of all together, however many proofs there were."""
    whole = replace(manifest(), verifications=tuple(proofs))
    kept = replace(whole, verifications=newest_of_each(proofs))

    for store in (None, "a", "b"):
        assert kept.proven_level(store) is whole.proven_level(store)
    assert len(kept.verifications) <= 2 * 2 * 8


@given(st.lists(verifications, max_size=4))
def test_a_record_is_read_back_as_written(proofs: list[Verification]) -> None:
    """Every proof with its time, outcome and words."""
    record = Proofs(LABEL, tuple(proofs))

    assert from_json(to_json(record), "local:x") == record


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"label": "x", "format_version": 2}',
        to_json(Proofs(LABEL)).replace(b'"proofs": []', b'"proofs": [{"level": "sworn"}]'),
    ],
)
def test_a_record_that_cannot_be_is_refused(data: bytes) -> None:
    """With its origin, and with what to do."""
    with pytest.raises(BackupInvalid, match="local:x") as refused:
        from_json(data, "local:x")
    assert "dr verify-backup" in refused.value.hint
