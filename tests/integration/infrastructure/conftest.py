"""The endpoint that stands for Amazon."""

from __future__ import annotations

from tests.endpoints.fixtures import moto_endpoint

__all__ = ["moto_endpoint"]
