"""Retention by kind and place, by example: each file in ``tests/golden/retention-by-kind`` is a situation and its end.

Read as ``test_retention_golden.py`` says; the periods are the guide's.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from dr.catalog.labels import Kind, Label
from dr.policy.retention import Copy, Decision, Rule, plan_expiry
from dr.policy.retention_periods import STANDARD, Periods, period_of

FOLDER = Path(__file__).resolve().parents[2] / "golden" / "retention-by-kind"
FILES = sorted(FOLDER.glob("*.txt"))
_RULE = re.compile(r"now (?P<now>\S+ \S+) UTC, in a store (?P<place>here|elsewhere), run (?P<run>succeeded|failed)")
_COPY = re.compile(
    r"(?P<label>\S+)(?: as (?P<keep_as>\S+))?(?: up to (?P<day>\S+))?(?P<empty> empty)?(?P<alone> nowhere else)?"
    r"(?: for (?P<point>point_\S+))? +(?P<proven>proven|unproven)\b.*"
)


def _made_anew(text: str) -> str:
    title, stated, _, *lines = text.splitlines()
    rule = _RULE.fullmatch(stated)
    assert rule is not None, f"second line: {stated!r}"
    found = [match for line in lines if (match := _COPY.fullmatch(line))]
    assert len(found) == len(lines), "every line after the third is a copy"
    is_local = rule["place"] == "here"

    def own(copy: Copy) -> Rule:
        period = period_of(Periods(), *copy.group, 7)
        alone = period.elsewhere if is_local and copy.label.kind is Kind.LOGS else None
        return Rule(period.of_store(is_local=is_local), alone_days=alone)

    names = {Label.parse(item["label"]): line[: item.start("proven")].rstrip() for item, line in _both(found, lines)}
    decisions = plan_expiry(
        [_copy(item) for item in found],
        own,
        datetime.strptime(rule["now"], "%Y-%m-%d %H:%M").replace(tzinfo=UTC),
        run_succeeded=rule["run"] == "succeeded",
        needed_by={Label.parse(item["label"]): f"{item['point']} needs it" for item in found if item["point"]},
    )
    return "\n".join([title, stated, "", *(_line(item, names) for item in decisions)]) + "\n"


def _both(found: list[re.Match[str]], lines: list[str]) -> list[tuple[re.Match[str], str]]:
    return list(zip(found, lines, strict=True))


def _copy(line: re.Match[str]) -> Copy:
    ends = None
    if line["day"]:
        day = date.fromisoformat(line["day"])
        ends = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    return Copy(
        Label.parse(line["label"]),
        line["proven"] == "proven",
        elsewhere=not line["alone"],
        keep_as=line["keep_as"] or STANDARD,
        ends=ends,
        empty=bool(line["empty"]),
    )


def _line(decision: Decision, names: dict[Label, str]) -> str:
    proven = "proven" if decision.copy.proven else "unproven"
    return f"{names[decision.copy.label]:<75} {proven:<9} {decision.action:<7} {decision.reason}"


@pytest.mark.incident("I14")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_situation_is_decided_as_written(file):
    """What the file says is what is decided, to the word."""
    text = file.read_text(encoding="utf-8")

    assert _made_anew(text) == text


def test_the_examples_are_there():
    """An empty folder would test nothing."""
    assert len(FILES) >= 6
