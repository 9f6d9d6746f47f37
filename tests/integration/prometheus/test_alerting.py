"""A real Prometheus and Alertmanager over a real product: faults fire, mended they end, and both are told."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from deployments.prometheus.silence import SILENCES
from dr.policy.alert_rules import RULES
from tests.integration.prometheus.fired import FIRED, Act, Fired, of
from tests.integration.prometheus.observatory import has_own_view, subject, told
from tests.integration.prometheus.story import Story, played
from tests.integration.prometheus.test_pushing import gateway
from tools.dashboards.pages import PAGES
from tools.dashboards.panel import Panel

pytestmark = pytest.mark.slow
GRADES = {rule.name: str(rule.grade) for rule in RULES} | {item.name: str(item.grade) for item in SILENCES}
OF_NO_SYSTEM = {"nothing-measured", "measurements-are-old"}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Played once."""
    if not has_own_view():
        pytest.skip("not applicable: this user cannot give the exporter a small disk of its own")
    with played(tmp_path_factory.mktemp("observed")) as made:
        yield made


@pytest.mark.timeout(1800)
@pytest.mark.incident("I2", "I3", "I5", "I7", "I17", "I18", "I26")
@pytest.mark.parametrize("fired", FIRED, ids=lambda fired: fired.rule)
def test_each_rule_fires_by_its_fault_and_is_over_when_that_is_mended(story: Story, fired: Fired) -> None:
    """As Prometheus tells it; the exporter was killed in between, and forgot nothing."""
    alerts = story.fired[fired.act][fired.rule]

    assert {alert["labels"]["severity"] for alert in alerts} == {GRADES[fired.rule]}
    if fired.rule not in OF_NO_SYSTEM:
        assert {alert["labels"]["system"] for alert in alerts} == {"demo"}
        assert all("--system demo" in alert["annotations"]["command"] for alert in alerts)
    assert fired.rule not in story.after[fired.act]


def test_an_alert_names_what_is_wrong_and_nothing_beside_it(story: Story) -> None:
    """The store that is gone, the one that is full, the one with the damaged copy."""
    faults = story.fired[Act.FAULTS]
    stores = {rule: {alert["labels"]["tier"] for alert in faults[rule]} for rule in
              ("store-silent", "storage-critical", "corruption-detected")}  # fmt: skip

    assert stores == {"store-silent": {"attic"}, "storage-critical": {"small"}, "corruption-detected": {"local"}}
    (full,) = faults["storage-critical"]
    assert "store small is nearly full" in full["annotations"]["summary"]
    assert "%" in full["annotations"]["summary"]
    assert [alert["labels"]["procedure"] for alert in faults["schedule-inactive"]] == ["daily-backup"]
    assert [alert["labels"]["procedure"] for alert in faults["runs-late"]] == ["monitoring"]
    assert {alert["labels"]["kind"] for alert in faults["size-too-small"]} == {"dump"}
    assert {alert["labels"]["kind"] for alert in faults["size-too-large"]} == {"base"}


def test_a_key_that_ends_is_said_as_people_say_it(story: Story) -> None:
    """In whole days."""
    (ending,) = story.fired[Act.FAULTS]["key-ending"]

    assert ending["annotations"]["summary"].endswith("ends in 19 days")


def test_critical_alerts_reach_every_critical_channel(story: Story) -> None:
    """PagerDuty, Slack's room for what is critical, the gateway for short messages, mail to engineering."""
    acts = (*of(Act.FAULTS), *of(Act.LATER))
    critical = [rule for rule in acts if GRADES[rule] == "critical" and rule not in OF_NO_SYSTEM]
    for rule in critical:
        for provider, path in (("pagerduty", ""), ("slack", "/slack/critical"), ("webhook", "/hook/sms"), ("mail", "")):
            story.wait_until_told(rule, provider, path)

    paged = [entry["body"] for entry in story.received("pagerduty")]
    assert {body["payload"]["severity"] for body in paged} == {"critical"}
    assert {body["event_action"] for body in paged} == {"trigger", "resolve"}
    mails = [entry for entry in story.received("mail") if "CRITICAL" in subject(entry)]
    assert {address for entry in mails for address in entry["to"]} == {"engineering@example.org"}
    assert all(entry["tls"] for entry in mails)


