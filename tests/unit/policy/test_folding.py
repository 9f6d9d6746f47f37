"""What is seen of one part of the product from several sides is one observation of it."""

from __future__ import annotations

from dataclasses import replace

from dr.policy.folding import fold
from dr.policy.observation import Condition, Observation, Sign, Subject
from dr.policy.severity import Severity, judge


def saw(subject: Subject, condition: Condition = Condition.OK, name: str = "", **more: object) -> Observation:
    """Something, as it might have been seen."""
    plain = Observation(subject, condition, str(condition).upper(), f"{name} is {condition}", name)
    return replace(plain, **more)  # type: ignore[arg-type]


def folded(*seen: Observation) -> dict[str, Observation]:
    """By what it is of."""
    return {item.what: item for item in fold(seen, "postgres", "redis")}


def test_an_application_works_when_all_its_addresses_do():
    """One line, whatever the number of addresses."""
    found = folded(saw(Subject.APPLICATION, name="/health"), saw(Subject.APPLICATION, name="/session"))

    assert found["Application"].condition is Condition.OK
    assert list(found) == ["Application"]


def test_an_address_that_fails_impairs_and_all_of_them_silence_it():
    """A dead login is not a dead application; when nothing answers it is offline."""
    dead, alive = saw(Subject.APPLICATION, Condition.DOWN, "/a"), saw(Subject.APPLICATION, name="/b")

    assert folded(dead, alive)["Application"].condition is Condition.IMPAIRED
    assert folded(dead, replace(dead, name="/b"))["Application"].condition is Condition.DOWN
    assert "/a is down" in folded(dead, alive)["Application"].detail


def test_what_its_log_says_makes_a_database_a_damaged_one():
    """It answers, and has written down an invalid page."""
    log = saw(Subject.DATABASE, Condition.IMPAIRED, "log", sign=Sign.CORRUPT, detail="invalid page in block 7")
    found = folded(saw(Subject.DATABASE), log)

    assert found["Database"].sign is Sign.CORRUPT
    assert found["Database"].condition is Condition.IMPAIRED
    assert "invalid page in block 7" in found["Database"].detail
    assert list(found) == ["Database"]


def test_the_words_of_its_service_tell_why_it_does_not_start():
    """PostgreSQL refuses to start: damaged, and not merely stopped."""
    down = saw(Subject.DATABASE, Condition.DOWN)
    service = saw(Subject.SERVICE, Condition.DOWN, "postgres", sign=Sign.CORRUPT, detail="PANIC: invalid checkpoint")
    found = folded(down, service)

    assert found["Database"].condition is Condition.DOWN
    assert found["Database"].sign is Sign.CORRUPT
    assert "PANIC: invalid checkpoint" in found["Database"].detail


def test_a_data_service_is_not_counted_beside_what_it_runs():
    """Redis away is a single service that is impaired, not two of them."""
    seen = (saw(Subject.REDIS, Condition.DOWN), saw(Subject.SERVICE, Condition.DOWN, "redis"))

    assert judge(fold(seen, "postgres", "redis")).severity is Severity.LOW
    assert "its service redis is down" in folded(*seen)["Redis"].detail


def test_a_data_service_of_which_nothing_else_is_known_stays():
    """No address of Redis is configured: its service is all there is."""
    assert "Service redis" in folded(saw(Subject.SERVICE, Condition.DOWN, "redis"))


def test_the_fullest_disk_comes_first():
    """The screen has one line for all of them."""
    seen = fold([saw(Subject.DISK, name="/", figure=0.3), saw(Subject.DISK, name="/srv", figure=0.67)], None, None)

    assert [item.name for item in seen] == ["/srv", "/"]
