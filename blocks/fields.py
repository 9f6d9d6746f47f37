"""Between a form's fields and flat settings: an empty field gives nothing, a secret stays wrapped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from dr.configuration.layers import EnvironmentReference, FileReference, Layer
from dr.secret import Secret


def filled_in(prefix: str, fields: Mapping[str, object]) -> dict[str, object]:
    """The filled-in fields as settings under ``prefix``."""
    unwrapped = {f"{prefix}.{name}": _unwrap(value) for name, value in fields.items()}
    return {key: value for key, value in unwrapped.items() if value not in (None, "", [])}


def secret_fields(layer: Layer, key: str, field: str) -> dict[str, object]:
    """The form fields for the secret ``key``: a reference where the configuration holds one, else the secret."""
    given = layer.get(key)
    if given is None:
        return {}
    if isinstance(given.value, EnvironmentReference):
        return {f"{field}_env": given.value.name}
    if isinstance(given.value, FileReference):
        return {f"{field}_file": str(given.value.path)}
    return {field: SecretStr(given.value.reveal())} if isinstance(given.value, Secret) else {}


def text(path: Path | None) -> str:
    """A path as a form shows it; empty for none."""
    return "" if path is None else str(path)


def _unwrap(value: object) -> object:
    if not isinstance(value, SecretStr):
        return value
    return Secret(value.get_secret_value()) if value.get_secret_value().strip() else None
