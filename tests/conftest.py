"""House rules for every test: nothing skips in silence, slow tests stay out of tests/unit, incident ids are ids."""

from __future__ import annotations

import gc
import os
import re
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest
from _pytest.doctest import DoctestModule
from hypothesis import settings

# Collecting imports everything there is, and none of it ever goes again: looking for garbage every 700 objects
# meanwhile takes a fifth of the time.
gc.set_threshold(50_000, 50, 100)

# Every run draws other examples: few each time find as much over a week. `make thorough` draws many at once.
settings.register_profile("quick", max_examples=25, deadline=None)
settings.register_profile("thorough", max_examples=1000, deadline=None)
settings.load_profile("quick")

NOT_APPLICABLE = "not applicable:"
TESTS = Path(__file__).parent
UNIT_TESTS = TESTS / "unit"


def _everything_is_demanded() -> bool:
    """CI always demands that what a test needs is there; ``make test`` does unless told ``DR_DEMAND_ALL=0``."""
    return os.environ.get("CI", "").lower() == "true" or os.environ.get("DR_DEMAND_ALL") == "1"


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure unless its reason says that the test does not apply here at all."""
    if not report.skipped or hasattr(report, "wasxfail") or not _everything_is_demanded():
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    if reason.startswith(NOT_APPLICABLE):
        return
    report.outcome = "failed"
    report.longrepr = (
        f"skipped: {reason}\n"
        "A skipped test has tested nothing. Provide what it needs (make does), or, where it cannot apply on this\n"
        f"machine whatever is installed, begin the reason with '{NOT_APPLICABLE}'. Set DR_DEMAND_ALL=0 to look away."
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """No examples are looked for in the docstrings of tests: there are none, and looking takes seconds."""
    found = yield
    if not file_path.is_relative_to(TESTS):
        return found
    return [item for item in found if not isinstance(item, DoctestModule)]


def pytest_collection_finish() -> None:
    """What has been collected stays to the end: from now on it is not gone through any more."""
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Check the house's two markers and choose the order."""
    for item in items:
        for mark in item.iter_markers("incident"):
            if not mark.args or not all(re.fullmatch(r"I[1-9]\d*", str(incident)) for incident in mark.args):
                raise pytest.UsageError(f"{item.nodeid}: incident() takes ids such as 'I7', not {mark.args}")
        if item.get_closest_marker("slow") and item.path.is_relative_to(UNIT_TESTS):
            raise pytest.UsageError(f"{item.nodeid}: too slow for tests/unit; move it to tests/integration")
    # What may take longest begins first, or one worker waits for the other at the end (make tells xdist to keep the
    # order). A file stays together, for its tests share what it has started; in it quick tests come before slow ones.
    longest, place = Counter[Path](), dict[Path, int]()
    for item in items:
        limit = item.get_closest_marker("timeout")
        longest[item.path] = max(longest[item.path], int(limit.args[0]) if limit and limit.args else 0)
        place.setdefault(item.path, len(place))
    items.sort(key=lambda item: (-longest[item.path], place[item.path], item.get_closest_marker("slow") is not None))
