"""Retention by example: each file in ``tests/golden/retention`` is a situation and what is decided in it.

A file is read by people and by this test: the copies and the rule are taken from it, the decisions are made anew, and
the whole file must come out as it is. A new situation is a new file; its right-hand column can be left for this test to
show.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dr.catalog.labels import Label
from dr.policy.retention import Copy, Decision, Rule, plan_expiry

FOLDER = Path(__file__).resolve().parents[2] / "golden" / "retention"
FILES = sorted(FOLDER.glob("*.txt"))
_RULE = re.compile(
    r"now (?P<now>\S+ \S+) UTC, keep (?P<days>\d+) days, at least (?P<least>\d+) proven, run (?P<run>succeeded|failed)"
)
_COPY = re.compile(r"(?P<label>\S+)(?: on (?P<parent>\S+))? +(?P<proven>proven|unproven)\b.*")


def _line(decision: Decision) -> str:
    proven = "proven" if decision.copy.proven else "unproven"
    parent = decision.copy.parent
    named = f"{decision.copy.label}" + (f" on {parent}" if parent else "")
    return f"{named:<{55 if parent else 27}} {proven:<9} {decision.action:<7} {decision.reason}"


def _copy(line: re.Match[str]) -> Copy:
    parent = Label.parse(line["parent"]) if line["parent"] else None
    return Copy(Label.parse(line["label"]), line["proven"] == "proven", parent=parent)


def _made_anew(text: str) -> str:
    title, stated, _, *lines = text.splitlines()
    rule = _RULE.fullmatch(stated)
    assert rule is not None, f"second line: {stated!r}"
    found = [match for line in lines if (match := _COPY.fullmatch(line))]
    assert len(found) == len(lines), "every line after the third is a copy"
    decisions = plan_expiry(
        [_copy(item) for item in found],
        Rule(int(rule["days"]), int(rule["least"])),
        datetime.strptime(rule["now"], "%Y-%m-%d %H:%M").replace(tzinfo=UTC),
        run_succeeded=rule["run"] == "succeeded",
    )
    return "\n".join([title, stated, "", *map(_line, decisions)]) + "\n"


@pytest.mark.incident("I14")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_situation_is_decided_as_written(file):
    """What the file says is what is decided, to the word."""
    text = file.read_text(encoding="utf-8")

    assert _made_anew(text) == text


def test_the_examples_are_there():
    """An empty folder would test nothing."""
    assert len(FILES) >= 6
