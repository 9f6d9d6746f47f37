"""Whether a secret's value is only a mask: an export of asterisks restores nothing (I21). Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_MASK = re.compile(
    r"[*•●∙·]{3,}|x{8,}"
    r"|[<\[({]{0,2}\s*(?:redacted|masked|hidden|sensitive|sensitive value|secret hidden)\s*[>\])}]{0,2}",
    re.IGNORECASE,
)
_ASSIGNED = re.compile(r"\s*(?:export\s+)?[A-Za-z_][\w.-]*\s*[=:]\s*(?P<value>\S.*?)\s*")


def is_mask(value: str) -> bool:
    """Whether one value consists of nothing but a mask.

    >>> [is_mask(value) for value in ("********", "<redacted>", "(sensitive value)", "s3cr*t", "**")]
    [True, True, True, False, False]
    """
    return _MASK.fullmatch(value.strip().strip("\"'")) is not None


def is_masked(text: str) -> bool:
    """Whether every value in a secret is a mask, be it plain text, JSON, or lines such as ``NAME=value``.

    >>> is_masked('{"user": "********", "password": "***"}'), is_masked("A=***\\nB=real")
    (True, False)
    """
    values = tuple(_values(text))
    return bool(values) and all(is_mask(value) for value in values)


def _values(text: str) -> Iterator[str]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        yield from _lines(text)
        return
    if isinstance(document, dict | list):
        yield from _leaves(document)
    else:
        yield text


def _leaves(node: object) -> Iterator[str]:
    """What a JSON document holds, without the names."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)
        elif found not in (None, ""):
            yield str(found)


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _ASSIGNED.fullmatch(line)
        yield match["value"] if match else line
