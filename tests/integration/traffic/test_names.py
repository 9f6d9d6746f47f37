"""What is particular about names: zones, policies, types that exclude each other, times to live, and lies."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from dr.configuration.procedures.dns import DnsSettings
from dr.errors import ConfigurationError, InfrastructureError
from dr.policy.traffic_side import Side
from dr.secret import Secret
from dr.traffic.cloudflare_dns import CloudflareNames
from dr.traffic.route53 import Route53Names
from tests.contracts.traffic_subjects import ZONE, new_zone, put, records_of
from tests.endpoints.cloudflare import Cloudflare
from tests.endpoints.faulty import Faulty, Rule
from tests.endpoints.serving import REGION, Endpoint

SHOP = f"shop.{ZONE}"


class Zone:
    """A hosted zone of its own, behind the proxy."""

    def __init__(self, endpoint: Endpoint, proxy: Faulty) -> None:
        self.endpoint, self.proxy = endpoint, proxy
        self.id = new_zone(endpoint)

    def names(self, **changes: Any) -> Route53Names:
        given: dict[str, Any] = {
            "endpoint_url": self.proxy.url,
            "region": REGION,
            "access_key_id": self.endpoint.access_key_id,
            "secret_access_key": self.endpoint.secret_access_key,
            "zone": self.id,
            "names": (SHOP,),
            "standby": ("198.51.100.7",),
        }
        return Route53Names(DnsSettings(**(given | changes)))

    def put(self, name: str, kind: str, *values: str, **more: Any) -> None:
        put(self.endpoint, self.id, name, kind, *values, **more)

    def of(self, name: str) -> list[Any]:
        return [one for one in records_of(self.endpoint, self.id) if one["Name"] == f"{name}."]


@pytest.fixture
def zone(moto_endpoint: Endpoint, amazon: Faulty) -> Zone:
    """Empty."""
    return Zone(moto_endpoint, amazon)


def test_a_name_outside_of_the_zone_is_refused_before_anything_is_asked_for_it(zone: Zone) -> None:
    """A zone that only ends alike is another one."""
    for name in ("shop.example.net", f"evil{ZONE}"):
        with pytest.raises(ConfigurationError, match=f"not in the zone {ZONE}"):
            zone.names(names=(SHOP, name)).plan(Side.STANDBY, {})

    assert not [one for one in zone.proxy.seen() if "rrset" in one]


def test_records_with_a_routing_policy_are_told_and_left_alone(zone: Zone) -> None:
    """Whoever weighs names has to switch them by their weights."""
    zone.put(SHOP, "A", "192.0.2.1", SetIdentifier="blue", Weight=90)
    zone.put(SHOP, "A", "192.0.2.2", SetIdentifier="green", Weight=10)
    before = zone.of(SHOP)

    with pytest.raises(InfrastructureError, match="routing policy") as caught:
        zone.names().plan(Side.STANDBY, {})

    assert "blue, green" in caught.value.detail
    assert zone.of(SHOP) == before


def test_a_name_that_was_not_there_is_made_and_goes_again(zone: Zone) -> None:
    """Undoing what made it removes it."""
    switch = zone.names()

    switched = switch.apply(switch.plan(Side.STANDBY, {}))

    assert zone.of(SHOP)[0]["ResourceRecords"] == [{"Value": "198.51.100.7"}]
    assert switched[0].change.before.words == "nothing"
    switch.apply([switched[0].change.back()])
    assert zone.of(SHOP) == []


def test_an_address_gives_way_to_a_host_name_in_one_piece(zone: Zone) -> None:
    """A CNAME stands beside no address; nobody finds the name gone in between."""
    zone.put(SHOP, "A", "192.0.2.1")
    switch = zone.names(standby=("standby.example.net",))

    switched = switch.apply(switch.plan(Side.STANDBY, {}))

    assert [one["Type"] for one in zone.of(SHOP)] == ["CNAME"]
    assert sum("rrset" in one and one.startswith("POST") for one in zone.proxy.seen()) == 1
    switch.apply([switched[0].change.back()])
    assert [one["Type"] for one in zone.of(SHOP)] == ["A"]


def test_an_alias_keeps_both_versions_and_its_question_for_health(zone: Zone) -> None:
    """And the zone itself can be led by one, where a host name is refused."""
    target = {"HostedZoneId": "Z35SXDOTRQ7X7K", "DNSName": "old.elb.amazonaws.com", "EvaluateTargetHealth": True}
    for kind in ("A", "AAAA"):
        zone.put(ZONE, kind, AliasTarget=target)
    switch = zone.names(names=(ZONE,), standby=("alias:Z1:new.elb.amazonaws.com",))

    switched = switch.apply(switch.plan(Side.STANDBY, {}))

    found = [one for one in zone.of(ZONE) if one["Type"] in ("A", "AAAA")]
    assert [one["AliasTarget"]["DNSName"].rstrip(".") for one in found] == ["new.elb.amazonaws.com"] * 2
    assert all(one["AliasTarget"]["EvaluateTargetHealth"] for one in found)
    assert switched[0].everywhere_seconds == 60
    with pytest.raises(ConfigurationError, match="zone itself"):
        zone.names(names=(ZONE,), standby=("new.elb.amazonaws.com",)).plan(Side.STANDBY, {})


def test_the_old_time_to_live_counts_and_comes_back(zone: Zone) -> None:
    """A phase of its own, advice beforehand, a short one in the disaster, the old one when all is settled."""
    zone.put(SHOP, "A", "192.0.2.1", ttl=3600)
    switch = zone.names()
    (change,) = switch.plan(Side.STANDBY, {})

    (switched,) = switch.apply([change])

    assert "set the TTL of shop.example.org to 60" in change.hint
    assert [phase.name.partition(":")[0] for phase in switched.phases] == ["switch dns", "wait for old answers"]
    assert switched.phases[1].seconds == pytest.approx(3600)
    assert switched.everywhere_seconds == 3600
    assert zone.of(SHOP)[0]["TTL"] == 60
    switch.apply([switch.settled(change)])
    assert (zone.of(SHOP)[0]["TTL"], zone.of(SHOP)[0]["ResourceRecords"]) == (3600, [{"Value": "198.51.100.7"}])


def test_a_change_that_does_not_spread_is_told_with_its_id(zone: Zone) -> None:
    """Accepted is not in force."""
    zone.put(SHOP, "A", "192.0.2.1")
    switch = zone.names(wait_minutes=0.01)
    changes = switch.plan(Side.STANDBY, {})
    zone.proxy.rules(Rule("GET .*/change/", replace=("INSYNC", "PENDING")))

    with pytest.raises(InfrastructureError, match="does not say that it has spread") as caught:
        switch.apply(changes)

    assert "aws route53 get-change --id" in caught.value.hint


def test_who_runs_it_again_is_not_told_that_it_has_spread(zone: Zone) -> None:
    """The first run gave up waiting; that the record is there says nothing of Route 53's other servers."""
    zone.put(SHOP, "A", "192.0.2.1")
    switch = zone.names(wait_minutes=0.01)
    changes = switch.plan(Side.STANDBY, {})
    zone.proxy.rules(Rule("GET .*/change/", replace=("INSYNC", "PENDING")))
    with pytest.raises(InfrastructureError):
        switch.apply(changes)
    zone.proxy.rules()

    (again,) = switch.apply(changes)

    assert "is so already" in again.detail
    assert "not known" in again.detail


