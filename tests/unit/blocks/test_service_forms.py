"""The services of a product, as rows of the application's form: every setting, the same defaults, nothing lost."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import get_args

import pytest

from blocks import Application
from blocks.procedures.services import ProductService
from blocks.protected_system import ProtectedSystem
from dr.configuration import load
from dr.configuration.components.declared import declared_fields
from dr.configuration.procedures.services import DRIVERS, STOP_SIGNALS, ServiceSettings
from dr.errors import ConfigurationError
from tests.unit.blocks.every_setting import BASE, ENVIRON

SERVICES = """
[system.shop.services.web]
driver = "process"
after = ["database"]
command = ["/usr/bin/env", "node", "server.js --with blanks"]
directory = "/srv/shop"
environment_file = "/etc/shop/environment"
user = "shop"
owner_of = "/srv/shop"
stop_signal = "INT"
releases = "/srv/releases"
[system.shop.services.database]
unit = "postgresql@18-main"
user_manager = true
[system.shop.services.cache]
driver = "compose"
directory = "/srv/compose"
files = ["/srv/compose/one.yaml", "/srv/compose/two words.yaml"]
[system.shop.services.worker]
driver = "kubernetes"
unit = "statefulset/worker"
context = "production"
namespace = "shop"
"""


def test_a_row_has_every_setting_with_its_default() -> None:
    """A further setting without a field, or with another default, is noticed here."""
    declared = {name: default for name, _, default in declared_fields(ServiceSettings)}

    fields = {name: field for name, field in ProductService.model_fields.items() if name != "name"}

    assert set(fields) == set(declared)
    for name, default in declared.items():
        shown = fields[name].get_default()
        assert shown == ([*default] if isinstance(default, tuple) else "" if default is None else default), name
    assert get_args(fields["driver"].annotation) == DRIVERS
    assert get_args(fields["stop_signal"].annotation) == STOP_SIGNALS


def test_services_survive_the_form(tmp_path: Path) -> None:
    """What a file says of services is what the Block made of it says, every setting of every driver."""
    file, bare = tmp_path / "dr.toml", tmp_path / "bare.toml"
    file.write_text(BASE + SERVICES)
    bare.write_text(BASE)
    before = load("shop", file=file, environ=ENVIRON)

    block = ProtectedSystem.from_effective(before)
    after = load("shop", file=bare, environ=ENVIRON, block_layer=block.layer())

    assert len(before.system.procedures.services) == 4
    assert after.system.procedures.services == before.system.procedures.services
    used = {
        field.name
        for item in after.system.procedures.services
        for field in dataclasses.fields(item)
        if field.metadata and getattr(item, field.name) != field.default
    }
    assert used == {name for name, _, _ in declared_fields(ServiceSettings)}


def test_a_wrong_order_in_a_form_is_refused(tmp_path: Path) -> None:
    """A circle would only show at 3 a.m. otherwise."""
    (tmp_path / "dr.toml").write_text(BASE)
    block = ProtectedSystem.from_effective(load("shop", file=tmp_path / "dr.toml", environ=ENVIRON))
    block.application = Application(
        services=[ProductService(name="one", after=["two"]), ProductService(name="two", after=["one"])]
    )

    with pytest.raises(ConfigurationError, match="in a circle: one after two after one"):
        load("shop", file=tmp_path / "dr.toml", environ=ENVIRON, block_layer=block.layer())
