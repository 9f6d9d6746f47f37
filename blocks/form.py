"""What all our Blocks are derived from: their schema is made once, and each of their secrets is three fields."""

from __future__ import annotations

from abc import ABC
from typing import Any

from prefect.blocks.core import Block

from blocks.secret_field import FormMaker

_SCHEMAS: dict[object, dict[str, Any]] = {}


class Form(Block, ABC, metaclass=FormMaker):
    """A Block whose schema is made once: Prefect asks for it hundreds of times while one is saved."""

    @classmethod
    def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:
        """The schema. Whoever asks must not change it."""
        asked = (cls, args, tuple(sorted(options.items())))
        if asked not in _SCHEMAS:
            _SCHEMAS[asked] = super().model_json_schema(*args, **options)
        return _SCHEMAS[asked]
