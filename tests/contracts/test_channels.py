"""Every channel delivers, says by the provider's answer that it did, and fails in a way that can be acted on.

Each is spoken to by its real client library, against a receiver in a process of its own that answers as documented.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from dr.configuration.alerting.jira import JiraSettings
from dr.configuration.alerting.mail import MailSettings
from dr.configuration.alerting.pagerduty import PagerDutySettings
from dr.configuration.alerting.slack import SlackSettings
from dr.configuration.alerting.sms import SmsSettings
from dr.errors import NotDelivered, Undeliverable
from dr.notify import protocol, wording
from dr.notify.jira import Jira
from dr.notify.mail import Mail
from dr.notify.pagerduty import PagerDuty
from dr.notify.protocol import Channel, Notice
from dr.notify.slack import Slack
from dr.notify.sms import Sms
from dr.notify.teams import Teams
from dr.notify.webhook import Webhook
from dr.policy.alert import Alert, Grade, Turn
from dr.secret import Secret
from tests.endpoints.receivers import Receivers, receivers

SECRET = f"do-not-tell-{secrets.token_hex(8)}"
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ALERT = Alert(
    system="shop",
    rule="backup-overdue",
    grade=Grade.CRITICAL,
    summary="no good backup for 25 h <!channel> *größer*",
    subject="dump",
    since=datetime(2026, 1, 1, 2, tzinfo=UTC),
    risk="whatever was committed since 2026-01-01 02:00 UTC",
    command="dr backup --system shop",
    facts=(("last error", "StoreFull"),),
)


@dataclass(frozen=True, slots=True)
class Subject:
    """A channel, and where its receiver keeps what it was sent."""

    channel: Callable[[Receivers], Channel]
    provider: str


def _mail(post: Receivers) -> Mail:
    settings = MailSettings(
        server=post.smtp, ca_file=str(post.ca_file), sender="dr@example.org", critical_to=("team@example.org",)
    )
    return Mail(settings, ("everybody@example.org",))


SUBJECTS = {
    "pagerduty": Subject(
        lambda post: PagerDuty(PagerDutySettings(url=post.https, ca_file=str(post.ca_file)), Secret(SECRET)),
        "pagerduty",
    ),
    "slack-bot": Subject(lambda post: Slack(SlackSettings(bot_token=Secret(SECRET), url=f"{post.url}/api/")), "slack"),
    "slack-webhook": Subject(
        lambda post: Slack(
            SlackSettings(
                critical_webhook=Secret(f"{post.url}/slack/{SECRET}"), warning_webhook=Secret(f"{post.url}/slack/other")
            )
        ),
        "slack",
    ),
    "sms": Subject(
        lambda post: Sms(
            SmsSettings(account_sid="AC" + 32 * "0", sender="+15550100", to=("+15550101",), url=post.url),
            Secret(SECRET),
        ),
        "sms",
    ),
    "mail": Subject(_mail, "mail"),
    "jira": Subject(
        lambda post: Jira(JiraSettings(url=post.url, user="dr@example.org", project="OPS"), Secret(SECRET)), "jira"
    ),
    "teams": Subject(lambda post: Teams(Secret(f"{post.url}/teams/{SECRET}")), "teams"),
    "webhook": Subject(lambda post: Webhook(Secret(f"{post.url}/hook/{SECRET}")), "webhook"),
    "sms-webhook": Subject(lambda post: Webhook(Secret(f"{post.url}/hook/{SECRET}"), "sms", short=True), "webhook"),
}
each = pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receivers]:
    """All providers."""
    with receivers(tmp_path_factory.mktemp("receivers")) as post:
        yield post


@pytest.fixture
def post(running: Receivers) -> Receivers:
    """The same, having received nothing and in the best of moods."""
    running.forget()
    return running


def notice(turn: Turn = Turn.TRIGGER, thread: str = "", **changes: object) -> Notice:
    """The alert, at that turn."""
    return Notice(replace(ALERT, **changes), turn, AT, thread)  # type: ignore[arg-type]


@each
def test_a_critical_alert_arrives_with_all_that_one_needs(subject: Subject, post: Receivers) -> None:
    """What is wrong and the command to run, in every channel; and the receipt names the provider's own identifier."""
    receipt = subject.channel(post).deliver(notice())

    text = str(post.received(subject.provider))
    assert receipt.identifier
    assert "no good backup for 25 h" in text
    assert "dr backup --system shop" in text
    assert receipt.channel in ("pagerduty", "slack", "sms", "mail", "jira", "teams", "webhook")


@each
def test_no_secret_is_in_what_is_sent_as_content_or_raised(subject: Subject, post: Receivers) -> None:
    """Tokens go into headers and addresses only, and never into an error."""
    channel = subject.channel(post)
    channel.deliver(notice())
    bodies = [entry["body"] for entry in post.received(subject.provider)]
    if subject.provider == "pagerduty":  # its key is part of the message, by its own format
        bodies = [{name: value for name, value in body.items() if name != "routing_key"} for body in bodies]

    assert SECRET not in str(bodies)
    assert SECRET not in channel.place
    for mood in ("500", "401", "garbage"):
        post.set_mood(subject.provider, mood)
        assert SECRET not in _complaint(channel)


