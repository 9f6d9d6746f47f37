"""Nobody answers a critical alert: Slack, a text message, further people, the bridge; and the page users read."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from dr.configuration.alerting import AlertingSettings
from dr.configuration.model import System
from dr.configuration.procedures import ProcedureSettings
from dr.configuration.procedures.incident import IncidentSettings
from dr.configuration.procedures.status_page import StatusPageSettings
from dr.errors import NotDelivered, Undeliverable
from dr.notify.contacts import escalation_steps
from dr.notify.protocol import Notice
from dr.notify.public import StatusPage
from dr.notify.registry import channels
from dr.operations.alert import tell as telling
from dr.operations.alert.self_test import prove_alert_path
from dr.operations.alert.tell import acknowledge, raise_alert, tell
from dr.policy.alert import Turn
from dr.secret import Secret
from tests.endpoints.statuspage import Statuspage, statuspage
from tests.integration.alerts.office import CRITICAL, WARNING, Office

CONTACTS = (
    "On call | First Person | | +1 555 0101 | first@example.org",  # who gets the text messages anyway
    "Database Admin | Second Person | | +1 555 0102 | second@example.org",
    "Security Lead | Third Person | | | third@example.org",
    "Auditor | Nobody Reachable",
)
BRIDGE = "+1-555-0199 code 7"


@pytest.fixture
def called(office: Office) -> Office:
    """The same with a call list and a bridge."""
    incident = IncidentSettings(contacts=CONTACTS, bridge=BRIDGE)
    alerting = replace(office.system.alerting, sms=replace(office.system.alerting.sms, to=("+15550101",)))
    system = replace(office.system, alerting=alerting, procedures=ProcedureSettings(incident=incident))
    return replace(office, system=system)


def let_pass(monkeypatch: pytest.MonkeyPatch, span: timedelta) -> None:
    """Somebody looks at the clock that much later."""

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + span

    monkeypatch.setattr(telling, "datetime", Later)


def heard_more(office: Office, before: dict[str, int]) -> dict[str, int]:
    """How many messages each provider got since."""
    return {name: count - before[name] for name, count in office.counts().items() if count > before[name]}


def test_each_step_reaches_the_next_people_in_the_list(called: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten minutes apart; who is on call and was texted is passed over, and so is who has neither phone nor mail."""
    tell(called.system, [CRITICAL])
    steps = []
    for minutes in (11, 21, 31, 41, 51, 61):
        before = called.counts()
        let_pass(monkeypatch, timedelta(minutes=minutes))
        tell(called.system, [CRITICAL])
        steps.append(heard_more(called, before))

    to = [entry["body"]["To"] for entry in called.heard("sms")]
    mailed = [entry["to"] for entry in called.heard("mail")]
    assert steps == [
        {"slack": 1},
        {"sms": 1},
        {"sms": 1, "mail": 1},  # the database admin
        {"mail": 1},  # the security lead
        {"sms": 2, "mail": 3},  # everybody, with the bridge
        {},
    ]
    assert [number.replace(" ", "") for number in to] == [
        "+15550101",
        "+15550101",
        "+15550102",
        "+15550101",
        "+15550102",
    ]
    assert mailed[1:3] == [["second@example.org"], ["third@example.org"]]
    assert f"JOIN {BRIDGE}" in called.heard("sms")[-1]["body"]["Body"]
    assert f"JOIN {BRIDGE}" in called.heard("mail")[-1]["headers"]["Subject"]


