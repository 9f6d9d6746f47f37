"""Fair comparison: everybody in turn, and runs compared with those that met the same load."""

from __future__ import annotations

import itertools

from benchmarks.outcomes import Contender, Measured, Outcome, run_rounds, times_as_fast, turn


def _measured(*seconds: float) -> Measured:
    return Measured("dump", "somebody", tuple(Outcome(item, 0.0) for item in seconds))


def test_a_load_that_slows_a_whole_round_does_not_change_the_ratio():
    """Medians of each alone would say 9 to 4; in every round it was three times."""
    ours, theirs = _measured(1.0, 4.0, 30.0), _measured(3.0, 12.0, 90.0)

    assert times_as_fast(ours, theirs) == 3.0


def test_a_contender_that_ran_once_is_compared_with_the_round_it_ran_in():
    """Not with rounds that it was not part of."""
    assert times_as_fast(_measured(2.0, 50.0, 50.0), _measured(4.0)) == 2.0


def test_everybody_runs_once_per_round_and_another_one_begins_each_time():
    """A, B, A, B and not A, A, B, B; who comes first changes, and slow ones run in the first round only."""
    order: list[str] = []

    def contender(name: str, *, every_round: bool = True) -> Contender:
        def run() -> Outcome:
            order.append(name)
            return Outcome(1.0, 0.0)

        return Contender("dump", name, run, every_round)

    measured = run_rounds([contender("a"), contender("b"), contender("slow", every_round=False)], 2, lambda _: None)

    assert order == ["a", "b", "slow", "b", "a"]
    assert [len(item.outcomes) for item in measured] == [2, 2, 1]


def test_groups_keep_their_order_because_a_restore_needs_the_backup_of_its_round():
    """Only within a group does the first one change."""
    field = [
        Contender(group, f"{group} {n}", lambda: Outcome(1.0, 0.0)) for group in ("base", "restore") for n in (1, 2)
    ]
    told: list[str] = []

    run_rounds(field, 3, told.append)

    groups = [text.split(": ")[1].split()[0] for text in told]
    assert [group for group, _ in itertools.groupby(groups)] == ["base", "restore"] * 3
    assert [item.name for item in turn("base", field, 1)] == ["base 2", "base 1"]


def test_peaks_are_the_highest_of_all_runs():
    """One run that took more is what matters."""
    runs = tuple(Outcome(1.0, 0.0, peak_bytes=peaks) for peaks in ({"gpg": 5, "tar": 3}, {"gpg": 9}))

    assert Measured("restore", "ours", runs).peaks() == {"gpg": 9, "tar": 3}
