"""The merge is per key, known keys only, and never takes a promise back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.configuration.layers import Given, Layer, defaults, make_layer, merge, value_of
from dr.configuration.settings import SETTINGS, find
from dr.errors import ConfigurationError

KEPT = [setting.key for setting in SETTINGS if setting.kept]


def layer_of(origin: str = "test", **values: object) -> Layer:
    """A layer; two underscores in a name stand for the dot."""
    return make_layer({key.replace("__", "."): raw for key, raw in values.items()}, lambda key: origin, base=Path("/"))


@pytest.mark.parametrize(
    "wrong, right",
    [
        ("postgres.ulr", "postgres.url"),
        ("retention.local_day", "retention.local_days"),
        ("stores.cloud.buckets", "stores.cloud.bucket"),
        ("stores.cloud.secret_acces_key_env", "stores.cloud.secret_access_key_env"),
        ("objectives.database-coruption.rto_minutes", "objectives.database-corruption.rto_minutes"),
        ("encryption.pasphrase_file", "encryption.passphrase_file"),
        ("state_dir", "state_directory"),
    ],
)
def test_a_misspelt_key_is_an_error_that_names_the_nearest(wrong: str, right: str) -> None:
    """Nothing that an operator wrote is ignored in silence."""
    with pytest.raises(ConfigurationError, match=f"no setting '{wrong}'") as caught:
        make_layer({wrong: "x"}, lambda key: "file x", base=Path("/"))

    assert caught.value.hint == f"Did you mean {right}?"
    assert "file x" in caught.value.detail


def test_only_secrets_can_be_given_by_reference() -> None:
    """A bucket's name needs no file of its own."""
    with pytest.raises(ConfigurationError, match="no setting"):
        find("stores.cloud.bucket_file")


@pytest.mark.incident("I38")
@pytest.mark.parametrize("key", KEPT)
@pytest.mark.parametrize("blank", [None, "", "  ", []])
@pytest.mark.parametrize("blank_is_absent", [True, False])
def test_i38_a_promise_cannot_be_emptied(key: str, blank: object, blank_is_absent: bool) -> None:
    """An overlay that nulls a retention or objective key is refused, whichever layer it is."""
    with pytest.raises(ConfigurationError, match=f"{key} is given and empty"):
        make_layer({key: blank}, lambda key: "Block x", base=Path("/"), blank_is_absent=blank_is_absent)


@pytest.mark.incident("I38")
@given(st.lists(st.dictionaries(st.sampled_from(KEPT), st.integers(1, 500), max_size=3), max_size=4))
def test_i38_no_stack_of_layers_loses_a_promise(stack: list[dict[str, int]]) -> None:
    """Whatever overlays are stacked, every retention and objective key keeps a value: the uppermost one given."""
    layers = [make_layer(dict(values), str, base=Path("/")) for values in stack]

    merged = merge((*layers, defaults(Path("/"))))

    for key in KEPT:
        wanted = next((values[key] for values in stack if key in values), None)
        assert key in merged
        assert wanted is None or merged[key].value == wanted


def test_the_uppermost_layer_wins_each_key_by_itself() -> None:
    """Giving one key of a group leaves the rest of the group to the layers below."""
    upper = layer_of("upper", retention__local_days=30)
    lower = layer_of("lower", retention__local_days=3, retention__min_keep=2)

    merged = merge((upper, lower))

    assert merged == {"retention.local_days": Given(30, "upper"), "retention.min_keep": Given(2, "lower")}


def test_a_value_and_a_reference_to_it_in_one_layer_is_an_error() -> None:
    """Nobody has to guess which of the two is used."""
    with pytest.raises(ConfigurationError, match=r"postgres\.url is given twice"):
        layer_of(postgres__url="postgresql:///x", postgres__url_env="DATABASE_URL")


def test_a_layer_cannot_be_changed_afterwards() -> None:
    """Origins stay true because values stay put."""
    layer = layer_of(auto_confirm="true")

    with pytest.raises(TypeError):
        layer["auto_confirm"] = Given(False, "elsewhere")  # type: ignore[index]


def test_asking_for_the_wrong_type_is_noticed() -> None:
    """The table and the builder cannot drift apart unseen."""
    with pytest.raises(TypeError, match="auto_confirm holds a bool"):
        value_of(layer_of(auto_confirm="true"), "auto_confirm", str)


def test_every_setting_is_described_and_every_default_is_valid() -> None:
    """`dr config show` and the hints rely on it."""
    assert all(setting.description for setting in SETTINGS)
    assert len(defaults(Path("/"))) == sum(setting.default is not None for setting in SETTINGS)
