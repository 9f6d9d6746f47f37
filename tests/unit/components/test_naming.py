"""Names of what has none: short, apart from each other, and such that a store can hold them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.components.naming import unique_names
from dr.storage.keys import check_key


@pytest.mark.parametrize(
    "sources, names",
    [
        (["/srv/shop.git"], ("shop",)),
        (["/srv/shop/.git"], ("shop",)),
        (["/a/shop", "/b/shop"], ("a-shop", "b-shop")),
        (["/x/a/shop", "/y/a/shop", "/z/tools"], ("x-a-shop", "y-a-shop", "tools")),
        (["git@example.org:team/shop.git", "https://example.net/other/shop"], ("team-shop", "other-shop")),
        (["/srv/a b", "/srv/a-b"], ("srv-a-b", "srv-a-b-2")),
        (["/"], ("root",)),
    ],
)
def test_a_name_is_the_end_of_the_path_that_tells_it_apart(sources: list[str], names: tuple[str, ...]) -> None:
    """Only those that would collide get longer names."""
    assert unique_names(sources) == names


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), max_size=8))
def test_names_never_collide_and_are_always_keys(sources: list[str]) -> None:
    """Whatever the paths hold, every store takes the names and none stands twice."""
    names = unique_names(sources)

    assert len(set(names)) == len(sources)
    for name in names:
        check_key(f"shop/code/code_20240101_020000/{name}.bundle.gpg")
