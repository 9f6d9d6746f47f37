"""What a side leads to: for all names or for one, and from the outputs of the infrastructure."""

from __future__ import annotations

import pytest

from dr.errors import ConfigurationError
from dr.policy.traffic_values import named, together, values_for

OUTPUTS = {"web": ("192.0.2.3", "192.0.2.4")}


def test_what_is_meant_for_one_name_replaces_what_is_meant_for_all() -> None:
    """It does not come on top of it: the name would lead to both."""
    entries = ("192.0.2.1", "api.example.org=192.0.2.2", "API.example.org.=192.0.2.5")

    assert values_for("dns.standby", entries, "api.example.org", {}) == ("192.0.2.2", "192.0.2.5")
    assert values_for("dns.standby", entries, "shop.example.org", {}) == ("192.0.2.1",)
    assert named(entries) == {"api.example.org", "API.example.org."}


def test_outputs_stand_for_all_of_their_values() -> None:
    """Each once, however often it is named."""
    entries = ("terraform:web", "192.0.2.3")

    assert values_for("dns.recovered", entries, "shop.example.org", OUTPUTS) == ("192.0.2.3", "192.0.2.4")


def test_an_output_that_two_modules_have_is_refused_and_the_others_are_not() -> None:
    """Nobody knows which of them was meant."""
    found = together({"network": OUTPUTS | {"id": ("1",)}, "data": {"id": ("2",)}, "more": {"id": ("3",)}})

    assert values_for("dns.recovered", ("terraform:web",), "shop.example.org", found) == OUTPUTS["web"]
    with pytest.raises(ConfigurationError, match=r"more than one module .* 'id'"):
        values_for("dns.recovered", ("terraform:id",), "shop.example.org", found)


def test_an_output_that_there_is_not_is_named() -> None:
    """With those that there are."""
    with pytest.raises(ConfigurationError, match="no output 'wep'") as caught:
        values_for("dns.recovered", ("terraform:wep",), "shop.example.org", OUTPUTS)

    assert "web" in caught.value.detail
    assert "dns.recovered" in caught.value.message
