"""From what a file, an argument, a form or the environment holds to one typed value.

Every parser takes the raw value and the directory that relative paths are relative to, and raises ValueError with a
sentence that completes "<key> ...". None of them quotes a secret.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from pathlib import Path

from dr.policy.retention_periods import FOREVER
from dr.secret import Secret

Parser = Callable[[object, Path], object]
_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}
_FINGERPRINT = re.compile(r"[0-9A-F]{40}(?:[0-9A-F]{24})?")
_CONNINFO = re.compile(r"postgres(?:ql)?://.*|.*\b[a-z_]+\s*=.*", re.DOTALL)
MINIMUM_PASSPHRASE = 12


def text(raw: object, base: Path) -> str:
    """A non-empty string."""
    if not isinstance(raw, str) or not raw.strip():
        raise ValueError("must be text")
    return raw.strip()


def choice(*allowed: str) -> Parser:
    """A parser that takes one of ``allowed``."""

    def parse(raw: object, base: Path) -> str:
        if raw not in allowed:
            raise ValueError(f"must be {' or '.join(allowed)}, not {raw!r}")
        return str(raw)

    return parse


def slot_name(raw: object, base: Path) -> str:
    """A name that PostgreSQL takes for a replication slot."""
    name = text(raw, base)
    if not re.fullmatch(r"[a-z0-9_]{1,63}", name):
        raise ValueError("must be 1 to 63 lower-case letters, digits and underscores")
    return name


def flag(raw: object, base: Path) -> bool:
    """``true`` or ``false``, as text in any of the usual spellings."""
    word = str(raw).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError(f"must be true or false, not {raw!r}")


def count(raw: object, base: Path) -> int:
    """A whole number, at least 1."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        number = raw
    elif isinstance(raw, str) and re.fullmatch(r"\s*[0-9]{1,9}\s*", raw):
        number = int(raw)
    else:
        raise ValueError(f"must be a whole number, not {raw!r}")
    if number < 1:
        raise ValueError(f"must be at least 1, not {number}")
    return number


def days(raw: object, base: Path) -> int | str:
    """A whole number of days, at least 1, or ``forever``."""
    if isinstance(raw, str) and raw.strip().lower() == FOREVER:
        return FOREVER
    try:
        return count(raw, base)
    except ValueError:
        raise ValueError(f"must be a whole number of days, at least 1, or {FOREVER}, not {raw!r}") from None


def minutes(raw: object, base: Path) -> float:
    """Minutes, zero included."""
    try:
        number = math.nan if isinstance(raw, bool) else float(raw)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"must be a number of minutes, not {raw!r}")
    return number


def positive_minutes(raw: object, base: Path) -> float:
    """Minutes, more than zero."""
    number = minutes(raw, base)
    if number == 0:
        raise ValueError("must be more than 0 minutes")
    return number


def path(raw: object, base: Path) -> Path:
    """A path made absolute: ``~`` is the home directory, anything relative lies under ``base``."""
    return base / Path(text(str(raw) if isinstance(raw, Path) else raw, base)).expanduser()


def paths(raw: object, base: Path) -> tuple[Path, ...]:
    """Several paths: a list, or one text separated as PATH is."""
    items = raw.split(os.pathsep) if isinstance(raw, str) else _items(raw)
    return tuple(path(item, base) for item in items)


def words(raw: object, base: Path) -> tuple[str, ...]:
    """Several words: a list, or one text separated by commas or spaces."""
    items = re.split(r"[\s,]+", raw.strip(" ,\t\n")) if isinstance(raw, str) else _items(raw)
    return tuple(text(item, base) for item in items)


def fingerprints(raw: object, base: Path) -> tuple[str, ...]:
    """OpenPGP fingerprints. Shorter key ids and addresses can be forged, so they are refused."""
    if isinstance(raw, str):
        items = [part.replace(" ", "") for part in raw.split(",") if part.strip()]
    else:
        items = [text(item, base).replace(" ", "") for item in _items(raw)]
    prints = tuple(item.upper().removeprefix("0X") for item in items)
    for item in prints:
        if not _FINGERPRINT.fullmatch(item):
            raise ValueError(f"must hold full fingerprints (40 hex digits), and {item!r} is none")
    return prints


def secret(raw: object, base: Path) -> Secret:
    """A secret given as itself."""
    if isinstance(raw, Secret):
        return raw
    if not isinstance(raw, str) or not raw.strip():
        raise ValueError("must be text")
    return Secret(raw)


def check_connection(value: str) -> None:
    """Refuse what libpq would not understand, before a password can end up in libpq's own message."""
    if not _CONNINFO.fullmatch(value):
        raise ValueError("must be postgresql://user:password@host:port/database or libpq's key=value form")


def check_passphrase(value: str) -> None:
    """Refuse a passphrase that can be guessed, or that GnuPG would cut at a line end."""
    if "\n" in value or "\r" in value:
        raise ValueError("must be one line")
    if len(value) < MINIMUM_PASSPHRASE:
        raise ValueError(f"must have at least {MINIMUM_PASSPHRASE} characters")


def check_address(value: str) -> None:
    """Refuse a webhook that is no HTTP address."""
    if not re.match(r"https?://\S+$", value):
        raise ValueError("must be an http:// or https:// address")


def accept(value: str) -> None:
    """Any text will do."""


def _items(raw: object) -> list[object]:
    if isinstance(raw, list | tuple):
        return list(raw)
    raise ValueError(f"must be a list, not {raw!r}")


def address(raw: object, base: Path) -> str:
    """An address of the web that holds no secret."""
    value = text(raw, base)
    check_address(value)
    if "@" in value.partition("://")[2].partition("/")[0]:
        raise ValueError("must hold no password")
    return value
