"""The day on which this program is gone: uploads come back with gpg, zstd and python3, as the page says."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from tests.integration.components.shelf import Shelf
from tests.integration.components.test_files import protecting
from tests.integration.components.uploads import make_uploads, seen
from tests.unit.crypto.keyrings import People

PAGE = Path(__file__).parents[3] / "docs" / "components" / "files.md"
Look = tuple[object, ...]


@pytest.mark.incident("I34")
def test_uploads_come_back_with_stock_programs(shelf: Shelf, people: People, tmp_path: Path) -> None:
    """The page's own script, from a backup whose files lie in packs of two backups, compared path by path."""
    uploads = make_uploads(tmp_path / "uploads")
    shelf = protecting(shelf, uploads)
    shelf.back_up(Kind.FILES)
    (uploads / "later").write_bytes(b"of the second day")
    label = shelf.back_up(Kind.FILES).label
    (script,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "by_hand.py").write_text(script)
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("gpg", "gpg-agent", "zstd"):
        (programs / name).symlink_to(shutil.which(name) or "")
    argv = (sys.executable, "-I", "-S", tmp_path / "by_hand.py", tmp_path / "second" / "shop", label, tmp_path / "back")
    before = seen(uploads)
    shutil.rmtree(uploads)

    done = subprocess.run(
        argv, env={"PATH": str(programs), "GNUPGHOME": str(people.ring.home)}, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    assert _by_content(seen(tmp_path / "back" / "uploads")) == _by_content(before)
    assert (tmp_path / "back" / "uploads" / "sparse").stat().st_blocks * 512 < 1 << 20


def _by_content(found: dict[bytes, Look]) -> dict[bytes, Look]:
    """What the script promises: types, modes, times and contents of files and directories, where links lead."""
    kept: dict[bytes, Look] = {}
    for key, (kind, mode, _, mtime, content, _) in found.items():
        if kind == stat.S_IFLNK:
            kept[key] = (kind, content)
        elif kind in (stat.S_IFREG, stat.S_IFDIR):
            kept[key] = (kind, mode, mtime, content)
    assert os.fsencode("/later") in kept
    return kept
