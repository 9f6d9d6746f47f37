"""What is wrong reaches people by real client libraries, whatever happens to a channel or to us in the midst."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dr.errors import ConfigurationError
from dr.operations.alert import tell as telling
from dr.operations.alert.book import book_file, read_book, write_book
from dr.operations.alert.self_test import prove_alert_path
from dr.operations.alert.tell import acknowledge, raise_alert, settle, tell
from tests.integration.alerts.office import CRITICAL, SECRET, WARNING, Office


def test_a_critical_alert_and_a_warning_reach_the_channels_of_the_guide_once(office: Office) -> None:
    """PagerDuty, Slack, SMS and mail; Slack, mail and Jira; and not again five minutes later."""
    tell(office.system, [CRITICAL, WARNING])
    first = office.counts()
    told = tell(office.system, [CRITICAL, WARNING])

    assert first == {"pagerduty": 1, "slack": 2, "sms": 1, "mail": 2, "jira": 1, "webhook": 0}
    assert office.counts() == first
    assert told.attempts == ()
    assert {e["body"]["channel"] for e in office.heard("slack")} == {"#critical-alerts", "#alerts"}


def test_what_is_over_is_told_in_the_same_places(office: Office) -> None:
    """PagerDuty's incident is resolved, Slack answered in its thread, Jira's issue closed."""
    tell(office.system, [CRITICAL, WARNING])

    told = tell(office.system, [])

    assert told.book.open == ()
    assert office.heard("pagerduty")[-1]["body"]["event_action"] == "resolve"
    assert office.heard("slack")[-1]["body"]["thread_ts"]
    assert any("/transitions" in e["path"] for e in office.post.received("jira"))


@pytest.mark.incident("I2")
@pytest.mark.parametrize("mood", ["500", "401", "reset", "garbage"])
def test_a_channel_that_fails_holds_up_no_other_and_is_an_alert_itself(office: Office, mood: str) -> None:
    """Mail is rejected, as GitLab's was: PagerDuty and Slack still fire, and next time they tell of the mail."""
    office.post.set_mood("mail", mood)
    tell(office.system, [CRITICAL])

    assert office.counts()["pagerduty"] == office.counts()["slack"] == 1
    told = tell(office.system, [CRITICAL])
    assert [item.alert.key for item in told.book.open] == ["shop/backup-overdue/dump", "shop/channel-failing/mail"]
    assert "alerts do not get through mail" in str(office.heard("slack")[-1]["body"])