def test_a_name_that_somebody_led_to_the_same_by_hand_is_in_force(zone: Zone) -> None:
    """With another time to live than ours; before the switch, that it has another one changes nothing either."""
    zone.put(SHOP, "A", "192.0.2.1", ttl=300)
    switch = zone.names()
    changes = switch.plan(Side.STANDBY, {})
    zone.put(SHOP, "A", "198.51.100.7", ttl=900)
    zone.proxy.rules()
    switch.apply(changes)
    assert not [one for one in zone.proxy.seen() if "rrset" in one and one.startswith("POST")]

    zone.put(SHOP, "A", "192.0.2.1", ttl=900)
    (switched,) = switch.apply(changes)

    assert zone.of(SHOP)[0]["ResourceRecords"] == [{"Value": "198.51.100.7"}]
    assert switched.everywhere_seconds == 900


def test_a_yes_without_effect_is_found_out(zone: Zone) -> None:
    """What is read back decides, not what the provider answered."""
    zone.put(SHOP, "A", "192.0.2.1")
    switch = zone.names()
    changes = switch.plan(Side.STANDBY, {})
    when = "<SubmittedAt>2026-01-01T00:00:00Z</SubmittedAt>"
    yes = f"<ChangeInfo><Id>/change/C1</Id><Status>INSYNC</Status>{when}</ChangeInfo>"
    answer = f"<ChangeResourceRecordSetsResponse>{yes}</ChangeResourceRecordSetsResponse>"
    zone.proxy.rules(
        Rule("^POST .*/rrset", status=200, answer=answer),
        Rule("GET .*/change/", status=200, answer=f"<GetChangeResponse>{yes}</GetChangeResponse>"),
    )

    with pytest.raises(InfrastructureError, match="did not become what was wanted") as caught:
        switch.apply(changes)

    assert "read back: A 192.0.2.1" in caught.value.detail


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"zone": None}, r"dns\.zone is not set"),
        ({"standby": ()}, f"does not say where {SHOP} is to lead"),
        ({"standby": (f"api.{ZONE}=192.0.2.1",)}, "which dns.names does not hold"),
        ({"standby": ("terraform:web",)}, "no output 'web'"),
    ],
)
def test_settings_that_cannot_work_are_refused_by_the_plan(zone: Zone, changes: dict[str, Any], words: str) -> None:
    """With the setting that has to be corrected."""
    with pytest.raises(ConfigurationError, match=words):
        zone.names(**changes).plan(Side.STANDBY, {})


