"""``dr demo``: the whole story on this machine, in one directory, with nothing left running afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dr.cli.runners import RUNNER, procedures
from dr.cli.session import Session
from dr.errors import ObjectiveMissed, RecoveryFailed, TargetRefused

if TYPE_CHECKING:
    from dr.configuration.model import System
    from dr.demo.report import DemoReport
    from dr.demo.story import RecoveryOutcome as Recovered

PLACE = Path(".demo")
REPORT = Path("demo-report.json")


def demo(
    session: Session,
    directory: Annotated[
        Path | None,
        typer.Option(metavar="DIR", show_default=False, help="New or empty; a fresh one in .demo when left out."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the files when it is over.")] = False,
    scale: Annotated[float, typer.Option(min=0.01, max=100, help="1 is a database of about 200 MB.")] = 1.0,
    with_drills: Annotated[bool, typer.Option("--drill", help="Drill the same backups in the end.")] = False,
    report: Annotated[Path, typer.Option(metavar="FILE", help="Where the result is kept.")] = REPORT,
) -> None:
    """Protect a PostgreSQL, lose it, bring it back, measure.

    Everything happens on this machine: a server with a shop at work on it, and
    its Redis, uploads, code, secrets and the rest; an S3 endpoint, backups to
    both, damaged pages and empty places, the recovery, and the comparison of
    every row and file. Exit code 0 only when all came back in time.

    Example:
      dr demo --scale 0.2 --drill
    """
    out = session.output
    os.environ[RUNNER] = "plain"
    with _place(directory, keep=keep) as place:
        from dr.demo.report import scoreboard, scoreboard_lines
        from dr.demo.story import run_demo

        flows = _Flows(session, place)
        told = run_demo(
            place,
            out.note if out.json else out.say,
            scale,
            back_up=flows.back_up,
            recover=flows.recover,
            back_up_beside=flows.back_up_beside,
            drill=flows.drill if with_drills else None,
        )
        out.document.update(told.as_dict())
        _write(report, json.dumps(told.as_dict(), indent=1, ensure_ascii=False) + "\n")
        out.say()
        for line in scoreboard_lines(scoreboard(told)):
            out.say(line)
        out.table("Drills of the same backups", told.drills)
    _require(told)


class _Flows:
    """The procedures on the plain runner, for the system that the demo has just built in ``place``."""

    def __init__(self, session: Session, place: Path) -> None:
        self._session = session
        self._file = place / "dr.toml"

    def back_up(self, system: System) -> None:
        """To every store, as the nightly run does."""
        with self._configured(system), procedures(self._session):
            from flows.daily_backup import daily_backup

            daily_backup(system=system.name, cloud=True)

    def back_up_beside(self, system: System) -> None:
        """What is beside the database; the recovery point comes last, so that it names all of it."""
        with self._configured(system), procedures(self._session):
            from flows.application_backup import application_backup
            from flows.infrastructure_backup import infrastructure_backup

            infrastructure_backup(system=system.name, cloud=True)
            application_backup(system=system.name, cloud=True)

    def recover(self, system: System, target: Path, moment: datetime) -> Recovered:
        """The state at ``moment`` into ``target``."""
        from dr.demo.story import RecoveryOutcome as Recovered
        from dr.evidence.scoreboard import RecoveryOutcome

        with self._configured(system), procedures(self._session):
            from flows.recover_database import recover_database

            outcome = recover_database(system=system.name, to=str(target), target_time=moment.isoformat())
        if not isinstance(outcome, RecoveryOutcome):
            raise TypeError(f"a recovery came back with a {type(outcome).__name__}")
        return Recovered(outcome.label, outcome.phases, outcome.loss.restored)

    def drill(self, system: System) -> list[dict[str, str]]:
        """By every method, as the weekly test does."""
        with self._configured(system), procedures(self._session):
            from flows.database_recovery_test import database_recovery_test

            return database_recovery_test(system=system.name)

    @contextmanager
    def _configured(self, system: System) -> Iterator[None]:
        """The flows find their system by the environment, where the caller's own must not show through."""
        from dr.demo.configuration_file import environment_for

        before = dict(os.environ)
        os.environ.update(environment_for(self._file, system))
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


@contextmanager
def _place(directory: Path | None, *, keep: bool) -> Iterator[Path]:
    """A directory of the demo's own; removed afterwards, but never one that had something in it before."""
    if directory is None:
        place = _fresh_place()
    else:
        place = directory.expanduser().absolute()
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise TargetRefused(f"{place} is not an empty directory", hint="Give the demo a directory of its own.")
    existed = directory is not None and place.exists()
    try:
        yield place
    finally:
        if not keep:
            _clear(place, existed=existed)


def _fresh_place() -> Path:
    """A new directory in ``.demo``, which another demo may be removing at this very moment because it was empty."""
    while True:
        PLACE.mkdir(exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            return Path(tempfile.mkdtemp(prefix=f"{datetime.now(UTC):%Y%m%d-%H%M%S}-", dir=PLACE)).absolute()


def _clear(place: Path, *, existed: bool) -> None:
    if place.exists():
        shutil.rmtree(place)
    if existed:
        place.mkdir()
    with contextlib.suppress(OSError):  # another demo may be at work in there
        PLACE.rmdir()


def _write(file: Path, text: str) -> None:
    """Whole or not at all: two demos may be at it at once."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(file)


def _require(told: DemoReport) -> None:
    if told.differences:
        raise RecoveryFailed(
            "what came back differs from what was there",
            detail="; ".join(told.differences),
            hint="This is a defect of this program. Run the demo with --keep and report it with its report.",
        )
    if not told.met:
        raise ObjectiveMissed(
            "all came back, but beyond the objective, or the loss could not be measured",
            detail=told.loss_explanation,
            hint="Run it on a machine with less to do.",
        )
