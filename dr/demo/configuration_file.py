"""The estate's configuration as a file, so that other processes (``dr``, a worker) see the same protected system."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from dr.configuration.environment import VARIABLES
from dr.configuration.model import StoreSettings, System
from dr.configuration.sections import section, settings_classes
from dr.configuration.settings import find
from dr.secret import Secret

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def write_configuration(directory: Path, system: System) -> Path:
    """Write ``dr.toml`` for its owner's eyes, and beside it the secrets that it names; returns its path."""
    private = directory / "secrets"
    private.mkdir(mode=0o700)
    lines = [f"[system.{system.name}]", _line("state_directory", system.state_directory)]
    lines += ["", f"[system.{system.name}.postgres]"]
    lines.append(_line("url_file", _secret(private / "database_url", system.postgres.url.reveal())))
    for store in system.stores:
        lines += ["", f"[system.{system.name}.stores.{store.name}]", *_store(store, private)]
    lines += ["", f"[system.{system.name}.encryption]"]
    lines.append(f"recipients = {json.dumps(system.encryption.recipients)}")
    if system.encryption.gnupg_home is not None:
        lines.append(_line("gnupg_home", system.encryption.gnupg_home))
    if system.notifications.webhook is not None:
        webhook = _secret(private / "webhook", system.notifications.webhook.reveal())
        lines += ["", f"[system.{system.name}.notifications]", _line("webhook_file", webhook)]
    for kind, _ in settings_classes():
        given = _component(kind, section(system, kind), private)
        lines += ["", f"[system.{system.name}.{kind}]", *given] if given else []
    for item in system.procedures.services:
        lines += ["", f"[system.{system.name}.services.{item.name}]", _line("driver", item.driver)]
        lines += [line for line in _component(item.name, item, private) if not line.startswith("driver ")]
    return _secret(directory / "dr.toml", "\n".join(lines) + "\n")


def environment_for(file: Path, system: System) -> dict[str, str]:
    """Variables by which a child process finds that file; what its owner has set for real systems is blanked."""
    blank = {name: "" for name, key in VARIABLES.items() if not find(key)[0].kept}
    secret_files = {f"{name}_FILE": "" for name, key in VARIABLES.items() if find(key)[0].secret}
    return {**blank, **secret_files, "DR_CONFIG": str(file), "DR_SYSTEM": system.name}


def _store(store: StoreSettings, private: Path) -> list[str]:
    if store.kind == "local":
        return [_line("path", store.path or Path())]
    given = {
        "bucket": store.bucket,
        "region": store.region,
        "endpoint_url": store.endpoint_url,
        "access_key_id": store.access_key_id,
    }
    lines = [_line(key, value) for key, value in given.items() if value is not None]
    if store.secret_access_key is not None:
        file = _secret(private / f"{store.name}_secret_access_key", store.secret_access_key.reveal())
        lines.append(_line("secret_access_key_file", file))
    return lines


def _component(kind: str, settings: DataclassInstance, private: Path) -> list[str]:
    """What of a component's settings is not as it is by default."""
    lines = []
    for field in dataclasses.fields(settings):
        if not field.metadata:
            continue  # a service's name stands in the table's
        value = getattr(settings, field.name)
        if isinstance(value, Secret):
            lines.append(_line(f"{field.name}_file", _secret(private / f"{kind}_{field.name}", value.reveal())))
        elif value != field.default:
            lines.append(f"{field.name} = {_value(value)}")
    return lines


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    plain = isinstance(value, bool | int | float)
    return json.dumps(value if plain else str(value), ensure_ascii=False)


def _line(key: str, value: str | Path) -> str:
    # A JSON string is a TOML string too, as long as letters are not spelt as surrogates.
    return f"{key} = {json.dumps(str(value), ensure_ascii=False)}"


def _secret(file: Path, text: str) -> Path:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    return file
