"""Bring what was drawn into its place, as a recovery would."""

from __future__ import annotations

from dr.configuration.model import System
from dr.operations.component.drill.draw import DrawnComponent
from dr.operations.component.drill.failures import told
from dr.operations.component.restore import RestoredComponent, restore_component
from dr.operations.drill.draw import limited_to


def lay_out_component(system: System, drawn: DrawnComponent) -> RestoredComponent:
    """All of the copy, from the first of the drill's stores that has it whole."""
    with told(drawn.copy):
        return restore_component(limited_to(system, drawn.request.stores), drawn.found, drawn.copy)
