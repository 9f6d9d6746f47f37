"""The same seed damages the same pages, all of them within the file, and they can be put back."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from dr.operations.simulate.pages import chosen_pages, noise, read_pages, write_pages

SIZE = 64


@given(pages=st.integers(1, 500), seed=st.integers(1, 10**6))
def test_pages_are_of_the_file_and_drawn_by_the_seed(pages: int, seed: int) -> None:
    """At least one, none twice, none beyond the end."""
    drawn = chosen_pages(pages, seed)

    assert drawn == chosen_pages(pages, seed)
    assert 1 <= len(drawn) <= 5
    assert sorted(set(drawn)) == list(drawn)
    assert all(0 <= page < pages for page in drawn)


def test_what_was_overwritten_is_put_back(tmp_path: Path) -> None:
    """Byte by byte; nothing else of the file changes in between."""
    file = tmp_path / "16384"
    whole = bytes(range(256)) * 4
    file.write_bytes(whole)
    drawn = chosen_pages(len(whole) // SIZE, 7)
    before = read_pages(file, SIZE, drawn)

    write_pages(file, SIZE, noise(SIZE, drawn, 7))
    damaged = file.read_bytes()
    write_pages(file, SIZE, before)

    changed = {place // SIZE for place in range(len(whole)) if damaged[place] != whole[place]}
    assert changed == set(drawn)
    assert len(damaged) == len(whole)
    assert file.read_bytes() == whole
