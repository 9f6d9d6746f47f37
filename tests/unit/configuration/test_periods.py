"""The periods of retention by kind and place: numbers of days or for ever, and never nothing (I38)."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from dr.configuration import load
from dr.configuration.model import RetentionSettings
from dr.configuration.settings import find
from dr.errors import ConfigurationError
from dr.policy.retention_periods import FOREVER, Periods
from tests.unit.configuration.conftest import Known

NAMES = [field.name for field in dataclasses.fields(Periods)]


@pytest.mark.incident("I38")
@pytest.mark.parametrize("name", NAMES)
def test_every_period_can_be_changed_and_none_can_be_dropped(tmp_path: Path, known: Known, name: str) -> None:
    """A number, or for ever; the default is the guide's."""
    key = f"retention.{name}"

    def given(value: str) -> object:
        return getattr(load("main", environ=known.environ, overrides={key: value}).system.retention, name)

    assert find(key)[0].kept
    assert getattr(load("main", environ=known.environ).system.retention, name) == getattr(Periods(), name)
    assert given("400") == 400
    assert given("Forever") == FOREVER
    for wrong in ("0", "-1", "a year", ""):
        with pytest.raises(ConfigurationError, match=key):
            given(wrong)


@pytest.mark.incident("I38")
@pytest.mark.parametrize("days", [0, -1])
def test_a_period_that_keeps_nothing_cannot_be_made(days: int) -> None:
    """Not even past the parsers."""
    with pytest.raises(ValueError, match="at least a day, or forever"):
        RetentionSettings(audit_logs_days=days)