def _complaint(channel: Channel) -> str:
    try:
        channel.deliver(notice())
    except NotDelivered as error:
        return f"{error!r} {error} {error.__cause__!r}"
    return ""


# Of Teams and of webhooks any answer of success is one, whatever is in it.
TROUBLES = [
    (name, mood)
    for name, subject in SUBJECTS.items()
    for mood in ("429", "500", "reset", "garbage")
    if mood != "garbage" or subject.provider not in ("teams", "webhook")
]


@pytest.mark.parametrize(("name", "mood"), TROUBLES, ids=["-".join(pair) for pair in TROUBLES])
def test_what_may_work_later_is_said_so(name: str, mood: str, post: Receivers) -> None:
    """Throttled, broken, cut off, or a proxy's page instead of an answer: not delivered, and worth trying again."""
    subject = SUBJECTS[name]
    post.set_mood(subject.provider, mood)
    begin = time.monotonic()

    with pytest.raises(NotDelivered) as raised:
        subject.channel(post).deliver(notice())

    assert raised.value.retryable
    assert raised.value.hint
    assert time.monotonic() - begin < 5


@each
def test_a_provider_that_does_not_answer_is_given_up(
    subject: Subject, post: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within its patience; the next channel is waiting."""
    for module in ("pagerduty", "slack", "sms", "mail", "jira", "answers"):
        monkeypatch.setattr(f"dr.notify.{module}.PATIENCE_SECONDS", 1.0)
    post.set_mood(subject.provider, "slow")
    begin = time.monotonic()

    with pytest.raises(NotDelivered):
        subject.channel(post).deliver(notice())

    assert time.monotonic() - begin < protocol.PATIENCE_SECONDS


@each
def test_a_refused_token_is_not_worth_trying_again(subject: Subject, post: Receivers) -> None:
    """401, or 550 from a mail server: somebody has to correct a setting (I2: DMARC rejected GitLab's mail)."""
    post.set_mood(subject.provider, "401")

    with pytest.raises(Undeliverable) as raised:
        subject.channel(post).deliver(notice())

    assert not raised.value.retryable
    assert "dr alert test" in raised.value.hint


@each
def test_an_address_that_does_not_resolve_or_refuses_is_not_delivered(subject: Subject, post: Receivers) -> None:
    """The provider's name is gone, or nobody listens there."""
    nobody = replace(post, url="http://127.0.0.1:9", https="https://127.0.0.1:9", smtp="127.0.0.1:9")
    host = "no-such-host.invalid"
    lost = replace(post, url=f"http://{host}", https=f"https://{host}", smtp=f"{host}:25")

    for there in (nobody, lost):
        with pytest.raises(NotDelivered) as raised:
            subject.channel(there).deliver(notice())
        assert raised.value.retryable


@each
def test_the_end_of_an_alert_belongs_to_its_beginning(subject: Subject, post: Receivers) -> None:
    """Resolved by the receipt's thread where the provider has one; no command and no risk are told any more."""
    channel = subject.channel(post)
    first = channel.deliver(notice())

    channel.deliver(notice(Turn.RESOLVE, first.thread))

    last = post.received(subject.provider)[-1]
    if subject.provider not in ("pagerduty", "jira"):
        assert "RESOLVED shop" in str(last["body"])
        assert "whatever was committed" not in str({k: v for k, v in _as_dict(last).items() if k != "risk"})


def _as_dict(entry: dict[str, object]) -> dict[str, object]:
    body = entry["body"]
    return body if isinstance(body, dict) else {"body": body}


def test_pagerduty_groups_by_the_alerts_key(post: Receivers) -> None:
    """Trigger, acknowledge and resolve carry one deduplication key, and the severity is the alert's."""
    channel = SUBJECTS["pagerduty"].channel(post)
    first = channel.deliver(notice())
    channel.deliver(notice(Turn.ACKNOWLEDGE, first.thread))
    channel.deliver(notice(Turn.RESOLVE, first.thread))

    bodies = [entry["body"] for entry in post.received("pagerduty")]
    assert [body["event_action"] for body in bodies] == ["trigger", "acknowledge", "resolve"]
    assert {body["dedup_key"] for body in bodies} == {"shop/backup-overdue/dump"}
    assert bodies[0]["payload"]["severity"] == "critical"
    assert bodies[0]["payload"]["custom_details"]["run"] == "dr backup --system shop"


def test_slack_uses_a_conversation_per_grade_and_answers_in_the_thread(post: Receivers) -> None:
    """Critical in #critical-alerts, warnings in #alerts; a name with <!channel> in it wakes nobody."""
    channel = SUBJECTS["slack-bot"].channel(post)
    first = channel.deliver(notice())
    channel.deliver(notice(Turn.RESOLVE, first.thread))
    channel.deliver(notice(grade=Grade.WARNING))

    bodies = [entry["body"] for entry in post.received("slack")]
    assert [body["channel"] for body in bodies] == ["#critical-alerts", "C0EXAMPLE", "#alerts"]
    assert bodies[1]["thread_ts"] == "1700000000.000001"
    assert "<!channel>" not in str(bodies[0]["blocks"])
    assert "&lt;!channel&gt;" in str(bodies[0]["blocks"])


def test_a_text_message_is_short_and_ends_with_the_command(post: Receivers) -> None:
    """Two parts at the most, whatever the summary."""
    channel = SUBJECTS["sms"].channel(post)
    channel.deliver(notice(summary="everything " * 100))

    (sent,) = post.received("sms")
    assert len(sent["body"]["Body"]) <= wording.SMS_CHARACTERS
    assert sent["body"]["Body"].endswith("Run: dr backup --system shop")
    assert sent["body"]["To"] == "+15550101"


def test_a_number_that_does_not_exist_does_not_keep_the_others_from_being_told(post: Receivers) -> None:
    """And the receipt says who was not reached."""
    settings = SmsSettings(account_sid="AC1", sender="+15550100", to=("+15550000", "+15550101"), url=post.url)

    receipt = Sms(settings, Secret(SECRET)).deliver(notice())

    assert receipt.identifier.startswith("SM")
    assert receipt.identifier.endswith("not +15550000")


def test_mail_is_encrypted_threaded_and_marked_as_automatic(post: Receivers) -> None:
    """By STARTTLS with a certificate that is checked; a subject is one line whatever is in a name."""
    channel = SUBJECTS["mail"].channel(post)
    first = channel.deliver(notice(summary="two\nlines"))
    channel.deliver(notice(Turn.RESOLVE, first.thread, summary="two\nlines"))
    channel.deliver(notice(grade=Grade.WARNING))

    one, two, three = post.received("mail")
    assert (one["tls"], one["to"], three["to"]) == (True, ["team@example.org"], ["everybody@example.org"])
    assert one["headers"]["Subject"] == "CRITICAL shop: two lines"
    assert one["headers"]["Importance"] == "high"
    assert one["headers"]["Auto-Submitted"] == "auto-generated"
    assert two["headers"]["In-Reply-To"] == one["headers"]["Message-ID"] == first.thread


def test_a_mails_thread_is_one_line_however_long_its_domain_is(post: Receivers) -> None:
    """Folded or encoded, it would not be taken for the same."""
    domain = ".".join(["a-department-with-a-long-name"] * 4) + ".example.org"
    settings = MailSettings(
        server=post.smtp, ca_file=str(post.ca_file), sender=f"dr@{domain}", critical_to=("a@b.org",)
    )
    first = Mail(settings).deliver(notice())

    Mail(settings).deliver(notice(Turn.RESOLVE, first.thread))

    sent = post.received("mail")[-1]["raw"]
    assert f"\r\nIn-Reply-To: {first.thread}\r\n" in sent
    assert f"\r\nReferences: {first.thread}\r\n" in sent


def test_mail_to_a_server_with_a_strangers_certificate_is_not_sent(post: Receivers) -> None:
    """Not even once, and not in clear."""
    settings = MailSettings(server=post.smtp, sender="dr@example.org", critical_to=("team@example.org",))

    with pytest.raises(NotDelivered, match="CERTIFICATE"):
        Mail(settings).deliver(notice())

    assert post.received("mail") == []


@pytest.mark.parametrize("deployment", ["Server", "Cloud"])
def test_jira_creates_one_issue_comments_it_and_closes_it(post: Receivers, deployment: str) -> None:
    """Also when the receipt was lost: the open issue is found by its label. Afterwards a new one is made."""
    post.set_mood("jira", deployment)
    channel = SUBJECTS["jira"].channel(post)
    first = channel.deliver(notice())
    again = channel.deliver(notice())
    channel.deliver(notice(Turn.RESOLVE, first.thread))
    anew = channel.deliver(notice())

    created = [e for e in post.received("jira") if e["method"] == "POST" and e["path"].endswith("/issue")]
    assert (first.thread, again.thread, anew.thread) == ("OPS-1", "OPS-1", "OPS-2")
    assert len(created) == 2
    assert created[0]["body"]["fields"]["project"] == {"key": "OPS"}
    assert re.fullmatch(r"dr-[0-9a-f]{16}", created[0]["body"]["fields"]["labels"][1])
    assert any(e["path"].endswith("/OPS-1/transitions") and e["method"] == "POST" for e in post.received("jira"))


def test_teams_gets_an_adaptive_card(post: Receivers) -> None:
    """With the names in it as they are, not as Markdown."""
    SUBJECTS["teams"].channel(post).deliver(notice())

    (sent,) = post.received("teams")
    card = sent["body"]["attachments"][0]["content"]
    assert card["type"] == "AdaptiveCard"
    assert "\\*größer\\*" in card["body"][0]["text"]
