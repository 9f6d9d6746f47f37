"""The screen is the guide's, whatever else there is to say comes below it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from dr.operations.assess import Assessment, lines
from dr.policy.next_step import Circumstances, next_step
from dr.policy.objectives import DEFAULT_OBJECTIVES
from dr.policy.observation import Condition, Observation, Subject, not_asked
from dr.policy.severity import judge

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
GUIDE = [
    "Database: ONLINE",
    "Redis: ONLINE",
    "Application: RUNNING",
    "Disk: OK (67%)",
    "Backups: 3 recent backups",
    "System Status: HEALTHY",
]
WELL = (
    Observation(Subject.DATABASE, Condition.OK, "ONLINE"),
    Observation(Subject.REDIS, Condition.OK, "ONLINE"),
    Observation(Subject.APPLICATION, Condition.OK, "RUNNING"),
    Observation(Subject.SERVICE, Condition.OK, "RUNNING", name="web"),
    Observation(Subject.DISK, Condition.OK, "OK (67%)", name="/srv", figure=0.67),
    Observation(Subject.DISK, Condition.OK, "OK (20%)", name="/", figure=0.2),
    Observation(Subject.BACKUPS, Condition.OK, "3 recent backups"),
    Observation(Subject.OFF_SITE, Condition.OK, "OK (cloud, 3 h 0 min old)"),
    Observation(Subject.UNFINISHED, Condition.OK, "none"),
)


def shown(*seen: Observation) -> list[str]:
    """The screen of what was seen."""
    judged = judge(seen)
    step = next_step(judged, seen, Circumstances(("--system", "shop"), (), None, NOW), DEFAULT_OBJECTIVES)
    return list(lines(Assessment("shop", NOW, 1.0, seen, judged, step)))


def without(subject: Subject, *instead: Observation) -> tuple[Observation, ...]:
    """Everything is well but for this."""
    return (*(item for item in WELL if item.subject is not subject), *instead)


def test_a_healthy_system_is_the_guide_s_example():
    """Its six lines exactly, then the rest, and nothing to do."""
    assert shown(*WELL) == [*GUIDE, "", "Off-site: OK (cloud, 3 h 0 min old)", "Unfinished: none"]


def test_what_is_not_configured_is_shown_as_such():
    """A line is never missing."""
    assert shown(*without(Subject.REDIS))[1] == "Redis: not configured"


def test_the_severity_bears_the_guide_s_name_and_the_reasons_follow():
    """Then the likely scenario, and the command on a line of its own, to be copied."""
    down = replace(WELL[0], condition=Condition.DOWN, shown="OFFLINE", detail="connection refused")
    screen = shown(*without(Subject.DATABASE, down))

    assert screen[5] == "System Status: HIGH (system down)"
    assert "  HIGH: Database: connection refused (a critical system is offline)" in screen
    assert "Likely scenario: database-corruption" in screen
    assert "  dr recover-db --system shop" in screen
    assert screen[-2].startswith("Estimated RTO: no forecast: nothing measured yet (objective 15 min)")
    assert screen[-1].startswith("Estimated RPO: ")


def test_services_are_shown_when_they_are_not_as_they_should_be():
    """Twenty that run are no news."""
    stopped = Observation(Subject.SERVICE, Condition.DOWN, "STOPPED", name="worker")

    assert not any(line.startswith("Service") for line in shown(*WELL))
    assert "Service worker: STOPPED" in shown(*WELL, stopped)


def test_a_host_that_is_too_busy_to_ask_says_that_the_scenario_is_unknown_and_why():
    """And to look again, for longer; not to recover an application of which nothing is known."""
    screen = shown(*without(Subject.APPLICATION, not_asked(Subject.APPLICATION, 9.0)))

    assert screen[2] == "Application: NOT ASKED"
    assert "Likely scenario: unknown, this host was too busy to ask Application: nothing is known of it" in screen
    assert screen[-1] == "  dr assess --seconds 30 --system shop"
