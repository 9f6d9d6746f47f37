"""States told by their own account: which one, how much, and never what."""

from __future__ import annotations

import json

import pytest

from dr.catalog.manifest import Item
from dr.components.terraform.scan import StateScanner
from dr.components.terraform.state import parse_state

BUILT_IN = 'provider["terraform.io/builtin/terraform"]'
HEAD = {"version": 4, "terraform_version": "1.11.4", "serial": 3, "lineage": "l"}


def state(**changes: object) -> bytes:
    """A state with one resource of two instances, one of them deposed."""
    resource = {
        "mode": "managed",
        "type": "terraform_data",
        "name": "secret_name",
        "provider": BUILT_IN,
        "instances": [{"attributes": {"input": "hidden"}}, {"deposed": "ab12", "attributes": {}}],
    }
    document = HEAD | {"outputs": {"word": {"value": "hidden"}}, "resources": [resource]}
    return json.dumps(document | changes).encode()


def test_a_state_is_described_without_names_and_values() -> None:
    """What Terraform lists is counted: a deposed instance is not."""
    found = parse_state(state())

    assert found.described() == "serial 3, lineage l, version 1.11.4, 1 outputs, resources: terraform_data 1"
    assert found.built_in_only
    assert found.instances == 1


def test_a_state_with_other_providers_is_never_planned() -> None:
    """A drill must not speak to a cloud."""
    aws = {"type": "aws_instance", "provider": 'provider["registry.terraform.io/hashicorp/aws"]', "instances": [{}]}

    assert not parse_state(state(resources=[aws])).built_in_only


def test_an_empty_state_is_one() -> None:
    """Everything was destroyed: that too is to be known."""
    assert parse_state(state(resources=[], outputs={})).described().endswith("0 outputs, resources: none")


@pytest.mark.parametrize(
    "data",
    [b"", b"null", b"[]", b"{", state()[:-1], state(lineage=""), state(version=3), state(serial="x"), b"\xff\xfe"],
)
def test_what_is_no_state_is_refused_without_quoting_it(data: bytes) -> None:
    """The reason is an operator's, and a secret may stand anywhere in it."""
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is looked at
        parse_state(data)

    assert "hidden" not in str(raised.value)


@pytest.mark.parametrize("size", [1, 13, 1 << 20])
def test_a_state_read_back_is_the_one_that_was_backed_up(size: int) -> None:
    """However it is cut; another serial, a lost byte and a changed size are told."""
    data = state()
    item = Item("shop/default", 1, len(data), detail=parse_state(data).described())

    def verdict(read: bytes) -> str:
        scanner = StateScanner(item)
        for begin in range(0, len(read), size):
            scanner.feed(read[begin : begin + size])
        return scanner.finish()

    assert verdict(data) == ""
    assert "serial 4" in verdict(state(serial=4))
    assert "bytes" in verdict(data[:-1])
    assert "not the JSON" in verdict(b"x" * len(data))
