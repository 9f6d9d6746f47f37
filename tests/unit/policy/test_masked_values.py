"""Masks are told from values, and never the other way round."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.policy.masked_values import is_mask, is_masked


@pytest.mark.incident("I21")
@pytest.mark.parametrize(
    "text",
    [
        "***",
        " ******** \n",
        "••••••••",
        "xxxxxxxx",
        "XXXXXXXXXXXX",
        "<redacted>",
        "[REDACTED]",
        "{{masked}}",
        "(sensitive value)",
        "'********'",
        '{"a": "***", "b": {"c": ["****", ""]}, "d": null}',
        '["<hidden>"]',
        '"***"',
        "export A=***\n# real comment\nB: <redacted>",
    ],
)
def test_a_mask_is_seen_in_every_form(text: str) -> None:
    """Asterisks, dots, words; in plain, in JSON, in lines of names and values."""
    assert is_masked(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "**",
        "hunter2",
        "a***",
        "***b",
        "xxx",
        "redacted-by-nobody",
        '{"user": "shop", "password": "***"}',
        "{}",
        "[]",
        "A=***\nB=real",
        "-----BEGIN PRIVATE KEY-----\n****\n-----END PRIVATE KEY-----",
        "[" * 5000,
    ],
)
def test_a_value_is_no_mask(text: str) -> None:
    """One real value in a secret is enough, and so is what is not a whole mask."""
    assert not is_masked(text)


@given(
    st.text(alphabet=st.characters(categories=["L", "N"], exclude_characters="xX"), min_size=1).filter(
        lambda text: text.lower() not in {"redacted", "masked", "hidden", "sensitive"}
    )
)
def test_letters_and_digits_are_never_a_mask(text: str) -> None:
    """Whatever is made of them, in plain or in JSON."""
    assert not is_mask(text)
    assert not is_masked(json.dumps({"password": text}))
