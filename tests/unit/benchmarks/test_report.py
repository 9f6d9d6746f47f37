"""The printed comparison: figures beside their names, losses shown as plainly as wins."""

from __future__ import annotations

import dataclasses
import json

from benchmarks.claims import MEGABYTE, Claim
from benchmarks.outcomes import Measured, Outcome
from benchmarks.report import Report, as_json, as_text

OURS = Measured(
    "dump",
    "ours: dump",
    tuple(
        Outcome(seconds, 3.0, 90 * MEGABYTE, {"read back": 1.5}, {"python": 40 * MEGABYTE}) for seconds in (4.0, 5.0)
    ),
)
THEIRS = Measured("dump", "theirs", (Outcome(2.0, 1.0, 100 * MEGABYTE), Outcome(2.5, 1.0, 100 * MEGABYTE)))
REPORT = Report(
    facts={"processor": "2 cores"},
    database_bytes=1000 * MEGABYTE,
    small_bytes=200 * MEGABYTE,
    measured=(THEIRS, OURS),
    small_peaks={"ours: dump: python": 39 * MEGABYTE},
    claims=(Claim("faster", "0.50 times", False), Claim("others", "absent", None)),
    notes=("a note",),
)


def test_a_run_in_which_somebody_else_is_faster_says_so():
    """Half as fast is 0.50x, and a claim that fails is told in capitals."""
    lines = as_text(REPORT).splitlines()

    assert next(line for line in lines if line.startswith("theirs")).endswith("0.50x")
    assert any(line.strip() == "DOES NOT HOLD: faster: 0.50 times" for line in lines)
    assert not REPORT.holds


def test_what_was_not_tried_does_not_fail_the_run():
    """It is shown, and whoever demands it reads that."""
    report = dataclasses.replace(REPORT, claims=REPORT.claims[1:])

    assert report.holds
    assert "not tried: others: absent" in as_text(report)


def test_the_proof_and_the_memory_of_both_sizes_are_shown():
    """The pass that writes is not the whole cost, and a peak says nothing without the size it belongs to."""
    text = as_text(REPORT)

    assert "  + read back" in text
    assert next(line for line in text.splitlines() if line.startswith("ours: dump: python")).split()[-2:] == [
        "39",
        "40",
    ]
    assert "200 MB" in text
    assert "1000 MB" in text


def test_the_json_has_every_single_run():
    """So that anybody can take other medians than ours."""
    read = json.loads(json.dumps(as_json(REPORT)))

    assert [run["seconds"] for run in read["measured"][1]["outcomes"]] == [4.0, 5.0]
    assert read["claims"][0]["holds"] is False
