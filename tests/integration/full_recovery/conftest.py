"""A shelf for each test, and what stands for Amazon."""

from __future__ import annotations

from tests.integration.components.conftest import moto_endpoint, people, shelf
from tests.integration.components.images_site import door, site

__all__ = ["door", "moto_endpoint", "people", "shelf", "site"]
