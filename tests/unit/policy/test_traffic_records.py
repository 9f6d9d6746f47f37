"""Records as values: what an operator writes becomes them, and they compare, whatever their order is."""

from __future__ import annotations

import pytest

from dr.errors import ConfigurationError
from dr.policy.traffic_records import Record, kept_time, lead_alike, read, wanted_records, written

A = Record("A", ("192.0.2.1",), 3600)
AAAA = Record("AAAA", ("2001:db8::1",), 300)


def wanted(*values: str) -> tuple[Record, ...]:
    """For one name, for a minute."""
    return wanted_records("dns.standby", "shop.example.org", values, 60)


def test_addresses_and_host_names_become_the_types_that_they_are() -> None:
    """Sorted, so that the same wish is the same value."""
    assert wanted("192.0.2.9", "192.0.2.10", "2001:0db8::7") == (
        Record("A", ("192.0.2.10", "192.0.2.9"), 60),
        Record("AAAA", ("2001:db8::7",), 60),
    )
    assert wanted("LB.Example.net.") == (Record("CNAME", ("lb.example.net",), 60),)
    assert wanted("alias:Z35SX:lb.example.net") == (Record("A", alias=("Z35SX", "lb.example.net")),)


@pytest.mark.parametrize(
    "values",
    [
        ("not an address",),
        ("300.1.2.3",),
        ("localhost",),
        ("a.example.net", "b.example.net"),
        ("a.example.net", "192.0.2.1"),
        ("alias:Z1:a.example.net", "192.0.2.1"),
        ("alias::a.example.net",),
        ("alias:Z1",),
        ("http://shop.example.net",),
    ],
)
def test_what_cannot_lead_anywhere_is_refused_by_its_setting(values: tuple[str, ...]) -> None:
    """Before anything is asked or changed."""
    with pytest.raises(ConfigurationError, match=r"dns\.standby") as caught:
        wanted(*values)

    assert caught.value.hint


def test_what_is_written_is_read_again_and_does_not_depend_on_order() -> None:
    """It is what a journal keeps."""
    assert read(written((AAAA, A))) == read(written((A, AAAA))) == (A, AAAA)
    assert written((A, AAAA)) == written((AAAA, A))


def test_a_time_to_live_is_only_ever_shortened_for_a_disaster() -> None:
    """One that is shorter already stays; afterwards the old one comes back."""
    new = wanted("198.51.100.7")

    assert kept_time(new, (A,), shorten=True)[0].ttl == 60
    assert kept_time(new, (Record("A", ("192.0.2.1",), 20),), shorten=True)[0].ttl == 20
    assert kept_time(new, (A,), shorten=False)[0].ttl == 3600
    assert kept_time(new, (), shorten=True) == new


def test_records_lead_alike_whatever_their_times_are() -> None:
    """Another address, another type, an alias or one address more is another way."""
    assert lead_alike((A,), (Record("A", ("192.0.2.1",), 60),))
    assert not lead_alike((A,), (A, AAAA))
    assert not lead_alike((A,), (Record("A", ("192.0.2.1", "192.0.2.2"), 3600),))
    assert not lead_alike((Record("A", alias=("Z1", "a.example.net")),), (Record("A", alias=("Z2", "a.example.net")),))
    assert not lead_alike((), (A,))
