"""``dr`` as an operator runs it, with the configuration of one region's host."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from dr.configuration.model import System
from dr.demo.configuration_file import environment_for, write_configuration
from dr.demo.ports import LOOPBACK
from dr.secret import Secret
from tests.integration.region.pair import STANDBY, Pair

ROOT = Path(__file__).resolve().parents[3]


def dr(system: System, *words: str, code: int = 0) -> dict[str, Any]:
    """Run it; its JSON answer."""
    argv = (sys.executable, "-m", "dr.cli", *words, "--json")
    ended = subprocess.run(
        argv, env=environment(system), capture_output=True, text=True, timeout=200, check=False, cwd=ROOT
    )
    assert ended.returncode == code, ended.stdout + ended.stderr
    answer = json.loads(ended.stdout)
    assert isinstance(answer, dict)
    return answer


def environment(system: System) -> dict[str, str]:
    """Of a process that knows this system."""
    place = system.state_directory.parent
    private = place / f"configuration-{len(list(place.glob('configuration-*')))}"
    private.mkdir(mode=0o700)
    file = write_configuration(private, system)
    with file.open("a", encoding="utf-8") as stream:  # what the demo does not write
        stream.write(f"\n[system.{system.name}.wal]\npartial_seconds = {system.wal.partial_seconds}\n")
    return {**os.environ, **environment_for(file, system), "PYTHONPATH": str(ROOT), "DR_RUNNER": "plain"}


def second_host(made: Pair, port: int | None = None) -> System:
    """As the second region's host knows it: an address, by another port where one is given, and nothing of the machine
    behind it; no application. By that port it waits two seconds for an answer instead of ten, each of the many times.
    """
    url = made.first.url
    if port is not None:
        where = f"host={LOOPBACK} port={port} user=postgres dbname=postgres"
        url = Secret(f"{where} sslmode=disable connect_timeout=2")
    system = made.with_region(primary_url=url, primary_directory=None, primary_service=None, fence=("sql",))
    services = tuple(one for one in system.procedures.services if one.name == STANDBY)
    procedures = dataclasses.replace(system.procedures, services=services)
    return dataclasses.replace(system, procedures=procedures)
