"""Servers behind a load balancer, as an operator writes them."""

from __future__ import annotations

import pytest

from dr.errors import ConfigurationError
from dr.policy.traffic_targets import Target, parse_target, read, written


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("i-0123456789abcdef0", Target("i-0123456789abcdef0", 80)),
        ("i-0123456789abcdef0:8080", Target("i-0123456789abcdef0", 8080)),
        ("10.0.0.7", Target("10.0.0.7", 80)),
        ("10.0.0.7:443", Target("10.0.0.7", 443)),
        ("[2001:db8::7]:443", Target("2001:db8::7", 443)),
        ("[2001:db8::7]", Target("2001:db8::7", 80)),
        ("2001:db8::7", Target("2001:db8::7", 80)),
    ],
)
def test_a_server_is_read_with_the_groups_port_unless_it_names_one(text: str, target: Target) -> None:
    """And is shown so that it can be written again."""
    assert parse_target("balancer.standby", text, 80) == target
    assert parse_target("balancer.standby", str(target), 1) == target


@pytest.mark.parametrize("text", ["web-1", "i-xyz", "10.0.0.300", "10.0.0.7:http", "10.0.0.7:", "", ":80"])
def test_what_is_no_server_is_refused_by_its_setting(text: str) -> None:
    """Before anything is asked."""
    with pytest.raises(ConfigurationError, match=r"balancer\.standby"):
        parse_target("balancer.standby", text, 80)


def test_what_is_written_is_read_again() -> None:
    """Whatever the order was."""
    one, other = Target("10.0.0.7", 80), Target("10.0.0.8", 80, "all")

    assert read(written([other, one])) == {one, other}
    assert written([other, one]) == written([one, other])