def test_what_could_not_be_said_is_kept_and_said_later(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """With growing pauses, by a later round in another process; then the channel's own alert is over."""
    office.post.set_mood("sms", "500")
    told = tell(office.system, [CRITICAL])
    (kept,) = told.book.waiting
    office.post.set_mood("sms", "well")
    too_early = tell(office.system, [CRITICAL])
    _let_pass(monkeypatch, timedelta(minutes=2))

    later = tell(office.system, [CRITICAL])

    assert (kept.delivery.channel, kept.attempts) == ("sms", 1)
    assert [item.delivery.channel for item in too_early.book.waiting] == ["sms"]
    assert later.book.waiting == ()
    assert len(office.heard("sms")) == 2
    assert tell(office.system, [CRITICAL]).book.failing == ()


def test_who_raises_something_else_meanwhile_neither_ends_nor_begins_it(office: Office) -> None:
    """Monitoring finds and ends one alert while a run raises and settles another: a run tells its own alone."""
    tell(office.system, [])
    said: list[str] = []

    def another() -> None:
        for _ in range(6):
            for told in (raise_alert(office.system, WARNING), settle(office.system, WARNING.key)):
                said.extend(item.delivery.alert.key for item in told.attempts)

    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(another)
        while not run.done():
            tell(office.system, [CRITICAL])
            tell(office.system, [])
        run.result()

    assert set(said) == {WARNING.key}


def _let_pass(monkeypatch: pytest.MonkeyPatch, span: timedelta) -> None:
    """Somebody looks at the clock that much later."""

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + span

    monkeypatch.setattr(telling, "datetime", Later)


def test_when_its_own_channels_reach_nobody_a_critical_alert_takes_any_other(office: Office) -> None:
    """Four channels are down: Jira is not meant for it, and better than silence."""
    for name in ("pagerduty", "slack", "sms", "mail"):
        office.post.set_mood(name, "500")

    tell(office.system, [CRITICAL])

    assert office.counts()["jira"] == 1


def test_a_beginning_that_was_never_said_has_no_end(office: Office) -> None:
    """The alert is over before any channel works: nobody hears of it, and nothing waits for ever."""
    for name in ("pagerduty", "slack", "sms", "mail", "jira"):
        office.post.set_mood(name, "500")
    tell(office.system, [CRITICAL])
    office.post.forget()

    told = tell(office.system, [])

    assert [item for item in told.book.waiting if item.delivery.alert.key == CRITICAL.key] == []
    assert "RESOLVED" not in str(office.post.received("slack"))


def test_a_storm_of_a_thousand_is_a_handful_of_messages(office: Office) -> None:
    """And its end one more on each channel."""
    storm = [replace(CRITICAL, subject=f"number {number}") for number in range(1000)]

    tell(office.system, storm)
    begun = office.counts()
    tell(office.system, [])

    assert sum(begun.values()) == 4
    assert sum(office.counts().values()) == 8
    assert "and 999 more" in office.heard("mail")[0]["body"]


def test_who_dies_in_the_midst_says_it_after_all(office: Office) -> None:
    """kill -9 while a channel hangs: the next round says what was not said, and nothing is forgotten."""
    office.post.set_mood("slack", "slow")
    program = (
        "import pickle, sys; from dr.operations.alert.tell import tell;"
        "system, alerts = pickle.load(open(sys.argv[1], 'rb')); print('telling', flush=True); tell(system, alerts)"
    )
    given = office.system.state_directory.parent / "given.pickle"
    import pickle

    given.write_bytes(pickle.dumps((office.system, [CRITICAL])))
    child = subprocess.Popen((sys.executable, "-c", program, str(given)), stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"telling\n"
    _wait_for(office, "pagerduty")
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    office.post.set_mood("slack", "well")

    told = tell(office.system, [CRITICAL])

    assert {item.delivery.channel for item in told.attempts if item.taken} >= {"slack"}
    assert told.book.waiting == ()


def _wait_for(office: Office, provider: str) -> None:
    import time

    end = time.monotonic() + 30
    while not office.heard(provider):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_somebody_takes_care_and_every_channel_hears_of_it(office: Office) -> None:
    """PagerDuty's incident is acknowledged with it."""
    tell(office.system, [CRITICAL])

    told = acknowledge(office.system, CRITICAL.key, "on call")

    assert told.book.open[0].acknowledged_by == "on call"
    assert office.heard("pagerduty")[-1]["body"]["event_action"] == "acknowledge"
    with pytest.raises(ConfigurationError, match="no open alert"):
        acknowledge(office.system, "shop/nothing", "on call")


def test_what_a_procedure_raises_stays_open_until_it_is_settled(office: Office) -> None:
    """Rounds of the rules in between neither end it nor tell it again."""
    raise_alert(office.system, CRITICAL)
    between = tell(office.system, [])
    over = settle(office.system, CRITICAL.key)

    assert [item.alert.key for item in between.book.open] == [CRITICAL.key]
    assert over.book.open == ()
    assert [e["body"]["event_action"] for e in office.heard("pagerduty")] == ["trigger", "resolve"]


@pytest.mark.incident("I2")
def test_the_path_test_counts_the_providers_answers(office: Office) -> None:
    """All five confirm; each test is begun and ended, so that nobody stays paged."""
    test = prove_alert_path(office.system)

    assert test.confirmed == ("pagerduty", "slack", "sms", "mail", "jira")
    assert [e["body"]["event_action"] for e in office.heard("pagerduty")] == ["trigger", "resolve"]
    assert read_book(office.system).confirmed == test.confirmed


@pytest.mark.incident("I2")
def test_fewer_than_two_confirmed_is_critical_on_what_is_left(office: Office) -> None:
    """And settled by the next test that finds two."""
    for name in ("pagerduty", "slack", "mail", "jira"):
        office.post.set_mood(name, "401")

    test = prove_alert_path(office.system)

    assert not test.enough
    assert "fewer than 2 channels: sms" in office.heard("sms")[-1]["body"]["Body"]
    office.post.forget()
    assert prove_alert_path(office.system).enough
    assert not [item for item in read_book(office.system).open if item.alert.rule == "alert-path"]


def test_no_secret_lies_in_the_book(office: Office) -> None:
    """Also not when channels refuse."""
    office.post.set_mood("slack", "401")
    tell(office.system, [CRITICAL])

    assert SECRET not in book_file(office.system).read_text()


def test_a_damaged_book_is_put_aside_and_everything_is_told_anew(office: Office) -> None:
    """Twice is better than never."""
    tell(office.system, [CRITICAL])
    book_file(office.system).write_text("{")

    tell(office.system, [CRITICAL])

    assert office.counts()["pagerduty"] == 2
    assert book_file(office.system).with_suffix(".damaged").exists()


def test_the_book_is_whole_when_the_disk_is_full(office: Office, tmp_path: Path) -> None:
    """A book that cannot be written leaves the one before."""
    file = book_file(office.system)
    tell(office.system, [CRITICAL])
    before = file.read_bytes()
    if os.geteuid() == 0:
        subprocess.run(("mount", "--bind", "-o", "ro", str(file.parent), str(file.parent)), check=False)
        subprocess.run(("mount", "-o", "remount,bind,ro", str(file.parent)), check=True)
    else:
        file.parent.chmod(0o500)
    try:
        with pytest.raises(OSError):  # noqa: PT011 - read-only or denied, by who runs it
            write_book(file, read_book(office.system))
    finally:
        if os.geteuid() == 0:
            subprocess.run(("umount", str(file.parent)), check=True)
        else:
            file.parent.chmod(0o700)

    assert file.read_bytes() == before
    assert datetime.now(UTC).year >= 2026
