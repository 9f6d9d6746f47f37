"""A shelf for each test, and the endpoints that stand for clouds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.endpoints.fixtures import moto_endpoint
from tests.integration.components.shelf import Shelf, make_shelf
from tests.unit.crypto.keyrings import People, people

__all__ = ["moto_endpoint", "people"]


@pytest.fixture
def shelf(tmp_path: Path, people: People) -> Shelf:
    """Two stores and a key pair; the test says which components there are."""
    return make_shelf(tmp_path, people.settings)
