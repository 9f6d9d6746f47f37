"""What a service said last, fit to be shown: bounded, and without what is secret in it."""

from __future__ import annotations

from collections.abc import Iterable

from dr.configuration.masking import MASK, mask_url

LINES = 20
_CHARACTERS = 4000


def masked(text: str, secrets: Iterable[str] = ()) -> str:
    """The end of ``text``, with passwords in addresses and every one of ``secrets`` blotted out.

    >>> masked("no such role: app:hunter22", ["hunter22"])
    'no such role: app:********'
    """
    for value in sorted(secrets, key=len, reverse=True):
        text = text.replace(value, MASK)
    return mask_url(text).strip()[-_CHARACTERS:]
