"""What counts as an approval, and what does not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dr.errors import TargetRefused
from dr.evidence.approvals import Approval, Asked, How, Reply, account, approval_of, check_name

ASKED = Asked("shop", "destroy it", "* all of it")
NOW = datetime(2026, 1, 31, 2, 0, tzinfo=UTC)


def test_a_reply_that_agrees_is_an_approval() -> None:
    """Who, when, how and why; blanks around a name are nobody's."""
    given = approval_of(ASKED, Reply(" A. Person ", "shop ", agreed=True, reason=" ticket 7 "), NOW)

    assert given == Approval("A. Person", NOW, How.FORM, "ticket 7")


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Reply("A. Person", "shop", agreed=False, reason="not now"), r"rejected by A. Person \(not now\)"),
        (Reply("A. Person", "Shop", agreed=True), "typed 'Shop', and the system is 'shop'"),
        (Reply("A. Person", "", agreed=True), "typed ''"),
        (Reply(" ", "shop", agreed=True), "gave no name"),
    ],
)
def test_every_other_reply_is_refused_and_says_that_nothing_was_touched(reply: Reply, told: str) -> None:
    """Letter by letter: capitals are another system's."""
    with pytest.raises(TargetRefused, match=told) as refused:
        approval_of(ASKED, reply, NOW)

    assert refused.value.detail == "nothing was touched"
    assert refused.value.hint


def test_a_name_is_compared_as_it_was_typed() -> None:
    """No guessing."""
    check_name(ASKED, "shop")
    with pytest.raises(TargetRefused, match="somebody typed 'shop2'"):
        check_name(ASKED, "shop2")


def test_who_is_behind_sudo_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root did not decide it by himself."""
    monkeypatch.setenv("LOGNAME", "root")
    monkeypatch.setenv("SUDO_USER", "alex")
    assert account() == "alex (as root)"
    monkeypatch.delenv("SUDO_USER")
    assert account() == "root"
