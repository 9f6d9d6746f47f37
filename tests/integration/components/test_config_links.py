"""Configured paths that go through links, and one another: whatever is green can be laid out again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.configuration.components.config import ConfigSettings
from tests.integration.components.etc_shop import lying_under
from tests.integration.components.shelf import Shelf, failed


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A product as it is deployed: the release in use is a link."""
    path = tmp_path / "srv" / "app"
    (path / "releases" / "1" / "conf.d").mkdir(parents=True)
    (path / "releases" / "1" / ".env").write_text("LEVEL=info\n")
    (path / "releases" / "1" / "conf.d" / "web.conf").write_text("listen 8080;\n")
    (path / "releases" / "1" / "conf.d" / "web.old").write_text("listen 80;\n")
    (path / "current").symlink_to("releases/1")
    return path


def test_a_file_by_its_way_through_a_link_is_kept_where_it_lies(shelf: Shelf, app: Path) -> None:
    """The directory holds that link too: both come back, and the file can be asked for as it is configured."""
    env = app / "current" / ".env"
    shelf = shelf.with_components(config=ConfigSettings(paths=(app,), environment_files=(env,)))
    published = shelf.back_up(Kind.CONFIG)

    restored = shelf.restore(Kind.CONFIG)
    alone = shelf.restore(Kind.CONFIG, wanted=(str(env),))

    back = lying_under(Path(restored.directory), app)
    assert published.problems == ()
    assert (back / "current").readlink() == Path("releases/1")
    assert (back / "current" / ".env").read_text() == "LEVEL=info\n"
    assert lying_under(Path(alone.directory), app / "releases" / "1" / ".env").read_text() == "LEVEL=info\n"
    assert failed(shelf.question(Kind.CONFIG, restored)) == []
    assert any(f"{env} goes through a link" in note for note in shelf.contents(Kind.CONFIG).notes)


def test_a_link_and_what_lies_below_it_can_both_be_configured(shelf: Shelf, app: Path) -> None:
    """The link, what it leads to, and a directory by way of it; what is excluded by way of it stays out."""
    current = app / "current"
    paths, exclude = (current, current / "conf.d"), (f"{current}/conf.d/*.old",)
    shelf = shelf.with_components(config=ConfigSettings(paths=paths, exclude=exclude))
    published = shelf.back_up(Kind.CONFIG)

    restored = shelf.restore(Kind.CONFIG)

    back = lying_under(Path(restored.directory), app)
    assert published.problems == ()
    assert (back / "current" / "conf.d" / "web.conf").read_text() == "listen 8080;\n"
    assert [path.name for path in (back / "releases" / "1" / "conf.d").iterdir()] == ["web.conf"]
    assert failed(shelf.question(Kind.CONFIG, restored)) == []


_LOOK = """
import sys
from pathlib import Path
from dr.components.config.walk import walk
for seen in walk((sys.argv[1],), ()):
    print(Path(seen.path).name, seen.reason)
"""


def test_a_directory_that_can_be_listed_and_not_entered_is_named(tmp_path: Path) -> None:
    """Its names are known and nothing else: the reason stands with it, and the rest is looked at."""
    closed = tmp_path / "etc" / "closed"
    closed.mkdir(parents=True)
    (closed / "inside").touch()
    (tmp_path / "etc" / "open").touch()
    closed.chmod(0o644)
    # Root may enter everything unless these two rights are taken away from it.
    less = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()

    done = subprocess.run((*less, sys.executable, "-c", _LOOK, tmp_path / "etc"), capture_output=True, text=True)
    closed.chmod(0o755)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["etc ", "closed Permission denied", "open "]
