"""What is measured of the copies that are kept: too old, too few, behind in one store, and to whose keys."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from dr.catalog.labels import Kind, Label
from dr.catalog.manifest import EncryptionRecord
from dr.configuration.model import EncryptionSettings, RetentionSettings, System
from dr.operations.measure.backups import measure_backups
from dr.operations.measure.people import measure_keys
from dr.operations.measure.retention import LOOKED_EVERY, measure_retention
from dr.operations.repositories import open_repository
from dr.policy.metric import Sample, Unmeasured
from dr.policy.rule_evaluation import evaluate
from tests.integration.measure.conftest import BEGUN
from tests.integration.measure.test_runs import ran, values
from tests.quick_key import quick_encryption
from tests.unit.catalog.examples import manifest, proof
from tests.unit.crypto.keyrings import new_keyring
from tests.unit.policy.rounds import rounds

DAY = timedelta(days=1)
MINE = ("local", "other")


@pytest.fixture
def weekly(system: System) -> System:
    """Local copies stay for three days, and two good ones in any case."""
    return replace(system, retention=RetentionSettings(local_days=3, min_keep=2))


def back_up(system: System, at: datetime, *stores: str, keys: tuple[str, ...] = (), good: bool = True) -> Label:
    """A dump of that time in these stores, as its manifest says, and the run that made it."""
    label = Label(at, Kind.DUMP)
    made = manifest(
        label,
        system="shop",
        stores=stores,
        verifications=tuple(proof(name, passed=good) for name in stores),
        encryption=EncryptionRecord("public-key", keys or ("A" * 40,)),
    )
    failures, written = open_repository(system).publish(made)
    assert not failures
    assert written == stores
    ran(system, at, stores=", ".join(stores))
    return label


def counts(system: System, name: str, now: datetime) -> dict[str, float]:
    """By kind and store, without those of whom there is nothing to say."""
    return {key: value for key, value in values(measure_retention(system, now), name).items() if value}


def test_a_copy_that_should_have_gone_two_days_ago_is_a_violation(weekly: System) -> None:
    """Not on the day that it goes, nor on the next, when its run may come late."""
    for day in range(3):
        back_up(weekly, BEGUN + day * DAY, *MINE)
    later = BEGUN + 10 * DAY
    for day in range(2):
        back_up(weekly, later - day * DAY, *MINE)

    def overdue(days: float) -> dict[str, float]:
        return counts(anew(weekly), "retention_overdue_copies", BEGUN + timedelta(days=days))

    assert overdue(12) == {"dump/local": 3, "dump/other": 3}
    open_repository(weekly).delete(Label(BEGUN, Kind.DUMP), "local")
    assert overdue(12) == {"dump/local": 2, "dump/other": 3}


def anew(system: System) -> System:
    """As another host sees it, which has noted nothing."""
    return replace(system, state_directory=system.state_directory / secrets.token_hex(4))


def test_what_is_due_to_go_in_the_next_run_is_no_violation(weekly: System) -> None:
    """Four days old, kept for three: the nightly backup that removes it has not been yet."""
    for day in range(4):
        back_up(weekly, BEGUN + day * DAY, *MINE)

    assert counts(weekly, "retention_overdue_copies", BEGUN + 3.5 * DAY) == {}


def test_good_copies_that_somebody_took_away_are_missed(weekly: System) -> None:
    """The evidence says that there were enough; copies that were found damaged do not count."""
    first, second = (back_up(weekly, BEGUN + day * DAY, *MINE) for day in (0, 1))
    now = BEGUN + 1.5 * DAY
    assert counts(weekly, "retention_lacking_copies", now) == {}

    open_repository(weekly).delete(first, "other")

    noted = counts(weekly, "retention_lacking_copies", now + LOOKED_EVERY / 2)
    assert noted == {}, "it is looked at once an hour"
    assert counts(weekly, "retention_lacking_copies", now + LOOKED_EVERY) == {"dump/other": 1}
    assert second in {item.label for item in open_repository(weekly).list([Kind.DUMP]).backups}


def test_a_store_that_was_emptied_lacks_all_that_it_had(weekly: System) -> None:
    """No copy is left there by which anybody could tell."""
    both = [back_up(weekly, BEGUN + day * DAY, *MINE) for day in (0, 1)]

    for label in both:
        open_repository(weekly).delete(label, "other")

    assert counts(weekly, "retention_lacking_copies", BEGUN + 1.5 * DAY) == {"dump/other": 2}


def test_a_young_system_lacks_nothing(weekly: System) -> None:
    """One backup, where two are kept at the least."""
    back_up(weekly, BEGUN, *MINE)

    assert counts(weekly, "retention_lacking_copies", BEGUN + DAY) == {}


def test_a_store_that_lacks_the_newest_backups_is_behind_since_the_first_of_them(system: System) -> None:
    """And a warning after two hours: with the other store gone they are lost."""
    back_up(system, BEGUN, *MINE)
    back_up(system, BEGUN + DAY, "local")
    back_up(system, BEGUN + 2 * DAY, "local")
    now = BEGUN + 2 * DAY + timedelta(hours=1)

    behind = values(measure_backups(system, now), "backup_store_lacking_seconds")

    assert behind["dump/local"] == 0
    assert behind["dump/other"] == pytest.approx(25 * 3600, abs=600)
    assert "copy-delayed" in fired(measure_backups(system, now), now)


def fired(samples: Iterator[Sample | Unmeasured], now: datetime) -> set[str]:
    """The rules that fire at once."""
    seen = [item for item in samples if isinstance(item, Sample)]
    return {alert.rule for alert in evaluate(seen, (), now).alerts}


def test_a_rotation_is_over_when_the_newest_backup_is_encrypted_to_the_new_key(system: System) -> None:
    """A day and two hours after the configuration changed and the backup did not, it has failed."""
    encryption = quick_encryption()
    system = replace(system, encryption=encryption)
    mine = encryption.recipients[0]
    back_up(system, BEGUN, *MINE, keys=("B" * 40,))
    now = BEGUN + DAY
    pending = tuple(measure_keys(system, now))
    failed = {alert.rule for alert in rounds(pending, now, now + timedelta(hours=26)).alerts}
    back_up(system, BEGUN + DAY, *MINE, keys=(mine,))

    assert values(iter(pending), "key_rotation_pending") == {"dump": 1}
    assert failed == {"key-rotation-failed"}
    assert values(measure_keys(system, now + timedelta(hours=26)), "key_rotation_pending") == {"dump": 0}
    assert 0 <= values(measure_keys(system, datetime.now().astimezone()), "key_age_days")[mine] < 1


def test_a_key_that_is_not_there_is_critical_at_once(system: System) -> None:
    """No backup can be made: known before the night."""
    with new_keyring() as ring:
        lost = EncryptionSettings(recipients=("C" * 40,), gnupg_home=ring.home)

        found = tuple(measure_keys(replace(system, encryption=lost), BEGUN))

    assert fired(iter(found), BEGUN) == {"key-expired"}