def test_warnings_reach_the_channels_of_warnings_and_no_other(story: Story) -> None:
    """Slack's other room, mail to who is on call, and Jira; nobody is paged."""
    for provider, path in (("slack", "/slack/warning"), ("webhook", "/hook/jira"), ("mail", "")):
        story.wait_until_told("store-silent", provider, path)
    warnings = [rule for rule, grade in GRADES.items() if grade == "warning"]
    loud = [
        *story.received("pagerduty"),
        *story.received("slack", "/slack/critical"),
        *story.received("webhook", "/hook/sms"),
    ]

    assert [rule for rule in warnings for entry in loud if f"demo {rule}" in told(entry)] == []
    tokens = {entry["headers"]["Authorization"] for entry in story.received("webhook", "/hook/jira")}
    assert tokens == {"Bearer jira-token"}


def test_many_things_wrong_by_one_rule_are_one_message(story: Story) -> None:
    """Dump and base backup are overdue: one page names both."""
    pages = [entry for entry in story.received("pagerduty") if "demo backup-overdue" in told(entry)]
    triggered = [entry for entry in pages if entry["body"]["event_action"] == "trigger"]

    assert any("of dump" in told(entry) and "of base" in told(entry) for entry in triggered)
    assert len({entry["body"]["dedup_key"] for entry in pages}) == 1


def test_a_warning_is_not_told_beside_the_critical_alert_about_the_same(story: Story) -> None:
    """The certificate that ends in five days is both; people are told once."""
    assert "certificate-ending" in story.fired[Act.LATER]
    assert [entry for entry in story.received("slack", "/slack/warning") if "certificate-ending" in told(entry)] == []


def test_the_end_is_told_where_the_beginning_was(story: Story) -> None:
    """Of what was mended."""
    story.wait_until_told("storage-critical", "pagerduty", "", '"event_action": "resolve"')
    story.wait_until_told("OVER demo store-silent", "slack", "/slack/warning")


def test_a_storm_is_a_handful_of_messages(story: Story) -> None:
    """A thousand alerts of two rules at once: two pages, each with the first ten and how many there are."""
    rules = ("backup-overdue", "corruption-detected")
    storm = [
        {
            "labels": {"alertname": rule, "severity": "critical", "system": "storm", "kind": f"kind-{number}"},
            "annotations": {"summary": f"number {number}", "risk": "much", "command": "dr list"},
        }
        for rule in rules
        for number in range(500)
    ]

    httpx.post(f"{story.watch.alertmanager}/api/v2/alerts", json=storm).raise_for_status()

    for rule in rules:
        for provider, path in (("pagerduty", ""), ("slack", "/slack/critical"), ("webhook", "/hook/sms"), ("mail", "")):
            story.wait_until_told(f"storm {rule}" if provider != "webhook" else rule, provider, path, "number 1")
    pages = [told(entry) for entry in story.received("pagerduty") if "CRITICAL storm" in told(entry)]
    assert 2 <= len(pages) <= 4
    assert all(page.count("At risk") == 10 for page in pages)
    assert any("500 in all" in page for page in pages)


def test_the_same_measurements_can_be_pushed(story: Story) -> None:
    """By the command, of the system that is configured; its answer counts what was handed over."""
    with gateway() as made:
        answer = story.shop.dr("metrics", "--push", made.url)
        ((_, path, text),) = made.given

    assert path == "/metrics/job/coreflow360-dr/system/demo"
    assert {"storage_up", "backup_good_age_seconds"} <= {item["name"] for item in answer["samples"]}
    assert 'storage_up{system="demo",tier="attic"} 1.0' in text


QUERIES = [(page.title, panel, query.expression) for page in PAGES for panel in page.panels for query in panel.queries]


@pytest.mark.parametrize(
    ("panel", "expression"),
    [(panel, expression) for _, panel, expression in QUERIES],
    ids=[f"{title}: {panel.title} {number}" for number, (title, panel, _) in enumerate(QUERIES)],
)
def test_every_query_of_every_dashboard_has_an_answer(story: Story, panel: Panel, expression: str) -> None:
    """Of the real system, for it by name; what is rare has to be understood at least."""
    asked = expression.replace("$system", "demo")
    answer = story.watch.query(asked) if panel.rare else story.watch.answer(asked)

    assert panel.rare or any(series["value"][1] != "NaN" for series in answer)


def test_the_choice_of_systems_knows_the_system(story: Story) -> None:
    """As Grafana asks for it."""
    story.watch.answer("storage_up")

    answer = httpx.get(f"{story.watch.prometheus}/api/v1/label/system/values", params={"match[]": "storage_up"}).json()

    assert answer["data"] == ["demo"]
