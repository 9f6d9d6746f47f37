"""What is shown in Prefect's pages fits into them, and nothing of it is lost."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from tasks.fences import IN_A_FORM, folded

WORDS = st.lists(st.text("abc/:,.-", min_size=1, max_size=80), min_size=1, max_size=20)
KEYS = st.sampled_from(["", "          ", "system    ", "step 10   ", "          loses     "])
KEY = r"^ *(system|step 10|loses)? +"
LINES = st.lists(st.builds(lambda key, words: key + " ".join(words), KEYS, WORDS), min_size=1, max_size=5)


@given(LINES)
def test_no_line_of_a_plan_is_longer_than_the_form_unless_a_word_is(lines: list[str]) -> None:
    """Words stay whole and in their order: a path is to be copied."""
    shown = folded("\n".join(("```", *lines, "```")), IN_A_FORM)

    inside = shown.split("\n")[1:-1]
    assert " ".join(inside).split() == " ".join(lines).split()
    assert all(len(line) <= IN_A_FORM or len(re.sub(KEY, "", line).split()) == 1 for line in inside)


def test_what_goes_on_stands_below_its_text() -> None:
    """So that the words at the left can still be read as a list."""
    plan = (
        "```\npart      files: files_20260101_020000 (0.4 MB from local, then cloud, about 0 s)\nstep 1    restore\n```"
    )

    assert folded(plan, IN_A_FORM).split("\n") == [
        "```",
        "part      files: files_20260101_020000 (0.4 MB from local,",
        "          then cloud, about 0 s)",
        "step 1    restore",
        "```",
    ]


def test_prose_is_left_alone() -> None:
    """It wraps by itself."""
    prose = f"* [ ] {'word ' * 40}end\n\n```\nshort\n```\n{'after ' * 30}"

    assert folded(prose, IN_A_FORM) == prose
    assert not re.search(r"\n {2,}", folded(prose, IN_A_FORM))
