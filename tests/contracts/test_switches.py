"""What every switch of traffic promises (``dr.traffic.protocol``), held against each over real HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
import pytest

from dr.errors import InfrastructureError
from dr.policy.traffic_side import Side
from dr.traffic.failures import NotAnswering
from dr.traffic.protocol import Change, Switch, Switched
from tests.contracts import traffic_subjects as subjects
from tests.contracts.traffic_subjects import Subject
from tests.endpoints.cloudflare import Cloudflare, cloudflare
from tests.endpoints.faulty import Faulty, Rule, faulty
from tests.endpoints.serving import Endpoint

AMAZON: dict[str, Callable[[Endpoint, Faulty], Subject]] = {
    "route53": subjects.route53,
    "target groups": subjects.target_groups,
    "cloudfront": subjects.cloudfront,
}
CLOUDFLARE: dict[str, Callable[[Cloudflare, Faulty], Subject]] = {
    "cloudflare dns": subjects.cloudflare_dns,
    "cloudflare cache": subjects.cloudflare_cache,
}
LASTING = ["route53", "target groups", "cloudflare dns"]


@pytest.fixture(scope="session")
def amazon_door(moto_endpoint: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    """What stands before moto and breaks."""
    with faulty(tmp_path_factory.mktemp("amazon"), moto_endpoint.url) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def cloudflare_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloudflare]:
    """One zone for all."""
    with cloudflare(tmp_path_factory.mktemp("cloudflare")) as server:
        yield server


@pytest.fixture(scope="session")
def cloudflare_door(cloudflare_server: Cloudflare, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    """What stands before it and breaks."""
    origin = cloudflare_server.url.removesuffix("/client/v4")
    with faulty(tmp_path_factory.mktemp("door"), origin) as proxy:
        yield proxy


@pytest.fixture(params=[*AMAZON, *CLOUDFLARE])
def subject(request: pytest.FixtureRequest) -> Subject:
    """Each switch in turn, with something of its own at the provider."""
    find = request.getfixturevalue
    if request.param in AMAZON:
        made = AMAZON[request.param](find("moto_endpoint"), find("amazon_door"))
    else:
        made = CLOUDFLARE[request.param](find("cloudflare_server"), find("cloudflare_door"))
    made.proxy.rules()
    return made


lasting = pytest.mark.parametrize("subject", LASTING, indirect=True)


def planned(switch: Switch, side: Side = Side.STANDBY) -> tuple[Change, ...]:
    """What leads there, where no output is needed."""
    return switch.plan(side, {})


def test_a_plan_changes_nothing_and_says_what_there_is(subject: Subject) -> None:
    """Each change names what it is of, how it is now and how it is to be, in words."""
    before = subject.truth()
    switch = subject.open()

    changes = planned(switch)

    assert subject.truth() == before
    assert subject.written() == 0
    assert [change.before.value for change in changes] == [seen.now.value for seen in switch.look()]
    assert all(change.needed and change.name in change.described() for change in changes)
    assert all(change.switch == switch.name and change.side == "standby" for change in changes)


def test_what_is_applied_is_in_force_at_the_provider(subject: Subject) -> None:
    """Read back, and timed; looking again shows it."""
    before = subject.truth()
    switch = subject.open()
    changes = planned(switch)

    switched = switch.apply(changes)

    assert subject.truth() != before
    assert subject.written() >= 1
    assert [one.change for one in switched] == list(changes)
    assert all(one.phases and one.phases[0].end - one.phases[0].begin >= 0 and one.detail for one in switched)
    if switch.lasting:
        assert [seen.now.value for seen in switch.look()] == [change.after.value for change in changes]


@lasting
def test_a_second_plan_to_the_same_side_has_nothing_to_do(subject: Subject) -> None:
    """And says so; applying it writes nothing."""
    switch = subject.open()
    switch.apply(planned(switch))
    subject.proxy.rules()

    again = planned(switch)

    assert not any(change.needed for change in again)
    assert all("nothing to do" in change.described() for change in again)
    switch.apply(again)
    assert subject.written() == 0


@lasting
def test_the_same_changes_applied_again_write_nothing(subject: Subject) -> None:
    """A run that died after the deed is repeated without harm, by another process."""
    changes = planned(subject.open())
    subject.open().apply(changes)
    truth = subject.truth()
    subject.proxy.rules()

    switched = subject.open().apply(changes)

    assert subject.truth() == truth
    assert subject.written() == 0
    assert [one.change for one in switched] == list(changes)


@lasting
def test_going_back_leaves_the_provider_exactly_as_it_was(subject: Subject) -> None:
    """From what was kept as JSON, by another process: every value, time to live and comment."""
    before = subject.truth()
    kept = msgspec.json.encode(subject.open().apply(planned(subject.open())))
    assert subject.truth() != before

    switched = msgspec.json.decode(kept, type=tuple[Switched, ...])
    subject.open().apply([one.change.back() for one in switched])

    assert subject.truth() == before


@lasting
def test_what_somebody_changed_since_the_plan_is_left_alone(subject: Subject) -> None:
    """Nothing is written, not even the part that is as it was planned."""
    switch = subject.open()
    changes = planned(switch)
    subject.meddle()
    truth = subject.truth()
    subject.proxy.rules()

    with pytest.raises(InfrastructureError, match="since the plan") as caught:
        switch.apply(changes)

    assert subject.truth() == truth
    assert subject.written() == 0
    assert "it is now" in caught.value.detail
    assert caught.value.hint


def test_a_provider_that_refuses_the_caller_is_quoted_and_nothing_is_changed(subject: Subject) -> None:
    """Exit code 20, the provider's own words, and no secret anywhere."""
    before = subject.truth()
    switch = subject.open()
    changes = planned(switch)
    words = f"who are you, {subject.secret.reveal()}"
    subject.proxy.rules(Rule(subject.writes, status=403, answer=refusal(subject, words)))

    with pytest.raises(InfrastructureError) as caught:
        switch.apply(changes)

    subject.proxy.rules()
    assert subject.truth() == before
    assert caught.value.exit_code == 20
    assert not caught.value.retryable
    assert "denie" in caught.value.message or "denied" in caught.value.message
    if "cloudflare" in type(switch).__name__.lower():
        assert "who are you" in caught.value.detail
        assert subject.secret.reveal() not in str(caught.value)


