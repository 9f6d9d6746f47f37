"""The guide's four levels follow from what was seen, each with the observation it rests on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.policy.objectives import Scenario
from dr.policy.observation import Condition, Observation, Sign, Subject, not_asked, silent
from dr.policy.severity import Harm, Severity, harm_of, judge

WORSE = (Condition.OK, Condition.IMPAIRED, Condition.SILENT, Condition.DOWN)


def saw(subject: Subject, condition: Condition, name: str = "", sign: Sign | None = None) -> Observation:
    """Something, as it might have been seen."""
    return Observation(subject, condition, str(condition).upper(), f"it is {condition}", name, sign)


def well(*changed: Observation) -> tuple[Observation, ...]:
    """A system with everything, all of it well but for what is given."""
    there = {(item.subject, item.name) for item in changed}
    return (*(saw(one, Condition.OK) for one in Subject if (one, "") not in there), *changed)


GONE = saw(Subject.APPLICATION, Condition.DOWN)
AWAY = saw(Subject.DATABASE, Condition.DOWN)
UNASKED = tuple(not_asked(one, 9) for one in Subject)
TABLE = [
    ("all is well", well(), Severity.HEALTHY, None),
    ("redis is down", well(saw(Subject.REDIS, Condition.DOWN)), Severity.LOW, Scenario.APPLICATION_FAILURE),
    (
        "redis is down and a service too",
        well(saw(Subject.REDIS, Condition.DOWN), saw(Subject.SERVICE, Condition.DOWN, "worker")),
        Severity.MEDIUM,
        Scenario.APPLICATION_FAILURE,
    ),
    (
        "an application that suffers from its own service is one service",
        well(saw(Subject.APPLICATION, Condition.IMPAIRED), saw(Subject.SERVICE, Condition.DOWN, "web")),
        Severity.LOW,
        Scenario.APPLICATION_FAILURE,
    ),
    ("the application is away", well(GONE), Severity.HIGH, Scenario.APPLICATION_FAILURE),
    ("the database is away", well(saw(Subject.DATABASE, Condition.DOWN)), Severity.HIGH, Scenario.DATABASE_CORRUPTION),
    ("the database hangs", well(silent(Subject.DATABASE, 4)), Severity.HIGH, Scenario.DATABASE_CORRUPTION),
    (
        "the database takes the application along",
        well(saw(Subject.DATABASE, Condition.DOWN), saw(Subject.APPLICATION, Condition.IMPAIRED)),
        Severity.HIGH,
        Scenario.DATABASE_CORRUPTION,
    ),
    (
        "damage while it runs",
        well(saw(Subject.DATABASE, Condition.IMPAIRED, sign=Sign.CORRUPT)),
        Severity.HIGH,
        Scenario.DATABASE_CORRUPTION,
    ),
    (
        "damaged, and no backup",
        well(saw(Subject.DATABASE, Condition.IMPAIRED, sign=Sign.CORRUPT), saw(Subject.BACKUPS, Condition.DOWN)),
        Severity.CRITICAL,
        Scenario.DATABASE_CORRUPTION,
    ),
    (
        "the database is starting",
        well(saw(Subject.DATABASE, Condition.DOWN, sign=Sign.STARTING)),
        Severity.HIGH,
        None,
    ),
    (
        "the database is away and the disk hangs",
        well(saw(Subject.DATABASE, Condition.DOWN), silent(Subject.DISK, 4, "/srv")),
        Severity.CRITICAL,
        Scenario.DATABASE_CORRUPTION,
    ),
    (
        "the database was dropped",
        well(saw(Subject.DATABASE, Condition.DOWN, sign=Sign.MISSING), saw(Subject.APPLICATION, Condition.IMPAIRED)),
        Severity.HIGH,
        Scenario.DATABASE_CORRUPTION,
    ),
    (
        "the database was dropped, and what needs it has ended: the host and its server are there",
        well(
            saw(Subject.DATABASE, Condition.DOWN, sign=Sign.MISSING),
            *(saw(one, Condition.DOWN) for one in (Subject.REDIS, Subject.APPLICATION)),
        ),
        Severity.CRITICAL,
        Scenario.DATABASE_CORRUPTION,
    ),
    (
        "the database takes no writes",
        well(saw(Subject.DATABASE, Condition.IMPAIRED, sign=Sign.READ_ONLY)),
        Severity.HIGH,
        None,
    ),
    (
        "the database takes no writes, and the application suffers",
        well(saw(Subject.DATABASE, Condition.IMPAIRED, sign=Sign.READ_ONLY), saw(Subject.APPLICATION, Condition.DOWN)),
        Severity.HIGH,
        None,
    ),
    (
        "everything is away, and a second region answers",
        well(*(saw(one, Condition.DOWN) for one in (Subject.DATABASE, Subject.REDIS, Subject.APPLICATION))),
        Severity.CRITICAL,
        Scenario.DATA_CENTER_OUTAGE,
    ),
    (
        "everything is away, the second region as well",
        well(
            *(saw(one, Condition.DOWN) for one in (Subject.DATABASE, Subject.REDIS, Subject.APPLICATION)),
            silent(Subject.STANDBY, 6),
        ),
        Severity.CRITICAL,
        Scenario.FULL_SYSTEM_FAILURE,
    ),
    ("backups are stale", well(saw(Subject.BACKUPS, Condition.IMPAIRED)), Severity.MEDIUM, None),
    ("no backup can be reached", well(silent(Subject.BACKUPS, 8)), Severity.HIGH, None),
    ("one store is away", well(saw(Subject.STORE, Condition.DOWN, "cloud")), Severity.MEDIUM, None),
    ("the WAL is behind", well(saw(Subject.WAL, Condition.IMPAIRED)), Severity.MEDIUM, None),
    ("the WAL is broken", well(saw(Subject.WAL, Condition.DOWN)), Severity.HIGH, None),
    ("the key opens nothing", well(saw(Subject.KEY, Condition.DOWN)), Severity.HIGH, None),
    ("gpg hangs", well(silent(Subject.KEY, 8)), Severity.MEDIUM, None),
    ("the disk is nearly full", well(saw(Subject.DISK, Condition.IMPAIRED, "/")), Severity.LOW, None),
    ("the disk is full", well(saw(Subject.DISK, Condition.DOWN, "/")), Severity.HIGH, None),
    ("a certificate will expire", well(saw(Subject.CERTIFICATES, Condition.IMPAIRED)), Severity.LOW, None),
    ("a certificate has expired", well(saw(Subject.CERTIFICATES, Condition.DOWN)), Severity.MEDIUM, None),
    ("nobody drilled", well(saw(Subject.DRILLS, Condition.IMPAIRED)), Severity.LOW, None),
    ("nothing runs by itself", well(saw(Subject.SCHEDULES, Condition.DOWN)), Severity.MEDIUM, None),
    ("a recovery was cut off", well(saw(Subject.UNFINISHED, Condition.IMPAIRED, "full-recovery")), Severity.LOW, None),
    ("all copies are here", well(saw(Subject.OFF_SITE, Condition.ABSENT)), Severity.LOW, None),
    ("redis is not configured", well(saw(Subject.REDIS, Condition.ABSENT)), Severity.HEALTHY, None),
    ("a database is all there is, and it is away", (AWAY,), Severity.HIGH, Scenario.DATABASE_CORRUPTION),
    ("nothing is known", (), Severity.HEALTHY, None),
    ("this host was too busy to ask any of it", UNASKED, Severity.MEDIUM, None),
    ("this host was too busy to ask the stores", well(not_asked(Subject.BACKUPS, 9)), Severity.LOW, None),
    (
        "the application is down, and nobody got to asking the database",
        well(not_asked(Subject.DATABASE, 9), GONE),
        Severity.HIGH,
        Scenario.APPLICATION_FAILURE,
    ),
    (
        "the database is away, and nobody got to asking the rest",
        (AWAY, *(not_asked(one, 9) for one in (Subject.REDIS, Subject.APPLICATION))),
        Severity.HIGH,
        Scenario.DATABASE_CORRUPTION,
    ),
]


@pytest.mark.parametrize(("seen", "severity", "scenario"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_guide_s_levels(seen, severity, scenario):
    """What each situation is called, and which disaster it looks like."""
    judged = judge(seen)

    assert judged.severity is severity, judged.reasons
    assert judged.scenario is scenario, judged.because
    assert (judged.reasons == ()) == (severity is Severity.HEALTHY)


def test_what_nobody_asked_is_no_disaster_and_the_reason_is_told():
    """An overloaded host knows nothing: no likely scenario is made of that, and nothing is said to be affected."""
    unknown = judge(UNASKED)
    one = judge(well(not_asked(Subject.APPLICATION, 9)))
    healthy = judge(well())

    assert (unknown.known, one.known, healthy.known) == (False, False, True)
    assert unknown.because.startswith("this host was too busy to ask Database and Redis and Application")
    assert "too busy to ask Application" in one.because
    assert not any("affected" in reason.text for reason in unknown.reasons)


@pytest.mark.parametrize(
    ("database", "said"),
    [
        (saw(Subject.DATABASE, Condition.OK), "the database is not the cause"),
        (saw(Subject.DATABASE, Condition.IMPAIRED), "Database (IMPAIRED) may be the cause"),
        (saw(Subject.DATABASE, Condition.ABSENT), "nothing is known of the database"),
    ],
)
def test_a_database_is_only_called_innocent_when_it_is_well(database, said):
    """What refuses us or has no connection left may well be what the application suffers from."""
    judged = judge(well(database, saw(Subject.APPLICATION, Condition.IMPAIRED)))

    assert judged.scenario is Scenario.APPLICATION_FAILURE
    assert judged.because.endswith(said)


names = st.sampled_from(["", "a", "b"])
observations = st.lists(
    st.builds(saw, st.sampled_from(Subject), st.sampled_from(Condition), names, st.sampled_from([None, *Sign])),
    max_size=12,
    unique_by=lambda item: (item.subject, item.name),
)


@given(observations, st.data())
def test_more_damage_never_lowers_the_severity(seen, data):
    """Whatever gets worse, the level stays or rises."""
    known = [place for place, item in enumerate(seen) if item.condition is not Condition.ABSENT]
    if not known:
        return
    place = data.draw(st.sampled_from(known))
    worse = data.draw(st.sampled_from([step for step in WORSE if step.rank >= seen[place].condition.rank]))
    after = [*seen[:place], replace(seen[place], condition=worse), *seen[place + 1 :]]

    assert judge(after).severity.rank >= judge(seen).severity.rank


@given(observations, st.sampled_from(Subject))
def test_a_further_loss_never_lowers_the_severity(seen, subject):
    """To learn that something else is down as well makes nothing better."""
    more = [*seen, saw(subject, Condition.DOWN, "further")]

    assert judge(more).severity.rank >= judge(seen).severity.rank


@given(observations)
def test_every_reason_names_its_observation(seen):
    """No level without something seen that it rests on, and the first reason carries the level."""
    judged = judge(seen)

    seen_things = {(item.subject, item.name) for item in seen}
    for reason in judged.reasons:
        assert (reason.subject, reason.name) in seen_things or reason.text.endswith("(complete system failure)")
        assert any(item.what in reason.text for item in seen), reason.text
    assert judged.severity is (judged.reasons[0].severity if judged.reasons else Severity.HEALTHY)


@given(observations)
def test_the_order_of_what_was_seen_does_not_matter(seen):
    """Probes answer in any order."""
    assert judge(seen).severity is judge(list(reversed(seen))).severity


@pytest.mark.parametrize("subject", Subject)
def test_each_step_down_harms_at_least_as_much(subject):
    """Impaired, silent, down: the table itself never goes back up."""
    harms = [harm_of(saw(subject, step)).severity.rank for step in WORSE]

    assert harms == sorted(harms)
    assert harm_of(saw(subject, Condition.OK)) is Harm.NONE


def test_low_means_that_backups_work():
    """LOW is for what leaves the way back open: whatever touches the backups is more."""
    for subject in (Subject.BACKUPS, Subject.OFF_SITE, Subject.STORE, Subject.WAL):
        for step in WORSE[1:]:
            assert judge(well(saw(subject, step, "x"))).severity.rank >= Severity.MEDIUM.rank
