"""Whoever asks one procedure for what another one backs up is told which."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from dr.catalog.labels import Kind
from dr.components.registry import Part
from dr.configuration.components import ComponentSettings
from dr.configuration.components.terraform import TerraformSettings
from tasks.components import _where_else
from tests.contracts.traffic_subjects import system_with


def test_infrastructure_is_not_looked_for_among_the_applications_parts(tmp_path: Path) -> None:
    """It is configured, and has a backup of its own; what is not configured anywhere wants settings."""
    code = ComponentSettings(terraform=TerraformSettings(directories=(tmp_path,)))
    system = dataclasses.replace(system_with(tmp_path), components=code)

    assert _where_else(system, Part.APPLICATION, Kind.TERRAFORM) == "dr infrastructure-backup backs it up."
    assert "settings images.*" in _where_else(system, Part.APPLICATION, Kind.IMAGES)
