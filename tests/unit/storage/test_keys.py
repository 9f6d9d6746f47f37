"""Keys: what every store accepts, and that nothing else gets through."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog import labels
from dr.catalog.labels import Kind, Label
from dr.errors import StoreError
from dr.storage.keys import MAX_KEY_BYTES, check_key, check_prefix


def test_every_key_of_the_catalogue_is_accepted() -> None:
    """What the catalogue makes is what stores take."""
    label = Label.parse("base_20240101_020000_full")
    for key in (
        labels.system_record_key("coreflow360"),
        labels.manifest_key("coreflow360", label),
        labels.archive_key("coreflow360", label, "16385.tar.zst"),
        f"{labels.lease_prefix('coreflow360', 'backup')}00000001.json",
    ):
        assert check_key(key) == key
    for prefix in ("", labels.system_prefix("a"), labels.kind_prefix("a", Kind.BASE), labels.object_prefix("a", label)):
        assert check_prefix(prefix) == prefix


@given(st.text(max_size=300) | st.text(alphabet="ab./\\é -\n", max_size=12))
def test_an_accepted_key_never_leaves_the_root(key: str) -> None:
    """Whatever text is tried: if it is accepted, its path lies below the root and is written with nothing strange."""
    root = Path("/store")
    try:
        check_key(key)
    except StoreError:
        return
    resolved = Path(root, key)
    assert resolved.is_relative_to(root)
    assert resolved != root
    assert ".." not in resolved.parts
    assert str(resolved) == f"/store/{key}"
    assert key.isprintable()
    assert len(key.encode()) <= MAX_KEY_BYTES


@pytest.mark.parametrize("key", ["a\u202eb", "a\ud800", "a\x7f", "a\u2028b", "\u00a0"])
def test_characters_that_do_not_print_are_refused(key: str) -> None:
    """A name that cannot be shown cannot be checked by a person, or is no UTF-8 at all."""
    with pytest.raises(StoreError, match="not an object key"):
        check_key(key)


def test_long_keys_are_refused() -> None:
    """Longer than a file name or than S3 allows."""
    for key in ("é" * 128, "/".join(["a" * 200] * 5)):
        with pytest.raises(StoreError) as refusal:
            check_key(key)
        assert "longer than" in refusal.value.detail
