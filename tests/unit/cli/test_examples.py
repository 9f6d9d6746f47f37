"""The examples in the docstrings are true."""

from __future__ import annotations

import doctest

import pytest

from dr.cli import app, figures, redaction


@pytest.mark.parametrize("module", [app, figures, redaction], ids=lambda module: module.__name__)
def test_the_examples_give_what_they_say(module: object) -> None:
    """Ages, sizes, masks, and where the common options go."""
    result = doctest.testmod(module)  # type: ignore[arg-type]

    assert result.attempted > 0
    assert result.failed == 0