def test_who_acknowledges_is_told_of_to_all_who_were_called_and_nobody_else_is(
    called: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database admin was texted, and hears that it is taken care of; the bridge is never opened."""
    tell(called.system, [CRITICAL])
    for minutes in (11, 21, 31):
        let_pass(monkeypatch, timedelta(minutes=minutes))
        tell(called.system, [CRITICAL])

    acknowledge(called.system, CRITICAL.key, "Second Person")
    before = called.counts()
    let_pass(monkeypatch, timedelta(hours=9))
    tell(called.system, [CRITICAL])

    assert heard_more(called, before) == {}
    last = called.heard("sms")[-1]["body"]
    assert last["Body"].startswith("ACKNOWLEDGED")
    assert "+1 555 0102" in {entry["body"]["To"] for entry in called.heard("sms")}
    assert not any("JOIN" in str(entry["body"]) for entry in called.heard("sms"))


def test_warnings_are_not_escalated_and_tests_text_nobody_of_the_list(
    called: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call list is for what is critical and real."""
    tell(called.system, [WARNING])
    let_pass(monkeypatch, timedelta(hours=2))
    tell(called.system, [WARNING])
    prove_alert_path(called.system)

    assert {entry["body"]["To"] for entry in called.heard("sms")} == {"+15550101"}
    assert not any("second@example.org" in entry["to"] for entry in called.heard("mail"))


def test_a_step_that_fails_is_kept_and_the_next_is_not_held_up(called: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text message to the next contact is refused for now: his mail is taken, so that he is told."""
    tell(called.system, [CRITICAL])
    called.post.set_mood("sms", "500")
    for minutes in (11, 21):
        let_pass(monkeypatch, timedelta(minutes=minutes))
        tell(called.system, [CRITICAL])
    let_pass(monkeypatch, timedelta(minutes=31))

    told = tell(called.system, [CRITICAL])

    step = next(item for item in told.attempts if item.delivery.channel == "contact Database Admin")
    assert step.taken
    assert ["second@example.org"] in [entry["to"] for entry in called.heard("mail")]


def test_contacts_that_cannot_be_reached_by_anything_are_no_step(office: Office) -> None:
    """Without a bridge, or without anybody to call, the escalation ends before them."""
    alone = replace(office.system, procedures=ProcedureSettings(incident=IncidentSettings(contacts=CONTACTS[3:])))

    assert list(escalation_steps(alone, channels(alone))) == ["slack", "sms"]
    bare = replace(alone, alerting=AlertingSettings())
    assert escalation_steps(bare, channels(bare)) == {}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A status page."""
    with statuspage(tmp_path_factory.mktemp("page")) as made:
        yield made


def public(office: Office, page: Statuspage, /, **changes: Any) -> System:
    """The system with a page that tells of one rule."""
    given: dict[str, Any] = {"url": page.url, "page": page.page, "token": page.token} | changes
    lines = ("backup-overdue | Backups are late | Your data is safe. We are looking into it.",)
    settings = StatusPageSettings(announce=lines, **given)
    return replace(office.system, procedures=ProcedureSettings(status_page=settings))


def test_users_read_the_operators_words_and_nothing_of_the_alert(office: Office, page: Statuspage) -> None:
    """Opened and resolved with the alert; neither summary, command, system nor key is on the page."""
    system = public(office, page)
    tell(system, [CRITICAL])
    opened = page.incidents()[0]["status"]
    tell(system, [])

    incident = page.incidents()[0]
    assert (opened, incident["status"]) == ("investigating", "resolved")
    assert incident["name"] == "Backups are late"
    assert [item["body"] for item in incident["incident_updates"]] == [
        "This is over.",
        "Your data is safe. We are looking into it.",
    ]
    for internal in ("no good backup", "dr backup", "shop", "backup-overdue", "dump"):
        assert internal not in str(incident)


def test_what_the_operator_does_not_announce_is_not_on_the_page(office: Office, page: Statuspage) -> None:
    """Other rules, what a storm speaks for, tests, and alerts that reached nobody else."""
    system = public(office, page)
    before = len(page.incidents())
    for name in ("pagerduty", "slack", "sms", "mail", "jira"):
        office.post.set_mood(name, "500")
    raise_alert(system, replace(CRITICAL, rule="wal-stalled"))
    office.post.forget()
    tell(system, [replace(CRITICAL, subject=f"number {number}") for number in range(40)])
    prove_alert_path(system)

    assert len(page.incidents()) == before


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"token": Secret("another-key")}, Undeliverable),
        ({"page": "another-page"}, Undeliverable),
        ({"url": "http://127.0.0.1:9/v1"}, NotDelivered),
        ({"url": "https://no-such-host.invalid/v1"}, NotDelivered),
        ({"url": "no address"}, Undeliverable),
    ],
)
def test_a_page_that_does_not_take_it_is_a_channel_that_failed(
    office: Office, page: Statuspage, changes: dict[str, Any], kind: type[NotDelivered]
) -> None:
    """By the channels' protocol: an error that says whether it is worth another attempt, and no secret."""
    channel = StatusPage(public(office, page, **changes))

    with pytest.raises(NotDelivered) as raised:
        channel.deliver(Notice(CRITICAL, Turn.TRIGGER, datetime.now().astimezone()))

    assert isinstance(raised.value, kind)
    assert raised.value.retryable is (kind is NotDelivered)
    assert page.token.reveal() not in f"{raised.value!r} {raised.value}"
    assert raised.value.hint


FAILING = [("pagerduty", "429"), ("slack", "garbage"), ("sms", "500"), ("slack", "slow"), ("mail", "reset")]


@pytest.mark.parametrize(("name", "mood"), FAILING)
def test_whichever_channel_fails_the_others_are_told_once(
    office: Office, monkeypatch: pytest.MonkeyPatch, name: str, mood: str
) -> None:
    """Throttled, nonsense, broken, hanging, cut off: the rest get exactly one message each."""
    monkeypatch.setattr(f"dr.notify.{name}.PATIENCE_SECONDS", 1.0)
    office.post.set_mood(name, mood)

    told = tell(office.system, [CRITICAL])

    others = {other: count for other, count in office.counts().items() if other != name}
    expected = {other: int(other in ("pagerduty", "slack", "sms", "mail")) for other in others}
    assert others == expected
    assert [item.delivery.channel for item in told.undelivered] == [name]
    assert [item.delivery.channel for item in told.book.waiting] == [name]


def test_a_provider_whose_name_is_gone_from_dns_is_one_that_failed(office: Office) -> None:
    """Slack's and Twilio's names do not resolve; PagerDuty and mail are told."""
    alerting = office.system.alerting
    gone = "https://no-such-host.invalid"
    lost = replace(alerting, slack=replace(alerting.slack, url=gone), sms=replace(alerting.sms, url=gone))

    told = tell(replace(office.system, alerting=lost), [CRITICAL])

    assert {item.delivery.channel for item in told.undelivered} == {"slack", "sms"}
    assert (office.counts()["pagerduty"], office.counts()["mail"]) == (1, 1)
