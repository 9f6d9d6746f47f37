"""Options of `dr recover-db` that contradict each other are refused before anything is looked at."""

from __future__ import annotations

import pytest

from dr.cli.commands.recover_options import WantedPlace
from dr.errors import ConfigurationError


@pytest.mark.parametrize(
    ("wanted", "surroundings", "said"),
    [
        (WantedPlace(in_place=True, swap=True), {}, "--in-place and --swap are two things"),
        (WantedPlace(swap=True, undo=True), {}, "--swap and --undo"),
        (WantedPlace(in_place=True), {"to": "/srv/restored"}, "production's place"),
        (WantedPlace(swap=True), {"remote": True}, "on the host of the data directory"),
        (WantedPlace(before_corruption=True), {"pointed": True}, "searches for the target"),
        (WantedPlace(before_corruption=True), {"remote": True}, "works on this host"),
        (WantedPlace(good_when="SELECT true"), {}, "what is searched for"),
        (WantedPlace(no_emergency_copy="no time"), {}, "about production's place"),
        (WantedPlace(even_so=True), {}, "about production's place"),
        (WantedPlace(anew=True), {}, "about production's place"),
    ],
)
def test_what_contradicts_itself_is_refused(wanted: WantedPlace, surroundings: dict[str, object], said: str) -> None:
    """With what to leave out or to add."""
    given = {"to": "", "pointed": False, "remote": False, **surroundings}

    with pytest.raises(ConfigurationError, match=said) as caught:
        wanted.check(**given)  # type: ignore[arg-type]

    assert caught.value.hint


@pytest.mark.parametrize(
    "wanted",
    [
        WantedPlace(),
        WantedPlace(in_place=True, no_emergency_copy="no space", even_so=True, anew=True),
        WantedPlace(swap=True, before_corruption=True, good_when="SELECT true", trials=5),
        WantedPlace(before_corruption=True),
        WantedPlace(undo=True),
    ],
)
def test_what_belongs_together_is_taken(wanted: WantedPlace) -> None:
    """And reaches the flow by the same names."""
    wanted.check(to="", pointed=False, remote=False)

    assert wanted.parameters()["in_place"] is wanted.in_place
    assert WantedPlace(**wanted.parameters()) == wanted
