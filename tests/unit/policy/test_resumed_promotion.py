"""A change of the server in charge that was cut off goes on only where the servers are as it has left them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dr.policy.promotion import Sight
from dr.policy.resumed_promotion import misfit_of_failover, misfit_of_return

STANDBY = Sight("db2", True, system_identifier="7", timeline=3)
GONE = Sight("db1", False, "connection refused")
OLD = Sight("db1", True, in_charge=True, system_identifier="7", timeline=3)
PROMOTED = replace(STANDBY, in_charge=True, timeline=4)


@pytest.mark.parametrize(
    ("leader", "successor", "promoting", "promoted", "fits"),
    [
        (GONE, STANDBY, False, 0, True),
        (OLD, STANDBY, False, 0, True),  # it has come back, and is fenced once more
        (GONE, PROMOTED, True, 0, True),  # killed in the midst of the promotion
        (GONE, PROMOTED, True, 4, True),
        (OLD, PROMOTED, True, 4, True),  # the old server is back: the newer one is in charge
        (GONE, PROMOTED, False, 0, False),  # somebody else has promoted it
        (GONE, replace(STANDBY, timeline=5), False, 0, False),
        (replace(OLD, timeline=5), STANDBY, False, 0, False),
        (replace(OLD, timeline=5), replace(STANDBY, timeline=5), True, 4, False),  # people have gone back meanwhile
        (GONE, replace(PROMOTED, answers=False), True, 4, False),
        (GONE, replace(PROMOTED, timeline=6), True, 4, False),
    ],
)
def test_a_failover_goes_on_only_from_where_it_was(
    leader: Sight, successor: Sight, promoting: bool, promoted: int, fits: bool
) -> None:
    """By both servers' roles and timelines."""
    found = misfit_of_failover(leader, successor, before=STANDBY, promoting=promoting, promoted=promoted)

    assert (found == "") is fits


SECOND = replace(OLD, name="db2")
FIRST = replace(STANDBY, name="db1")


@pytest.mark.parametrize(
    ("second", "first", "handing", "handed", "promoted", "fits"),
    [
        (SECOND, GONE, False, 0, 0, True),
        (SECOND, FIRST, False, 0, 0, True),
        (GONE, FIRST, True, 0, 0, True),  # killed in the midst of the shutdown
        (GONE, FIRST, True, 3, 0, True),
        (GONE, PROMOTED, True, 3, 0, True),
        (replace(FIRST, timeline=4), PROMOTED, True, 3, 4, True),
        (GONE, FIRST, False, 0, 0, False),  # it has gone by itself: that is a disaster, no return
        (SECOND, OLD, False, 0, 0, False),  # both take writes
        (SECOND, FIRST, True, 3, 0, False),  # somebody has undone the shutdown
        (SECOND, PROMOTED, True, 3, 4, False),
        (GONE, FIRST, True, 3, 4, False),
    ],
)
def test_a_return_goes_on_only_from_where_it_was(
    second: Sight, first: Sight, handing: bool, handed: int, promoted: int, fits: bool
) -> None:
    """The same, whichever step it was cut off in."""
    found = misfit_of_return(second, first, handing=handing, handed=handed, promoting=handed > 0, promoted=promoted)

    assert (found == "") is fits