def at_cloudflare(server: Cloudflare, name: str, **changes: Any) -> CloudflareNames:
    """One name there."""
    given: dict[str, Any] = {
        "provider": "cloudflare",
        "zone": server.zone,
        "cloudflare_url": server.url,
        "cloudflare_token": server.token,
        "names": (name,),
        "standby": ("198.51.100.7",),
    }
    return CloudflareNames(DnsSettings(**(given | changes)))


def test_a_batch_that_cloudflare_refuses_changes_nothing(cloudflare_server: Cloudflare) -> None:
    """One of two names has become impossible since the plan: neither is switched, and its words are told."""
    mine = secrets.token_hex(4)
    one, other = f"one-{mine}.{ZONE}", f"other-{mine}.{ZONE}"
    cloudflare_server.add(type="A", name=one, content="192.0.2.1", ttl=300)
    switch = at_cloudflare(cloudflare_server, one, names=(one, other), ttl_seconds=100000)
    changes = switch.plan(Side.STANDBY, {})
    before = cloudflare_server.records()

    with pytest.raises(InfrastructureError, match="cannot change the records") as caught:
        switch.apply(changes)

    assert "Invalid TTL" in caught.value.detail
    assert "(9021)" in caught.value.detail
    assert cloudflare_server.records() == before


def test_records_beyond_the_first_page_are_seen(cloudflare_server: Cloudflare) -> None:
    """All 120 addresses of a name go, and one comes; a record that becomes another keeps its id."""
    name = f"many-{secrets.token_hex(4)}.{ZONE}"
    for number in range(120):
        cloudflare_server.add(type="A", name=name, content=f"10.9.{number // 100}.{number % 100}", ttl=300)
    ids = {one["id"] for one in cloudflare_server.ask("GET", f"/dns_records?name={name}&per_page=500")}
    switch = at_cloudflare(cloudflare_server, name)

    switch.apply(switch.plan(Side.STANDBY, {}))

    left = cloudflare_server.ask("GET", f"/dns_records?name={name}&per_page=500")
    assert [one["content"] for one in left] == ["198.51.100.7"]
    assert {one["id"] for one in left} < ids


def test_an_automatic_time_to_live_is_short_in_a_disaster_and_comes_back(cloudflare_server: Cloudflare) -> None:
    """Cloudflare's own time is five minutes."""
    name = f"auto-{secrets.token_hex(4)}.{ZONE}"
    cloudflare_server.add(type="A", name=name, content="192.0.2.1", ttl=1)
    switch = at_cloudflare(cloudflare_server, name)
    (change,) = switch.plan(Side.STANDBY, {})

    (switched,) = switch.apply([change])

    (record,) = cloudflare_server.ask("GET", f"/dns_records?name={name}")
    assert (switched.everywhere_seconds, record["ttl"]) == (300, 60)
    switch.apply([switch.settled(change)])
    (record,) = cloudflare_server.ask("GET", f"/dns_records?name={name}")
    assert (record["ttl"], record["content"]) == (1, "198.51.100.7")


def test_a_proxied_name_stays_proxied_and_is_seen_at_once(cloudflare_server: Cloudflare) -> None:
    """People see Cloudflare's addresses before and after: the servers behind them stay hidden."""
    name = f"proxied-{secrets.token_hex(4)}.{ZONE}"
    cloudflare_server.add(type="A", name=name, content="192.0.2.1", ttl=1, proxied=True, comment="the shop")
    switch = at_cloudflare(cloudflare_server, name)

    (switched,) = switch.apply(switch.plan(Side.STANDBY, {}))

    (record,) = cloudflare_server.ask("GET", f"/dns_records?name={name}")
    assert (record["content"], record["proxied"], record["ttl"]) == ("198.51.100.7", True, 1)
    assert record["comment"] == "the shop"
    assert switched.everywhere_seconds == 0


def test_a_wrong_token_is_told_by_its_setting(cloudflare_server: Cloudflare) -> None:
    """And is not in the message."""
    wrong = Secret("not-the-token-at-all")

    with pytest.raises(InfrastructureError, match="does not accept the token") as caught:
        at_cloudflare(cloudflare_server, SHOP, cloudflare_token=wrong).plan(Side.STANDBY, {})

    assert "Authentication error (10000)" in caught.value.detail
    assert "dns.cloudflare_token" in caught.value.hint
    assert wrong.reveal() not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cloudflare_token": None}, r"dns\.cloudflare_token is not set"),
        ({"cloudflare_url": "http://api.example.org"}, "plain http"),
        ({"standby": ("alias:Z1:lb.example.net",)}, "an alias is Route 53's"),
    ],
)
def test_settings_that_cannot_work_at_cloudflare_are_refused(
    cloudflare_server: Cloudflare, changes: dict[str, Any], words: str
) -> None:
    """Before a token is sent anywhere."""
    with pytest.raises(ConfigurationError, match=words):
        at_cloudflare(cloudflare_server, SHOP, **changes).plan(Side.STANDBY, {})
