"""Plans read by the machine's account of them: counts, never values."""

from __future__ import annotations

import json
from collections.abc import Mapping

from dr.components.terraform.drift import SAME, parse_plan


def lines(*documents: Mapping[str, object]) -> str:
    """What ``plan -json`` prints."""
    return "".join(json.dumps(document) + "\n" for document in documents)


def test_nothing_to_do_is_no_change() -> None:
    """The exit status decides."""
    summary = {
        "type": "change_summary",
        "changes": {"add": 0, "change": 0, "import": 0, "remove": 0, "operation": "plan"},
    }

    assert parse_plan(0, lines({"type": "version"}, summary)).described() == SAME


def test_changes_and_drift_are_counted() -> None:
    """What somebody changed by hand is told apart from what the code would do; no value gets through."""
    summary = {"type": "change_summary", "changes": {"add": 1, "change": 2, "remove": 3}}
    drift = {"type": "resource_drift", "change": {"resource": {"addr": "x.secret"}, "action": "update"}}
    found = parse_plan(2, "not json\n" + lines(drift, drift, summary))

    assert found.described() == "1 to add, 2 to change, 3 to destroy, 2 drifted"


def test_changes_of_outputs_alone_are_changes() -> None:
    """Terraform counts no resource then, and says so by its exit status."""
    assert parse_plan(2, "").described() == "0 to add, 0 to change, 0 to destroy, 0 drifted"


def test_a_plan_that_failed_is_no_absence_of_changes() -> None:
    """The first error's headline is told; the lines of code below it are not, for values stand there."""
    diagnostic = {"severity": "error", "summary": "No valid credential sources found", "detail": "hidden"}
    warning = {"severity": "warning", "summary": "Deprecated"}
    output = lines({"type": "diagnostic", "diagnostic": warning}, {"type": "diagnostic", "diagnostic": diagnostic})

    assert parse_plan(1, output).described() == "no plan: No valid credential sources found"
    assert parse_plan(-9, "").described() == "no plan: exit status -9"
