"""The Blocks of a protected system, made of its configuration where they are missing.

A Block that is there is left as it is: it may have been edited in Prefect's UI, and what people see there is what
holds (arguments > Block > file > environment). Where the file or the environment says otherwise, that is told.
"""

from __future__ import annotations

from pathlib import Path

from blocks.protected_system import ProtectedSystem, block_name, stored_layer
from deployments.rows import DeployedRow, Done
from dr.configuration import Layer, load
from dr.configuration.model import System
from dr.errors import ConfigurationError


def register_types() -> None:
    """Make every kind of Block known, so that its form is offered in the UI before one is saved."""
    ProtectedSystem.register_type_and_schema()  # with all that it is made of, which is every other kind


def register_system(system: str, file: Path | None, *, replace: bool = False) -> DeployedRow:
    """Save the Blocks of ``system`` unless they are there; ``replace`` saves them anew. Raises ConfigurationError."""
    name = f"{ProtectedSystem.get_block_type_slug()}/{block_name(system)}"
    stored, complaint = _stored(system)
    if stored is None or replace:
        made = ProtectedSystem.from_effective(load(system, file=file))
        differing = _differences(stored, made.layer()) if stored is not None else ()
        if stored is not None and not differing:
            return DeployedRow("block", name, Done.UNCHANGED)
        made.register()
        done = Done.CREATED if stored is None and not complaint else Done.UPDATED
        return DeployedRow("block", name, done, complaint or ", ".join(differing))
    load(system, file=file, block_layer=stored)  # what a run will see must make sense
    return DeployedRow("block", name, *_compared(system, file, stored))


def as_deployed(system: str, file: Path | None) -> System:
    """The system as its runs will see it. Raises ConfigurationError."""
    return load(system, file=file, block_layer=stored_layer(system), require_postgres=False).system


def _stored(system: str) -> tuple[Layer | None, str]:
    """What the stored Block gives; None with a reason when it does not fit this program's form."""
    try:
        return stored_layer(system), ""
    except ConfigurationError as error:
        if "does not fit" not in error.message:
            raise
        return None, f"it did not fit this program's form ({error.detail})"


def _compared(system: str, file: Path | None, stored: Layer) -> tuple[Done, str]:
    try:
        wanted = ProtectedSystem.from_effective(load(system, file=file)).layer()
    except ConfigurationError:
        return Done.KEPT, "described by the Block alone"
    differing = _differences(stored, wanted)
    if not differing:
        return Done.UNCHANGED, ""
    return Done.KEPT, f"file or environment differ in {', '.join(differing)}; --replace-blocks takes theirs"


def _differences(one: Layer, other: Layer) -> tuple[str, ...]:
    """The keys whose values differ. Secrets are compared and not shown."""
    keys = sorted({*one, *other})
    return tuple(key for key in keys if _value(one, key) != _value(other, key))


def _value(layer: Layer, key: str) -> object:
    given = layer.get(key)
    return None if given is None else given.value
