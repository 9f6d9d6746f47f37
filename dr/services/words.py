"""What a service said last, fit to be shown: bounded, and without what is secret in it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dr.configuration.masking import MASK, mask_url

LINES = 20
_CHARACTERS = 4000

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""What moves a terminal's cursor or colours its text; Docker Compose writes it into pipes too."""


def masked(text: str, secrets: Iterable[str] = ()) -> str:
    """The end of ``text``, with passwords in addresses and every one of ``secrets`` blotted out, and no colours.

    >>> masked("no such role: app:hunter22", ["hunter22"])
    'no such role: app:********'
    >>> masked("\\x1b[2Kit is up")
    'it is up'
    """
    text = _ESCAPES.sub("", text)
    for value in sorted(secrets, key=len, reverse=True):
        text = text.replace(value, MASK)
    return mask_url(text).strip()[-_CHARACTERS:]
