"""Help is there at once, for every command, with an example."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from dr.cli.app import app, read

ROOT = Path(__file__).resolve().parents[3]
HEAVY = (
    "psycopg",
    "boto3",
    "botocore",
    "prefect",
    "pandas",
    "msgspec",
    "gnupg",
    "flows",
    "tasks",
    "dr.operations",
    "dr.configuration",
)
COMMANDS = (
    "assess",
    "recover-db",
    "recover-app",
    "full-recovery",
    "side-restore",
    "erase",
    "restore",
    "backup",
    "application-backup",
    "infrastructure-backup",
    "points",
    "files",
    "certificates",
    "config diff",
    "list",
    "show",
    "window",
    "wal receive",
    "wal ship",
    "wal status",
    "wal archive-command",
    "wal drop-slot",
    "monitor",
    "metrics serve",
    "metrics rules",
    "alert test",
    "alert list",
    "alert acknowledge",
    "store probe",
    "store begin-anew",
    "config show",
    "canary",
    "demo",
    "deploy",
    "exit-codes",
    "failback",
    "failover",
    "traffic",
    "validate-recovery",
    "verify",
    "verify-backup",
    "drill",
    "drills",
    "simulate-disaster",
    "quarterly-drill",
    "incident open",
    "incident note",
    "incident told",
    "incident status",
    "incident close",
    "incident report",
    "incident list",
    "version",
)


def bare_environment() -> dict[str, str]:
    """Without what measures coverage in child processes: it would be timed too."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COV")} | {"PYTHONPATH": str(ROOT)}


LIBRARIES = "import typer, typer.rich_utils, rich.markdown, rich.table, inspect, urllib.parse, dataclasses"


def processor_seconds(*arguments: str) -> float:
    """What one start of Python takes of the processor."""
    before = os.times()
    subprocess.run([sys.executable, *arguments], env=bare_environment(), check=True, capture_output=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def test_help_takes_at_most_0_3_seconds() -> None:
    """The best of ten, of processor time: help waits for nothing, and what else runs here only ever adds to it.

    A machine on which the libraries alone take half of that is slow, and is given twice their time.
    """
    pairs = [(processor_seconds("-m", "dr.cli", "--help"), processor_seconds("-c", LIBRARIES)) for _ in range(10)]
    ours, libraries = (min(times) for times in zip(*pairs, strict=True))

    assert ours <= max(0.3, 2 * libraries)


@pytest.mark.parametrize("arguments", [["--help"], ["recover-db", "--help"], ["--json", "config", "show", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    """Not the database driver, not S3, not Prefect; pydantic only where typer itself reads options with it."""
    code = "import sys\nfrom dr.cli.app import read\nread(sys.argv[1:])\nsys.stderr.write('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=bare_environment(), check=True, capture_output=True, text=True
    )
    refused = (*HEAVY, "pydantic") if arguments == ["--help"] else HEAVY

    assert not [name for name in done.stderr.splitlines() if name.startswith(refused)]


@pytest.mark.parametrize(
    "begun, unneeded",
    [
        # Every command and every run of Prefect's reads the configuration; each service that is begun waits for its
        # supervisor.
        ("dr.configuration", ("dr.catalog.manifest", "msgspec", "psycopg", "boto3", "asyncio", "dr.operations")),
        ("dr.services.process.supervisor", ("dr.configuration", "dr.catalog", "tarfile", "psycopg")),
        ("dr.demo.moto_stand_in", ("moto",)),
    ],
)
def test_what_is_begun_often_imports_nothing_that_it_does_not_need(begun: str, unneeded: tuple[str, ...]) -> None:
    """Seen by what it has imported, for the time that takes depends on what else the machine does."""
    code = f"import sys, {begun}\nsys.stderr.write('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=bare_environment(), check=True, capture_output=True, text=True
    )

    assert not [name for name in done.stderr.splitlines() if name.startswith(unneeded) and name != begun]


def test_every_command_is_known_to_this_test() -> None:
    """So that a new command cannot come without its help being looked at."""
    group = typer.main.get_command(app)
    names = []
    for name, found in group.commands.items():  # type: ignore[attr-defined]
        names += [f"{name} {inner}" for inner in getattr(found, "commands", {})] or [name]

    assert sorted(names) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_has_an_example_and_the_common_options(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever reads the help at three in the morning can copy from it."""
    assert read([*command.split(), "--help"]) == 0
    shown = capsys.readouterr().out

    assert f"dr {command}" in shown.partition("Example")[2]
    for option in ("--json", "--config", "--system", "--verbose"):
        assert option in shown
