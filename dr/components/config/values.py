"""The keys and values that a text of a known format holds, for comparing two versions of it."""

from __future__ import annotations

import configparser
import datetime
import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath

import msgspec

from dr.components.config import environment

MOST_VALUES = 20_000
"""Aliases in YAML let a small file hold billions of values: what has more is compared by lines."""
_SUFFIXES: Mapping[str, str] = {
    ".env": "env",
    ".properties": "env",
    ".ini": "ini",
    ".cfg": "ini",
    ".toml": "toml",
    ".json": "json",
    ".yaml": "yaml",
    ".yml": "yaml",
}


class _TooMany(ValueError):
    """More values than are worth comparing."""


def text_of(data: bytes) -> str | None:
    """None when it is no text."""
    try:
        return None if b"\0" in data else data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def format_of(path: str, *, env: bool = False) -> str:
    """``env``, ``ini``, ``toml``, ``json``, ``yaml``; empty when it is compared by lines.

    >>> format_of("/etc/shop/.env.production"), format_of("/etc/nginx/nginx.conf")
    ('env', '')
    """
    name = PurePosixPath(path).name
    if env or name == ".env" or name.startswith(".env."):
        return "env"
    return _SUFFIXES.get(PurePosixPath(path).suffix.lower(), "")


def values_of(path: str, text: str, *, env: bool = False) -> dict[str, str] | None:
    """Dotted keys and their values as text; None when the text is of no format that we know, or not as it should be."""
    reader = _READERS.get(format_of(path, env=env))
    if reader is None:
        return None
    try:
        return reader(text)
    except (ValueError, RecursionError, configparser.Error, msgspec.DecodeError):
        return None


def _ini(text: str) -> dict[str, str] | None:
    parser = configparser.ConfigParser(interpolation=None, strict=False, allow_no_value=True, default_section="\0")
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except configparser.MissingSectionHeaderError:
        return environment.parse(text)
    return {f"{section}.{name}": value or "" for section in parser.sections() for name, value in parser.items(section)}


def _toml(text: str) -> dict[str, str]:
    return _flattened(tomllib.loads(text))


def _json(text: str) -> dict[str, str]:
    return _flattened(json.loads(text))


def _yaml(text: str) -> dict[str, str]:
    return _flattened(msgspec.yaml.decode(text))


def _flattened(value: object) -> dict[str, str]:
    found: dict[str, str] = {}
    for count, (key, leaf) in enumerate(_leaves(value, "")):
        if count >= MOST_VALUES:
            raise _TooMany
        found[key] = leaf
    return found


def _leaves(value: object, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for name, below in value.items():
            yield from _leaves(below, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list) and value:
        for number, below in enumerate(value):
            yield from _leaves(below, f"{key}[{number}]")
    elif isinstance(value, str):
        yield key, value
    elif isinstance(value, datetime.date | datetime.time):
        yield key, value.isoformat()
    else:
        yield key, json.dumps(value, default=str)


_READERS: Mapping[str, Callable[[str], dict[str, str] | None]] = {
    "env": environment.parse,
    "ini": _ini,
    "toml": _toml,
    "json": _json,
    "yaml": _yaml,
}
