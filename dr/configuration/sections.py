"""Every section of the settings that is declared by a class of its own: components, and what procedures touch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dr.configuration.alerting import ALERTING_CLASSES
from dr.configuration.components import COMPONENT_CLASSES
from dr.configuration.procedures import PROCEDURE_CLASSES

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from dr.configuration.model import System


def settings_classes() -> Iterator[tuple[str, type[DataclassInstance]]]:
    """Every section's name, which its keys begin with, and its class."""
    yield from COMPONENT_CLASSES
    yield from PROCEDURE_CLASSES
    yield from ALERTING_CLASSES


def section(system: System, name: str) -> DataclassInstance:
    """The settings of one section of a system."""
    holder = next(holder for holder in (system.components, system.procedures, system.alerting) if hasattr(holder, name))
    found: DataclassInstance = getattr(holder, name)
    return found
