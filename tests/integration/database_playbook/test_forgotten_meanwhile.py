"""Who was erased while a copy was made, or before an older database came back, is erased before anybody works (I32)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dr.configuration.model import System
from dr.configuration.procedures.application import ApplicationSettings
from dr.configuration.procedures.recovery import RecoverySettings
from dr.configuration.procedures.services import ServiceSettings
from dr.demo.configuration_file import environment_for, write_configuration
from dr.errors import RecoveryFailed
from dr.operations.erasure.erase import erase
from dr.services.protocol import State
from dr.services.registry import service
from tests.integration.conftest import ROOT, TestServer, free_port
from tests.integration.database_playbook.test_erasure import keys, restored, rows, shop

__all__ = ["keys", "shop"]
pytestmark = pytest.mark.incident("I32")
SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")


@pytest.fixture
def product(shop: System, server: TestServer, tmp_path: Path) -> Iterator[System]:
    """The shop with its services; who was erased is back in the database, as in an older copy."""
    site, port = tmp_path / "site", str(free_port())
    site.mkdir()
    (site / "health.json").write_text('{"status": "ok"}')
    web = (sys.executable, "-m", "http.server", port, "--bind", "127.0.0.1", "--directory", str(site))
    url = f"http://127.0.0.1:{port}/health.json"
    made = replace(
        shop,
        procedures=replace(
            shop.procedures,
            application=ApplicationSettings(health_urls=(url,), session_urls=(url,)),
            recovery=RecoverySettings(data_directory=server.server.data_directory, database_service="database"),
            services=(
                ServiceSettings("database", driver="process", command=SLEEP),
                ServiceSettings("web", driver="process", command=web),
            ),
        ),
    )
    erase(made, "7")
    restored(made, 7)
    yield made
    for name in ("database", "web"):
        service(made, name).stop(30)


def put_into_service(system: System, verb: str, directory: Path) -> tuple[int, str]:
    """By the procedure's own last steps; exit code and words."""
    (directory / "private").mkdir(mode=0o700)
    configured = environment_for(write_configuration(directory / "private", system), system)
    ended = subprocess.run(
        (sys.executable, "-m", "tests.integration.database_playbook.forgetting", verb, str(directory / "journals")),
        cwd=ROOT,
        env={**os.environ, **configured, "DR_RUNNER": "plain"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended.returncode, ended.stdout


@pytest.mark.parametrize("verb", ["recover", "undo"])
def test_nobody_comes_back_who_was_forgotten_meanwhile(product: System, verb: str, tmp_path: Path) -> None:
    """Neither with the copy of a swap, which was made hours before, nor with the directory of before."""
    code, said = put_into_service(product, verb, tmp_path)

    assert code == 0, said
    assert rows(product, 7) == (0, 0)
    assert rows(product, 8) == (1, 5)
    assert service(product, "web").status(10).state is State.RUNNING


@pytest.mark.parametrize("verb", ["recover", "undo"])
def test_the_application_is_not_started_while_somebody_is_left(product: System, verb: str, tmp_path: Path) -> None:
    """Statements that miss a table."""
    (tmp_path / "sql" / "people.sql").write_text("DELETE FROM customers WHERE id = :subject")
    code, said = put_into_service(product, verb, tmp_path)

    assert code == RecoveryFailed.exit_code
    assert "still there" in said
    assert service(product, "web").status(10).state is State.STOPPED
