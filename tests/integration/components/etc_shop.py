"""A product's configuration, and what there is to know of a tree of files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PASSWORD = "correct horse battery staple"


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """A product's configuration: files of several formats, modes, links and names."""
    path = tmp_path / "etc shop"
    (path / "conf.d").mkdir(parents=True)
    (path / "app.toml").write_text(f'[database]\npassword = "{PASSWORD}"\npool = 5\n')
    (path / "app.toml").chmod(0o640)
    (path / "conf.d" / "web.conf").write_text("listen 8080;\n")
    (path / "current").symlink_to("conf.d/web.conf")
    (path / "empty").write_bytes(b"")
    (path / "conf.d" / "naïve\nname").write_text("odd\n")
    Path(os.fsdecode(os.fsencode(path) + b"/latin-\xe9")).write_bytes(b"\x00\xff")
    os.utime(path / "app.toml", ns=(1_700_000_000_123_456_789, 1_700_000_000_123_456_789))
    os.utime(path / "conf.d", ns=(1_600_000_000_000_000_001, 1_600_000_000_000_000_001))
    (path / "conf.d").chmod(0o750)
    return path


def tree(root: Path) -> dict[str, object]:
    """Everything about every path: content or target, mode, owner, time to the nanosecond."""
    found: dict[str, object] = {}
    for path in sorted(root.rglob("*")):
        seen = path.lstat()
        if path.is_symlink():
            content: object = str(path.readlink())
        else:
            content = path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(root))] = (content, seen.st_mode, seen.st_uid, seen.st_gid, seen.st_mtime_ns)
    return found


def lying_under(restored: Path, original: Path) -> Path:
    """Where a restore has laid what was at an absolute path."""
    return restored / "files" / str(original).lstrip("/")
