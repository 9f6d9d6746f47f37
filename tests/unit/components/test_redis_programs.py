"""Which server program is taken for a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dr.components.redis.programs import server_for, servers

SCRIPT = """#!/bin/sh
case "$0" in
*redis-server) echo "Redis server v={version} sha=00000000:0 malloc=libc bits=64" ;;
*) echo "this is redis-check-rdb" ;;
esac
"""


def installed(directory: Path, version: str) -> Path:
    """As Debian installs it: the server is a link to a program that acts by the name it is called."""
    directory.mkdir()
    program = directory / "redis-check-rdb"
    program.write_text(SCRIPT.format(version=version))
    program.chmod(0o755)
    (directory / "redis-server").symlink_to(program)
    return directory / "redis-server"


def test_a_link_is_called_by_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolved to its target, it would be another program."""
    link = installed(tmp_path / "bin", "97.2.4")
    monkeypatch.setenv("PATH", f"{link.parent}{os.pathsep}{os.environ['PATH']}")

    assert servers()[0].path == link
    assert servers()[0].version == (97, 2, 4)


@pytest.mark.incident("I1")
def test_no_program_older_than_the_writer_is_taken_where_there_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a file of 97.1 that is 97.2; for one of 98 the newest there is, which may fail and then says why."""
    link = installed(tmp_path / "bin", "97.2.4")
    monkeypatch.setenv("PATH", f"{link.parent}{os.pathsep}{os.environ['PATH']}")

    assert server_for("97.1.0").path == link
    assert server_for("98.0.0").path == link
    assert len(servers()) == 1 or server_for("1.0").path != link
