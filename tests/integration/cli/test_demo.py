"""``dr demo``: the whole story by one command, in its own directory, and nothing of it is left."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.integration.cli.command import Dr, descendants, finished, is_alive, send, wait_until
from tests.integration.conftest import ROOT


@pytest.fixture
def dr(tmp_path: Path) -> Dr:
    """A command line without any system, begun in a directory with a space in its name."""
    directory = tmp_path / "some where"
    directory.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DR_", "AWS_", "PREFECT_"))}
    # What the operator has configured for real must not show through.
    real = {"DATABASE_URL": "postgresql://real@127.0.0.1:1/real", "AUTO_CONFIRM": "true"}
    return Dr({**kept, **real, "PYTHONPATH": str(ROOT)}, directory)


@pytest.mark.slow
def test_the_demo_meets_its_objectives_and_leaves_only_its_report(dr: Dr) -> None:
    """Exit code 0, a report that says so, and an otherwise empty directory."""
    shown = dr("demo", "--scale", "0.02")
    report = json.loads((dr.directory / "demo-report.json").read_text())

    assert shown.code == 0, shown.err
    assert (report["met"], report["checksums_match"], report["problems"]) == (True, True, [])
    assert report["rows_expected"] == report["rows_restored"] > 0
    assert "objectives: met" in shown.out
    assert {row["kind"] for row in report["components"]} >= {
        "files",
        "config",
        "code",
        "secrets",
        "certificates",
        "logs",
    }
    assert all(row["identical"] and row["came_back"] for row in report["components"])
    assert report["recovery_point"]["fits"] is True
    assert shown.out.count("identical") == len(report["components"])
    assert [path.name for path in dr.directory.iterdir()] == ["demo-report.json"]


@pytest.mark.slow
def test_a_demo_that_is_told_to_end_leaves_nothing(dr: Dr) -> None:
    """SIGTERM in the midst of it: exit code 143, no process, no file."""
    with dr.begun("demo", "--scale", "0.02") as process:
        wait_until(lambda: _serving(process.pid), "the shop's server runs", seconds=60)
        children = descendants(process.pid)
        send(process, signal.SIGTERM)
        ended = finished(process)

    assert ended.code == 143, ended.err
    wait_until(lambda: not [argv for pid, argv in children.items() if is_alive(pid)], "all children have ended")
    assert list(dr.directory.iterdir()) == []


def test_a_directory_with_something_in_it_is_refused_and_left_alone(dr: Dr) -> None:
    """Exit code 11; the demo removes only what it has made."""
    precious = dr.directory / "mine" / "precious"
    precious.parent.mkdir()
    precious.write_text("kept")
    refused = dr("demo", "--directory", "mine", "--json")

    assert (refused.code, refused.document["error"]["type"]) == (11, "TargetRefused")
    assert precious.read_text() == "kept"


def _serving(pid: int) -> bool:
    return any("production" in " ".join(argv) for argv in descendants(pid).values() if argv and "postgres" in argv[0])
