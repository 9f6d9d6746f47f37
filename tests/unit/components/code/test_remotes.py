"""Comparing remotes: what each lacks, what is elsewhere, and what is nowhere else."""

from __future__ import annotations

from dr.components.code.refs import Refs
from dr.components.code.remotes import Difference, Listing, compare

MAIN, OTHER, TAG = "refs/heads/main", "refs/heads/other", "refs/tags/v1"
LOCAL = Refs({MAIN: "a", TAG: "c", "refs/notes/commits": "n"}, MAIN, "a")


def test_a_remote_with_the_same_branches_and_tags_is_the_same() -> None:
    """Notes and other refs are not compared: few remotes have them."""
    (found,) = compare(LOCAL, {"a", "c"}, [Listing("origin", "", {MAIN: "a", TAG: "c"})])

    assert found.same
    assert found.described() == "the same"
    assert found.warnings() == ()


def test_each_remote_is_told_what_it_lacks_and_where_it_differs() -> None:
    """What one remote has beyond the repository is expected of the other."""
    listings = [Listing("origin", "", {MAIN: "x", OTHER: "b", TAG: "c"}), Listing("second", "", {MAIN: "a"})]
    origin, second = compare(LOCAL, {"a", "b", "c"}, listings)

    assert origin == Difference("origin", different=(MAIN,), not_fetched=(MAIN,))
    assert second == Difference("second", missing=(OTHER, TAG))
    assert second.warnings() == ("remote second lacks other, v1: push them",)
    assert origin.described() == "differs in 1, alone has 1"


def test_a_remote_that_does_not_answer_lacks_nothing_that_we_know_of() -> None:
    """It is told as such, and the others are compared all the same."""
    gone, here = compare(
        LOCAL, {"a"}, [Listing("gone", "", {}, "no route"), Listing("here", "", {MAIN: "a", TAG: "c"})]
    )

    assert gone == Difference("gone", error="no route")
    assert not gone.same
    assert gone.described() == "does not answer"
    assert here.different == here.missing == ()


def test_many_names_are_cut_short() -> None:
    """A manifest is no place for hundreds of branches."""
    many = {f"refs/heads/b{number:03}": "a" for number in range(300)}
    (found,) = compare(Refs(many, MAIN, "a"), set(), [Listing("origin", "", {})])

    assert found.warnings() == ("remote origin lacks b000, b001, b002, b003, b004 and 295 more: push them",)
