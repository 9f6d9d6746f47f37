"""Which runner is used, and that a broken Prefect does not stop a recovery."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
SHOW = "from tasks import runner; print(runner.RUNNER, '|', runner.REASON)"


def choose(*, runner: str | None, first_on_path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The runner that a fresh process chooses."""
    environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{first_on_path}:{ROOT}" if first_on_path else str(ROOT)}
    if runner is not None:
        environ["DR_RUNNER"] = runner
    return subprocess.run(
        [sys.executable, "-c", SHOW], env=environ, capture_output=True, text=True, check=False, timeout=120
    )


def broken_prefect(directory: Path) -> Path:
    """A Prefect that dies on import, as it does with a FastAPI that is too new."""
    package = directory / "prefect"
    package.mkdir()
    (package / "__init__.py").write_text("raise TypeError(\"Body() got an unexpected keyword argument 'min_items'\")\n")
    return directory


def test_a_broken_prefect_means_the_plain_runner(tmp_path: Path) -> None:
    """Its dependency tree can be what is broken; the reason is kept."""
    done = choose(runner=None, first_on_path=broken_prefect(tmp_path))

    assert done.stdout.startswith("plain | Prefect cannot be imported: TypeError: Body() got"), done.stderr


def test_a_broken_prefect_that_was_asked_for_is_an_error(tmp_path: Path) -> None:
    """A worker must not run without Prefect seeing it."""
    done = choose(runner="prefect", first_on_path=broken_prefect(tmp_path))

    assert done.returncode != 0
    assert "DR_RUNNER=prefect, and Prefect cannot be imported" in done.stderr
    assert "min_items" in done.stderr


def test_plain_is_taken_at_its_word(tmp_path: Path) -> None:
    """Asked for the plain runner, Prefect is not even tried."""
    done = choose(runner="plain", first_on_path=broken_prefect(tmp_path))

    assert done.stdout.strip() == "plain | DR_RUNNER=plain"


def test_prefect_is_used_where_it_can_be_imported() -> None:
    """Without a word said, the schedule, the UI and the history come along."""
    assert choose(runner=None).stdout.strip() == "prefect | Prefect is installed"


def test_an_unknown_runner_is_an_error() -> None:
    """A misspelt choice is not replaced by another in silence."""
    done = choose(runner="prefekt")

    assert "there is no runner 'prefekt'" in done.stderr
