"""Pages that are made from the program say what the program does."""

from __future__ import annotations

from tools.configuration_page import PAGE, render


def test_the_configuration_page_lists_the_declared_settings() -> None:
    """`python tools/configuration_page.py` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == render()
