"""How long a certificate is good for, at the very edges of each level."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dr.policy.certificate_age import Urgency, certificate_state, renewal_due

END = datetime(2026, 6, 30, 12, tzinfo=UTC)
BEGIN = END - timedelta(days=90)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("left", "urgency", "days"),
    [
        (timedelta(days=30) + SECOND, Urgency.OK, 30),
        (timedelta(days=30), Urgency.NOTICE, 30),
        (timedelta(days=14) + SECOND, Urgency.NOTICE, 14),
        (timedelta(days=14), Urgency.WARNING, 14),
        (timedelta(days=7) + SECOND, Urgency.WARNING, 7),
        (timedelta(days=7), Urgency.CRITICAL, 7),
        (SECOND, Urgency.CRITICAL, 0),
        (timedelta(0), Urgency.EXPIRED, 0),
        (-SECOND, Urgency.EXPIRED, -1),
    ],
)
def test_levels_begin_at_their_days(left: timedelta, urgency: Urgency, days: int) -> None:
    """A level holds from its day on; the end itself is expired."""
    state = certificate_state("shop", BEGIN, END, END - left, (30, 14, 7))

    assert (state.urgency, state.days_left) == (urgency, days)
    assert state.reason.startswith("shop: ")
    assert "2026-06-30 12:00 UTC" in state.reason


def test_a_certificate_of_tomorrow_is_critical() -> None:
    """A host with a wrong clock, or a certificate that was put in place too early: nobody can connect."""
    state = certificate_state("shop", BEGIN, END, BEGIN - SECOND, (30, 14, 7))

    assert state.urgency is Urgency.CRITICAL
    assert "not good before" in state.reason


def test_renewal_is_due_below_its_days() -> None:
    """Not at them."""
    assert not renewal_due(END, END - timedelta(days=30), 30)
    assert renewal_due(END, END - timedelta(days=30) + SECOND, 30)
    assert renewal_due(END, END + SECOND, 30)
