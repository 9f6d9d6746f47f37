"""The canary row as a value."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import msgspec
import pytest

from dr.catalog.canary import Beat
from tests.unit.catalog.examples import NIGHT


def test_a_beat_survives_its_file_and_cannot_be_changed():
    """It is kept as JSON outside the database, with its zone."""
    beat = Beat(7, NIGHT)

    assert msgspec.json.decode(msgspec.json.encode(beat), type=Beat) == beat
    assert b"2024-01-01T02:00:00Z" in msgspec.json.encode(beat)
    with pytest.raises(FrozenInstanceError):
        beat.seq = 8  # type: ignore[misc]
