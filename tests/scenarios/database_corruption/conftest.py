"""The disaster is played once; the tests look at what it has left. A second estate is for trying single things."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from dr.configuration.model import System
from dr.demo.baseline import Baseline, take_baseline
from dr.demo.dataset import load_dataset
from dr.demo.estate import Estate, estate
from dr.demo.report import DemoReport
from dr.demo.story import Pace, RecoveryOutcome, run_demo
from tests.scenarios.database_corruption.procedures import back_up, back_up_beside, recover

SCALE = 0.02
PACE = Pace(before_backup=1.5, after_backup=2.5)


@dataclass(frozen=True, slots=True)
class Played:
    """A story that is over: its report, what it said, what it handed to the recovery, and its temporary directory."""

    directory: Path
    temporary: Path
    report: DemoReport
    said: tuple[str, ...]
    system: System
    outcome: RecoveryOutcome

    @property
    def written(self) -> dict[str, object]:
        """The report as others read it."""
        content = json.loads(json.dumps(self.report.as_dict()))
        assert isinstance(content, dict)
        return content


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The whole story on a small shop, in a directory whose name has to be quoted everywhere."""
    directory = tmp_path_factory.mktemp("demo") / "an estate, größer"
    temporary = tmp_path_factory.mktemp("tmp")
    said: list[str] = []
    seen: list[tuple[System, RecoveryOutcome]] = []

    def recover_and_remember(system: System, target: Path, moment: datetime) -> RecoveryOutcome:
        outcome = recover(system, target, moment)
        seen.append((system, outcome))
        return outcome

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(temporary))
        patch.setenv("TMPDIR", str(temporary))
        report = run_demo(
            directory,
            said.append,
            SCALE,
            back_up=back_up,
            recover=recover_and_remember,
            back_up_beside=back_up_beside,
            pace=PACE,
        )
    return Played(directory, temporary, report, tuple(said), *seen[0])


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """A small shop that runs, with everything beside its database."""
    with estate(tmp_path_factory.mktemp("estate") / "here", with_beside=True) as built:
        load_dataset(built, SCALE)
        built.beside.fill()
        yield built


@pytest.fixture(scope="module")
def before(place: Estate) -> Baseline:
    """All that the small shop holds."""
    return take_baseline(place.superuser_url)
