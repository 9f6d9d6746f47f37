"""Names and order of lease objects."""

from __future__ import annotations

from dr.storage.lease_claims import Position

PREFIX = "coreflow360/leases/backup/"


def test_a_position_is_in_its_key() -> None:
    """Generations sort as their keys do, so that a listing shows them in order."""
    for position in (Position(1), Position(12_345_678), Position(7, "00ff00ff00ff00ff")):
        assert Position.parse(position.key(PREFIX).removeprefix(PREFIX)) == position
    places = [Position(1), Position(2, "0" * 16), Position(2, "f" * 16), Position(10)]
    assert sorted(place.key(PREFIX) for place in places) == [place.key(PREFIX) for place in places]
    assert sorted(places) == places


def test_other_objects_beside_leases_are_not_taken_for_one() -> None:
    """The clock, and whatever people put there."""
    for name in ("clock", "README", "0000001.json", "00000001.json.bak", "x/00000001.json", "00000001.XYZ.json"):
        assert Position.parse(name) is None
