"""Finding the protected system by its name: Block, file and environment under Prefect; file and environment otherwise.

Which settings were in effect, and where each came from, is kept with the run (I38).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import TypeVar, cast

from dr.configuration import Effective, Layer, load, system_name
from dr.configuration.model import System
from tasks import record, runner

T = TypeVar("T")


def load_system(
    name: str,
    *,
    file: Path | None = None,
    overrides: Mapping[str, str] | None = None,
    require_postgres: bool = True,
) -> System:
    """The system called ``name``, from every layer this runner can see; an empty name means the only or default one.

    Raises ConfigurationError. ``require_postgres=False`` is for restoring where the server may be unknown.
    """
    return load_effective(name, file=file, overrides=overrides, require_postgres=require_postgres).system


def load_effective(
    name: str,
    *,
    file: Path | None = None,
    overrides: Mapping[str, str] | None = None,
    require_postgres: bool = True,
    require_encryption: bool = True,
) -> Effective:
    """The same with every value's origin.

    Within a run it is loaded once: an edit in the midst does not split the run in two, and a Prefect server that goes
    away in the midst takes no configuration along.
    """
    name = system_name(name, file=file)

    def find() -> Effective:
        block = _once(("block", name), lambda: _block_layer(name))
        return load(
            name,
            file=file,
            overrides=overrides,
            block_layer=block,
            require_postgres=require_postgres,
            require_encryption=require_encryption,
        )

    given = tuple(sorted((overrides or {}).items()))
    effective = _once(("system", name, file, given, require_postgres, require_encryption), find)
    if record.is_recording():
        record.recorder().set_configuration(effective.rows())
    return effective


def _once(key: Hashable, find: Callable[[], T]) -> T:
    return cast("T", record.recorder().remember(key, find)) if record.is_recording() else find()


def _block_layer(name: str) -> Layer | None:
    if runner.RUNNER != "prefect":
        return None
    from blocks.protected_system import stored_layer

    return stored_layer(name)
