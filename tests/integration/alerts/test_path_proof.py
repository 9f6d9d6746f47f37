"""The proof that alerts reach people is kept, shown with its age, and missed when it is not made: played once."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dr.configuration.loading import load
from dr.configuration.model import System
from dr.operations.measure.runs import measure_runs
from dr.policy.metric import Sample
from dr.policy.rule_evaluation import evaluate
from tests.endpoints.receivers import Receivers
from tests.integration.cli.command import Dr, Ended
from tests.quick_key import quick_encryption

pytestmark = [pytest.mark.incident("I2"), pytest.mark.slow]


@dataclass(frozen=True, slots=True)
class Story:
    """What was said before any test, by a test that two channels took, and by one that one of them refused."""

    directory: Path
    untested: Ended
    good: Ended
    shown: Ended
    elsewhere: Ended
    bad: Ended
    shown_bad: Ended
    heard: list[str]


@pytest.fixture(scope="module")
def story(running: Receivers, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """A system with two channels, configured by a file."""
    running.forget()
    directory = tmp_path_factory.mktemp("proof")
    key = quick_encryption()
    (directory / "copies").mkdir()
    for name, path in (("webhook", "/hook/x"), ("teams", "/teams/x")):
        (directory / name).write_text(f"{running.url}{path}")
    for file, state in (("dr.toml", "state"), ("elsewhere.toml", "another")):
        (directory / file).write_text(
            f'[system.shop]\nstate_directory = "{directory}/{state}"\n'
            f'[system.shop.stores.local]\npath = "{directory}/copies"\n'
            f"[system.shop.encryption]\nrecipients = {json.dumps(key.recipients)}\n"
            f"gnupg_home = {json.dumps(str(key.gnupg_home))}\n"
            f'[system.shop.notifications]\nwebhook_file = "{directory}/webhook"\n'
            f'[system.shop.teams]\nwebhook_file = "{directory}/teams"\n'
        )
    dr = Dr({**os.environ, "DR_CONFIG": str(directory / "dr.toml")}, directory)
    untested = dr("alert", "list")
    good = dr("alert", "test")
    shown = dr("alert", "list", "--json")
    elsewhere = dr("alert", "list", DR_CONFIG=str(directory / "elsewhere.toml"))
    running.set_mood("teams", "401")
    bad = dr("alert", "test")
    shown_bad = dr("alert", "list")
    heard = [str(entry["body"]) for entry in running.received("webhook")]
    running.forget()
    return Story(directory, untested, good, shown, elsewhere, bad, shown_bad, heard)


def records(story: Story) -> list[dict[str, Any]]:
    """The records of both tests, as they lie in the store."""
    return [json.loads(path.read_bytes()) for path in sorted((story.directory / "copies").rglob("run_*.json"))]


def measured(system: System, at: datetime) -> list[Sample]:
    """What is measured of its runs."""
    return list(measure_runs(system, at))


def fired(system: System, at: datetime) -> set[str]:
    """The rules that fire at once."""
    return {alert.rule for alert in evaluate(measured(system, at), (), at).alerts}


def test_every_test_leaves_a_record_with_what_each_provider_answered(story: Story) -> None:
    """Kept as evidence in the stores, also of a test that failed, with the channel that refused."""
    first, second = records(story)
    answers = [{row["channel"]: row["confirmed"] for artifact in record["artifacts"] for row in artifact["rows"]}
               for record in (first, second)]  # fmt: skip

    assert (first["flow"], first["outcome"]) == ("alert-self-test", "completed")
    assert (second["flow"], second["outcome"]) == ("alert-self-test", "failed")
    assert answers == [{"webhook": "yes", "teams": "yes"}, {"webhook": "yes", "teams": "NO"}]


def test_the_last_proof_is_shown_with_its_age(story: Story) -> None:
    """Which channels confirmed it; that it was never made; and one that another host made."""
    assert "never tested" in story.untested.out
    assert "dr alert test --system shop" in story.untested.out
    assert sorted(story.shown.document["tested"]["confirmed"]) == ["teams", "webhook"]
    assert datetime.now(UTC) - datetime.fromisoformat(story.shown.document["tested"]["at"]) < timedelta(hours=1)
    assert "ago" in story.elsewhere.out
    assert "confirmed by two channels or more, on another host" in story.elsewhere.out
    assert "confirmed by webhook." in story.shown_bad.out


def test_one_channel_alone_is_critical_on_that_channel_and_for_prometheus(story: Story) -> None:
    """The run fails, the channel that is left says why, and the metric breaks the rule of the same name."""
    system = load(file=story.directory / "dr.toml", require_postgres=False).system
    seen = {item.name: item.value for item in measured(system, datetime.now(UTC))}

    assert (story.good.code, story.bad.code) == (0, 25)
    assert [text for text in story.heard if "CRITICAL" in text and "fewer than 2 channels: webhook" in text]
    assert seen["alert_channels_confirmed"] == 1
    assert seen["alert_test_age_seconds"] < 3600
    assert "alert-path" in fired(system, datetime.now(UTC))


def test_a_path_that_is_not_tested_is_missed_on_every_host(story: Story) -> None:
    """After two days, by what any host has tested; one that was never tested is so at once."""
    later = datetime.now(UTC) + timedelta(days=2, minutes=1)
    system = load(file=story.directory / "dr.toml", require_postgres=False).system
    (story.directory / "empty").mkdir(exist_ok=True)
    fresh = replace(
        system,
        stores=(replace(system.stores[0], path=story.directory / "empty"),),
        state_directory=story.directory / "fresh",
    )
    third = replace(system, state_directory=story.directory / "third")

    assert all("alert-test-overdue" in fired(host, later) for host in (system, third, fresh))
    assert "alert-test-overdue" in fired(fresh, datetime.now(UTC))
    assert not any("alert-test-overdue" in fired(host, datetime.now(UTC)) for host in (system, third))
