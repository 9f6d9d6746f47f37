"""The TOML file: several systems, each a table ``[system.NAME]`` with the settings as nested tables.

::

    [system.main.postgres]
    url_file = "/run/secrets/database-url"

    [system.main.stores.cloud]
    bucket = "coreflow360-backups"

Relative paths in it are relative to the file. A file that holds a secret itself must be its owner's alone.
"""

from __future__ import annotations

import difflib
import stat
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dr.configuration.layers import Layer, make_layer
from dr.configuration.masking import mask_url
from dr.configuration.settings import Form, find
from dr.errors import ConfigurationError

SYSTEM_WIDE = Path("/etc/coreflow360-dr/dr.toml")
_SHAPE = "Write [system.NAME] and the settings below it."


@dataclass(frozen=True, slots=True)
class File:
    """A configuration file that was read: the raw settings of each system in it."""

    path: Path
    systems: Mapping[str, Mapping[str, object]]

    def layer(self, system: str) -> Layer:
        """The settings of one system. Raises ConfigurationError when the file holds none of that name."""
        if system not in self.systems:
            near = difflib.get_close_matches(system, self.systems, n=1, cutoff=0.5)
            raise ConfigurationError(
                f"{self.path} describes no system {system!r}",
                detail=f"It describes: {', '.join(sorted(self.systems)) or 'none'}.",
                hint=f"Did you mean {near[0]}?" if near else f"Add [system.{system}] to the file, or name another.",
            )

        def origin_of(key: str) -> str:
            *tables, name = key.split(".")
            return f"file {self.path}, [{'.'.join(['system', system, *tables])}] {name}"

        return make_layer(self.systems[system], origin_of, base=self.path.absolute().parent)


def find_file(argument: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The file to read: the argument's, DR_CONFIG's, ./dr.toml or the system-wide one; None when there is none."""
    if argument is not None:
        return argument
    if environ.get("DR_CONFIG", "").strip():
        return Path(environ["DR_CONFIG"]).expanduser()
    return next((path for path in (Path("dr.toml"), SYSTEM_WIDE) if path.is_file()), None)


def read_file(path: Path) -> File:
    """Read and check the shape of ``path``; which keys exist is checked when a system's layer is asked for."""
    try:
        with path.open("rb") as stream:
            mode = stat.S_IMODE(path.stat().st_mode)
            document = tomllib.load(stream)
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the configuration file {path}: {error.strerror}",
            hint="Name another with --config or DR_CONFIG, or leave both out and use the environment.",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not TOML: {error}", hint="Correct the file at that place.") from None
    file = File(path, {name: dict(_flatten(table)) for name, table in _systems(path, document).items()})
    if mode & 0o077 and _holds_secrets(file):
        raise ConfigurationError(
            f"{path} holds secrets and others may read it (mode {mode:04o})",
            hint=f"Run: chmod 600 {path}   or give the secrets by reference (url_file, passphrase_env, ...).",
        )
    return file


def _systems(path: Path, document: dict[str, object]) -> dict[str, dict[str, object]]:
    unknown = sorted(set(document) - {"system"})
    if unknown:
        raise ConfigurationError(
            f"{path} has a top-level [{unknown[0]}]", hint="Everything belongs under [system.NAME]; did you mean that?"
        )
    systems = document.get("system", {})
    if not isinstance(systems, dict):
        raise ConfigurationError(f"{path}: system is not a table", hint=_SHAPE)
    for name, table in systems.items():
        if not isinstance(table, dict):
            raise ConfigurationError(f"{path}: system.{name} is not a table", hint=_SHAPE)
    return systems


def _flatten(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict) and value:
            yield from _flatten(value, f"{key}.")
        elif isinstance(value, dict):
            yield from _emptied(key)
        else:
            yield key, value


def _emptied(table: str) -> Iterator[tuple[str, object]]:
    """An empty table gives nothing, unless it stands where promises are kept: there it is a drop (I38)."""
    if table == "retention":
        yield "retention.local_days", None
    elif table.split(".")[0] == "objectives":
        yield f"{table if '.' in table else 'objectives.database-corruption'}.rto_minutes", None


def _holds_secrets(file: File) -> bool:
    return any(_is_plain_secret(key, raw) for values in file.systems.values() for key, raw in values.items())


def _is_plain_secret(key: str, raw: object) -> bool:
    try:
        setting, form = find(key)
    except ConfigurationError:
        # A misspelt key may well have been meant as a secret; it is reported when its system is loaded.
        return False
    if not setting.secret or form is not Form.VALUE or not isinstance(raw, str):
        return False
    # A connection without a password (peer authentication, a .pgpass file) gives nothing away.
    return not key.startswith("postgres.") or mask_url(raw) != raw
