"""Layers of settings: each says what it gives and where that came from; the uppermost that gives a key wins it.

The merge is per key and never drops one: a layer cannot take a promise back by leaving it out or empty (I38).
A secret given by reference stays a reference until the layers are merged, so that only what is used is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias, TypeVar

from dr.configuration import parsers
from dr.configuration.settings import SETTINGS, Form, Setting, find
from dr.errors import ConfigurationError
from dr.secret import Secret

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FileReference:
    """The secret is the content of this file, without its last line end."""

    path: Path

    def read(self) -> str:
        try:
            return self.path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise ValueError(f"is to be read from {self.path}, and that failed: {reason}") from None


@dataclass(frozen=True, slots=True)
class EnvironmentReference:
    """The secret is the value of this environment variable."""

    name: str

    def read(self, environ: Mapping[str, str]) -> str:
        value = environ.get(self.name, "")
        if not value.strip():
            raise ValueError(f"is to be read from the environment variable {self.name}, which is not set")
        return value


@dataclass(frozen=True, slots=True)
class Given:
    """One value and where it came from: ``file dr.toml, [system.main.postgres] url``, ``environment DATABASE_URL``."""

    value: object
    origin: str


Layer: TypeAlias = Mapping[str, Given]
EMPTY: Layer = MappingProxyType({})


def make_layer(
    values: Mapping[str, object],
    origin_of: Callable[[str], str],
    *,
    base: Path,
    blank_is_absent: bool = False,
) -> Layer:
    """Check and parse ``values`` by the table of settings.

    ``base`` is the directory that relative paths are relative to. ``blank_is_absent`` takes an empty value for none
    (as forms and environments need); otherwise it is an error, as it always is for retention and objectives.
    """
    layer: dict[str, Given] = {}
    for key, raw in values.items():
        origin = origin_of(key)
        setting, form = _find(key, origin)
        if _is_blank(raw):
            if blank_is_absent and not setting.kept:
                continue
            raise ConfigurationError(f"{key} is given and empty ({origin})", hint=_hint_for_blank(setting))
        target = key.removesuffix(form.value)
        if target in layer:
            raise ConfigurationError(
                f"{target} is given twice: {layer[target].origin} and {origin}", hint="Keep one of the two."
            )
        layer[target] = Given(_parse(setting, form, key, raw, origin, base), origin)
    return MappingProxyType(layer)


def defaults(base: Path) -> Layer:
    """The lowest layer."""
    given = {setting.key: setting.default for setting in SETTINGS if setting.default is not None}
    return make_layer(given, lambda key: "default", base=base)


def merge(uppermost_first: tuple[Layer, ...]) -> Layer:
    """Per key, the value of the uppermost layer that gives it."""
    merged: dict[str, Given] = {}
    for layer in reversed(uppermost_first):
        merged.update(layer)
    return MappingProxyType(merged)


def resolve(layer: Layer, environ: Mapping[str, str]) -> Layer:
    """The same with every reference followed and every secret's text checked."""
    return MappingProxyType({key: _resolve(key, given, environ) for key, given in layer.items()})


def value_of(layer: Layer, key: str, kind: type[T]) -> T | None:
    """The parsed value of ``key``, None when no layer gives it."""
    given = layer.get(key)
    if given is None:
        return None
    if not isinstance(given.value, kind):
        raise TypeError(f"{key} holds a {type(given.value).__name__}, not a {kind.__name__}")
    return given.value


def _find(key: str, origin: str) -> tuple[Setting, Form]:
    try:
        return find(key)
    except ConfigurationError as error:
        raise ConfigurationError(error.message, detail=f"It is given by: {origin}.", hint=error.hint) from None


def _is_blank(raw: object) -> bool:
    if isinstance(raw, Secret):
        return not raw.reveal().strip()
    return raw is None or (isinstance(raw, str) and not raw.strip()) or (isinstance(raw, list | tuple) and not raw)


def _hint_for_blank(setting: Setting) -> str:
    if setting.kept:
        return "Retention and objectives can be changed, not dropped: give a value, or leave the key out."
    return f"Give a value ({setting.description}), or leave the key out."


def _parse(setting: Setting, form: Form, key: str, raw: object, origin: str, base: Path) -> object:
    try:
        if form is Form.FILE:
            return FileReference(parsers.path(raw, base))
        if form is Form.ENV:
            return EnvironmentReference(parsers.text(raw, base))
        return setting.parse(raw, base)
    except ValueError as error:
        raise ConfigurationError(f"{key} {error} ({origin})", hint=f"{key}: {setting.description}.") from None


def _resolve(key: str, given: Given, environ: Mapping[str, str]) -> Given:
    setting, _ = find(key)
    if not setting.secret:
        return given
    try:
        if isinstance(given.value, FileReference):
            secret = Secret(given.value.read())
        elif isinstance(given.value, EnvironmentReference):
            secret = Secret(given.value.read(environ))
        else:
            secret = given.value if isinstance(given.value, Secret) else Secret("")
        if not secret.reveal().strip():
            raise ValueError("is empty")
        setting.check(secret.reveal())
    except ValueError as error:
        raise ConfigurationError(f"{key} {error} ({given.origin})", hint=f"{key}: {setting.description}.") from None
    return Given(secret, given.origin)
