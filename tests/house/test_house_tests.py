"""The rules for tests: a skip is a failure where everything is demanded, and incident ids can be looked up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import incidents

ROOT = Path(__file__).resolve().parents[2]
NEEDS_SOMETHING = "import pytest\ndef test_it():\n    pytest.skip({reason!r})\n"


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A test suite under the house's own conftest."""
    (tmp_path / "tests" / "unit").mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "tests")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    slow: x\n    incident: x\n")
    return tmp_path


def _pytest(suite: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    dropped = ("CI", "DR_DEMAND_ALL", "COV", "PYTEST")
    base = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    base["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # our rules need no plugin, and loading them all takes a second
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    return subprocess.run(
        command, cwd=suite, env={**base, **environment}, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


@pytest.mark.parametrize("demand", [{"CI": "true"}, {"DR_DEMAND_ALL": "1"}])
def test_a_skip_is_a_failure_where_everything_is_demanded(suite, demand):
    """A test whose server is missing fails in CI, and says what to do."""
    (suite / "tests" / "test_one.py").write_text(NEEDS_SOMETHING.format(reason="no server here"))

    done = _pytest(suite, **demand)

    assert done.returncode == 1
    assert "1 failed" in done.stdout
    assert "skipped: no server here" in done.stdout


@pytest.mark.parametrize(
    "source",
    [
        "import pytest\n@pytest.mark.skip(reason='no server')\ndef test_it(): pass\n",
        "import pytest\npytest.importorskip('no_such_module')\ndef test_it(): pass\n",
        "import pytest\n@pytest.fixture\ndef server(): pytest.skip('none')\ndef test_it(server): pass\n",
    ],
)
def test_every_way_to_skip_is_seen(suite, source):
    """Marks, missing modules and fixtures skip no better than a plain skip."""
    (suite / "tests" / "test_one.py").write_text(source)
    (suite / "tests" / "test_two.py").write_text("def test_fine(): pass\n")

    assert _pytest(suite).returncode == 0
    assert _pytest(suite, CI="true").returncode in {1, 2}


def test_what_cannot_apply_here_may_skip(suite):
    """A reason that begins with 'not applicable:' is accepted, and shown."""
    (suite / "tests" / "test_one.py").write_text(NEEDS_SOMETHING.format(reason="not applicable: needs root"))

    done = _pytest(suite, CI="true")

    assert done.returncode == 0
    assert "1 skipped" in done.stdout


def test_a_developer_may_look_away(suite):
    """Without CI and without the demand a skip is only a skip."""
    (suite / "tests" / "test_one.py").write_text(NEEDS_SOMETHING.format(reason="no server here"))

    assert _pytest(suite).returncode == 0


def test_an_expected_failure_is_no_skip(suite):
    """A known defect marked xfail keeps its meaning."""
    source = "import pytest\n@pytest.mark.xfail\ndef test_it():\n    assert False\n"
    (suite / "tests" / "test_one.py").write_text(source)

    done = _pytest(suite, CI="true")

    assert done.returncode == 0
    assert "1 xfailed" in done.stdout


def test_slow_tests_are_refused_in_the_unit_room(suite):
    """Unit tests answer in seconds or are not unit tests."""
    (suite / "tests" / "unit" / "test_one.py").write_text("import pytest\n@pytest.mark.slow\ndef test_it(): pass\n")

    done = _pytest(suite)

    assert done.returncode == 4
    assert "too slow for tests/unit" in done.stderr + done.stdout


def test_slow_tests_run_last(suite):
    """Quick tests report first, whatever the order in the file."""
    (suite / "tests" / "test_one.py").write_text(
        "import pytest\nseen = []\n@pytest.mark.slow\ndef test_a(): assert seen == ['b']\n"
        "def test_b(): seen.append('b')\n"
    )

    assert _pytest(suite).returncode == 0


@pytest.mark.parametrize("marker", ["incident('7')", "incident()", "incident('I0')"])
def test_an_incident_id_that_is_none_is_refused(suite, marker):
    """A mistyped id would claim to cover nothing."""
    (suite / "tests" / "test_one.py").write_text(f"import pytest\n@pytest.mark.{marker}\ndef test_it(): pass\n")

    assert _pytest(suite).returncode == 4


def test_incidents_are_found_wherever_they_are_marked(tmp_path, capsys):
    """Markers on a function, a class and a module all count, in numeric order."""
    (tmp_path / "tests" / "unit").mkdir(parents=True)
    (tmp_path / "tests" / "unit" / "test_one.py").write_text(
        "import pytest\npytestmark = [pytest.mark.incident('I12')]\n"
        "@pytest.mark.incident('I2', 'I7')\ndef test_a(): ...\n"
        "@pytest.mark.incident('I1')\nclass TestB:\n    def test_c(self): ...\n"
        "def helper(): ...\n"
    )

    found = incidents.coverage(tmp_path)

    here = "tests/unit/test_one.py"
    assert found == {
        "I1": [f"{here}::TestB::test_c"],
        "I2": [f"{here}::test_a"],
        "I7": [f"{here}::test_a"],
        "I12": [f"{here}::test_a", f"{here}::TestB::test_c"],
    }
    assert incidents.main(["--root", str(tmp_path), "--require", "I1", "I12"]) == 0
    assert incidents.main(["--root", str(tmp_path), "--require", "I1", "I3"]) == 1
    assert "no test covers I3" in capsys.readouterr().err
