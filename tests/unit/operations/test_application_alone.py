"""What another procedure has stopped is not started because it is down."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from dr.configuration.model import EncryptionSettings, PostgresSettings, System
from dr.errors import LeaseHeld, TargetRefused
from dr.evidence.journal import FILE, TOO_OLD, Opening, open_journal, read_journal
from dr.evidence.journal_events import encoded
from dr.operations.application.alone import GOES_ON, refuse_beside_another
from dr.operations.full_recovery.places import EXERCISE
from dr.operations.full_recovery.places import PROCEDURE as FULL
from dr.secret import Secret
from flows.fail_back import PROCEDURE as BACK
from flows.region_failover import PROCEDURE as OVER
from tasks.application import PROCEDURE
from tasks.corruption_unfinished import PROCEDURE as IN_PLACE
from tasks.corruption_unfinished import UNDO
from tasks.course import place_of


@pytest.fixture
def shop(tmp_path: Path) -> System:
    """A system of this host, with nothing but a place for journals."""
    return System(
        "shop", PostgresSettings(Secret("")), stores=(), encryption=EncryptionSettings(), state_directory=tmp_path
    )


def cut_off(system: System, procedure: str, of: str = "shop") -> Path:
    """A journal that nobody closed; its directory."""
    with open_journal(place_of(system), Opening(procedure, of), run="r1") as journal:
        return journal.directory


def test_the_procedures_are_called_so() -> None:
    """Else their journals would not be found."""
    assert set(GOES_ON) == {FULL, EXERCISE, BACK, OVER, IN_PLACE, UNDO}
    assert PROCEDURE not in GOES_ON


@pytest.mark.parametrize("procedure", GOES_ON)
def test_beside_one_that_was_cut_off_nothing_is_started_that_nobody_named(shop: System, procedure: str) -> None:
    """Its command is told; whoever names a service has looked."""
    left = cut_off(shop, procedure)

    with pytest.raises(TargetRefused, match=left.name) as told:
        refuse_beside_another(shop)
    refuse_beside_another(shop, ["web"])

    assert GOES_ON[procedure] in told.value.hint
    assert "nothing was touched" in told.value.detail


def test_beside_one_at_work_nothing_is_started_at_all(shop: System) -> None:
    """Not even what was named."""
    with open_journal(place_of(shop), Opening("recover-db-in-place", "shop"), run="r1"):
        for named in ([], ["web"]):
            with pytest.raises(LeaseHeld, match="at work"):
                refuse_beside_another(shop, named)


def test_what_is_over_or_another_s_or_our_own_is_in_nobody_s_way(shop: System) -> None:
    """One that ended, one of another system, a run of ours, and one that nobody has worked on for a day."""
    with open_journal(place_of(shop), Opening("full-recovery", "shop"), run="r1") as journal:
        journal.close()
    cut_off(shop, "full-recovery", of="other")
    cut_off(shop, PROCEDURE)
    old = cut_off(shop, "region-failover")
    (event,) = read_journal(old)
    (old / FILE).write_bytes(encoded(type(event)(event.at - TOO_OLD - timedelta(minutes=1), "open", system="shop")))

    refuse_beside_another(shop)


def test_one_that_cannot_be_read_has_not_said_that_it_is_over(shop: System) -> None:
    """A damaged line in the midst."""
    left = cut_off(shop, "full-recovery")
    with (left / FILE).open("ab") as stream:
        stream.write(b"nonsense" + os.linesep.encode())

    with pytest.raises(TargetRefused, match=left.name):
        refuse_beside_another(shop)
