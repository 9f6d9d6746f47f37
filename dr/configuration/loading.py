"""One way in: merge every layer for one system, check it, and say where each value came from.

Order, uppermost first: explicit arguments, the Block, the file, the environment, the defaults.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dr.configuration.build import build_system, store_names
from dr.configuration.environment import environment_layer
from dr.configuration.file import File, find_file, read_file
from dr.configuration.layers import EMPTY, EnvironmentReference, Given, Layer, defaults, make_layer, merge, resolve
from dr.configuration.masking import MASK, mask_url
from dr.configuration.model import System
from dr.configuration.settings import SETTINGS, find
from dr.errors import ConfigurationError
from dr.pipeline.launch import withhold
from dr.secret import Secret

_TABLES = {"stores": "stores.*.kind", "services": "services.*.driver"}
"""What there are several of, by names, and the first of each one's settings."""
DEFAULT_SYSTEM = "coreflow360"
Row = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Effective:
    """What is in effect for one system. ``layer`` holds the merged settings, secrets by reference where so given."""

    system: System
    layer: Layer
    table: tuple[Row, ...]

    def rows(self) -> tuple[Row, ...]:
        """``(key, value with secrets masked, origin)`` of every setting that has a value, in the table's order."""
        return self.table


def load(
    name: str | None = None,
    *,
    file: Path | None = None,
    overrides: Mapping[str, str] | None = None,
    block_layer: Layer | None = None,
    environ: Mapping[str, str] | None = None,
    require_postgres: bool = True,
    require_encryption: bool = True,
) -> Effective:
    """The effective configuration of the system ``name``. Raises ConfigurationError.

    ``name`` defaults to DR_SYSTEM, then to the file's only system, then to ``coreflow360``. ``environ`` defaults to
    the process's. ``require_postgres=False`` is for restoring where neither the server nor a key to encrypt with is
    known: using ``system.postgres.url`` then raises. ``require_encryption=False`` is for what neither writes nor reads
    a backup.
    """
    environ = os.environ if environ is None else environ
    path = find_file(file, environ)
    document = read_file(path) if path else None
    system, named_by = _system_name(name, document, environ)
    layers = (
        make_layer(overrides or {}, lambda key: f"argument {key}", base=Path.cwd()),
        block_layer or EMPTY,
        _file_layer(document, system, has_block=block_layer is not None),
        environment_layer(environ),
        defaults(Path.cwd()),
    )
    merged = _with_default_store(merge(layers), declared=store_names(layers[1]) | store_names(layers[2]))
    withhold(given.value.name for given in merged.values() if isinstance(given.value, EnvironmentReference))
    resolved = resolve(merged, environ)
    built = build_system(system, resolved, require_postgres=require_postgres, require_encryption=require_encryption)
    return Effective(built, merged, (("system", system, named_by), *_rows(resolved)))


def system_name(name: str | None = None, *, file: Path | None = None, environ: Mapping[str, str] | None = None) -> str:
    """The name that ``load`` would use: ``name``, or what stands for it when it is None or empty."""
    environ = os.environ if environ is None else environ
    path = None if name else find_file(file, environ)
    return _system_name(name, read_file(path) if path else None, environ)[0]


def _system_name(name: str | None, document: File | None, environ: Mapping[str, str]) -> tuple[str, str]:
    if name:
        return name, "argument"
    if environ.get("DR_SYSTEM", "").strip():
        return environ["DR_SYSTEM"].strip(), "environment DR_SYSTEM"
    if document and document.systems and DEFAULT_SYSTEM not in document.systems:
        if len(document.systems) > 1:
            raise ConfigurationError(
                f"{document.path} describes several systems, and none was named",
                detail=f"It describes: {', '.join(sorted(document.systems))}.",
                hint="Name one with --system or DR_SYSTEM.",
            )
        return next(iter(document.systems)), f"file {document.path}, its only system"
    return DEFAULT_SYSTEM, "default"


def _file_layer(document: File | None, system: str, *, has_block: bool) -> Layer:
    """Refuse a system that only the environment would describe while a file describes others.

    Otherwise a mistyped name would protect the environment's database under that name, and call it done.
    """
    if document is None or not document.systems or (has_block and system not in document.systems):
        return EMPTY
    return document.layer(system)


def _with_default_store(layer: Layer, *, declared: set[str]) -> Layer:
    """Without a Block or file that says where copies live, they live in ``backups`` here, and where else is said."""
    if declared or any(key in layer for key in ("stores.local.path", "stores.local.kind")):
        return layer
    return {**layer, "stores.local.path": Given(Path.cwd() / "backups", "default")}


def _rows(layer: Layer) -> list[Row]:
    return [(key, _shown(key, layer[key].value), layer[key].origin) for key in sorted(layer, key=_place_in_table)]


def _place_in_table(key: str) -> tuple[int, str, int]:
    """The table's order, with everything about one store, or one service, together."""
    order = [setting.key for setting in SETTINGS]
    place = order.index(find(key)[0].key)
    table = key.partition(".")[0]
    if table not in _TABLES:
        return place, "", place
    return order.index(_TABLES[table]), key.split(".")[1], place


def _shown(key: str, value: object) -> str:
    if isinstance(value, Secret):
        return mask_url(value.reveal()) if key.startswith("postgres.") else MASK
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)
