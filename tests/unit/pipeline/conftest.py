"""Keys for the tests of this folder."""

from __future__ import annotations

from tests.unit.crypto.keyrings import cipher, people

__all__ = ["cipher", "people"]
