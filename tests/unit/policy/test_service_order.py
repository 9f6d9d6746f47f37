"""Services start after what they need; a circle and an unknown name are told when the configuration is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.configuration.procedures import ProcedureSettings, ServiceSettings
from dr.errors import ConfigurationError
from dr.policy.service_order import layers, needed_by, only

NAMES = [f"service-{number}" for number in range(8)]


@given(st.lists(st.sets(st.integers(0, 7)), min_size=8, max_size=8))
def test_each_comes_after_all_it_needs(wishes: list[set[int]]) -> None:
    """Every service is in exactly one layer, and what it needs is in an earlier one."""
    after = {NAMES[own]: [NAMES[other] for other in wanted if other < own] for own, wanted in enumerate(wishes)}

    order = layers(after)

    place = {name: number for number, layer in enumerate(order) for name in layer}
    assert sorted(place) == sorted(after)
    assert sum(map(len, order)) == len(after)
    assert all(place[other] < place[name] for name, needed in after.items() for other in needed)


def test_a_layer_holds_all_that_may_start_together() -> None:
    """As early as possible: nobody waits for what he does not need."""
    after = {"web": ("db",), "worker": ("db", "queue"), "db": (), "queue": (), "mail": ("worker",)}

    assert layers(after) == (("db", "queue"), ("web", "worker"), ("mail",))
    assert only(layers(after), {"mail", "db"}) == (("db",), ("mail",))
    assert needed_by(after, {"mail"}) == {"worker", "db", "queue"}


def test_a_circle_is_named_in_its_order() -> None:
    """Also where others wait for it, who are no part of it."""
    with pytest.raises(ConfigurationError, match="in a circle: a after b after c after a\n"):
        layers({"a": ["b"], "b": ["c"], "c": ["a"], "waits": ["a"], "fine": []})
    with pytest.raises(ConfigurationError, match="in a circle: a after a"):
        layers({"a": ["a"]})


def test_settings_refuse_what_nobody_can_start() -> None:
    """When they are made, not at 3 a.m."""
    with pytest.raises(ConfigurationError, match=r"services\.web\.after names 'db', and there is no such service"):
        ProcedureSettings(services=(ServiceSettings("web", after=("db",)),))
    with pytest.raises(ConfigurationError, match="in a circle"):
        ProcedureSettings(services=(ServiceSettings("web", after=("db",)), ServiceSettings("db", after=("web",))))
