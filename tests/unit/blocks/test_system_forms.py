"""The forms inside the system's own have every setting of theirs, with the default that holds."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel

from blocks.custody import Custody
from blocks.drill import Drill
from blocks.retention import Retention
from blocks.wal import Wal
from dr.configuration.model import CustodySettings, DrillSettings, RetentionSettings, WalSettings
from dr.configuration.settings import find

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@pytest.mark.parametrize(
    ("section", "form", "settings"),
    [
        ("retention", Retention(), RetentionSettings()),
        ("wal", Wal(), WalSettings()),
        ("drill", Drill(), DrillSettings()),
        ("custody", Custody(), CustodySettings()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_form_shows_every_setting_and_its_default(section: str, form: BaseModel, settings: DataclassInstance) -> None:
    """What a person sees in an untouched form is what holds without it."""
    wanted = dataclasses.asdict(settings)

    shown = form.model_dump()

    assert shown.keys() == wanted.keys()
    for name, default in wanted.items():
        assert find(f"{section}.{name}")[0].key == f"{section}.{name}"
        assert str(shown[name]) == ("" if default is None else str(default)), name