def test_a_provider_that_is_down_is_an_error_that_may_pass(subject: Subject) -> None:
    """Nothing is changed, and the same changes can be applied when it is back."""
    before = subject.truth()
    switch = subject.open()
    changes = planned(switch)
    subject.proxy.rules(Rule(".", status=503))

    with pytest.raises(NotAnswering) as caught:
        switch.apply(changes)

    subject.proxy.rules()
    assert caught.value.exit_code == 20
    assert caught.value.retryable
    assert caught.value.hint
    assert subject.truth() == before
    switch.apply(changes)
    assert subject.truth() != before


def test_a_provider_that_asks_to_slow_down_is_asked_again(subject: Subject) -> None:
    """Once throttled, then done."""
    before = subject.truth()
    switch = subject.open()
    changes = planned(switch)
    answer = refusal(subject, "Rate exceeded", "Throttling")
    subject.proxy.rules(Rule(subject.writes, status=429, headers={"Retry-After": "0"}, answer=answer, times=1))

    switch.apply(changes)

    assert subject.truth() != before
    assert subject.written() >= 2


def refusal(subject: Subject, words: str, code: str = "AccessDenied") -> str:
    """As the provider says it."""
    if subject.writes.endswith(("dns_records", "purge_cache")):
        return msgspec.json.encode({"success": False, "errors": [{"code": 9109, "message": words}]}).decode()
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error>"
    return f"<ErrorResponse>{error}<RequestId>x</RequestId></ErrorResponse>"
