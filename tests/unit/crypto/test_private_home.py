"""A home that holds a secret key goes with the process that made it, however that ends."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dr.configuration.model import EncryptionSettings
from dr.crypto.gnupg import opened
from dr.crypto.private_home import private_home
from dr.pipeline.process import is_running
from tests.unit.crypto.keyrings import People


@pytest.fixture
def imported(people: People, monkeypatch: pytest.MonkeyPatch) -> Iterator[EncryptionSettings]:
    """A secret key in a file, and a temporary directory of our own, which has to have a short name."""
    with tempfile.TemporaryDirectory(prefix="dr-h-", dir="/tmp") as directory:
        monkeypatch.setattr(tempfile, "tempdir", directory)
        key = people.ring.export("ours", Path(directory) / "key", secret=True)
        yield replace(people.settings, gnupg_home=None, secret_key_file=key)


def killed_with(settings: EncryptionSettings) -> tuple[Path, int]:
    """A process that has the key at hand, and dies of SIGKILL: its home, and the agent that it has left behind."""
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        with opened(settings) as cipher:
            home = str(cipher._home)
            agent = next(pid for pid in map(int, filter(str.isdigit, _processes())) if _serves(pid, home))
            os.write(tell, f"{home} {agent}".encode())
            signal.pause()
    home, serving = os.read(told, 200).decode().split()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    for end in (told, tell):
        os.close(end)
    return Path(home), int(serving)


def _processes() -> list[str]:
    return [entry.name for entry in Path("/proc").iterdir()]


def _serves(pid: int, home: str) -> bool:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return False
    return "gpg-agent" in line and home in line


def test_what_a_killed_process_left_is_removed_by_the_next_one(imported: EncryptionSettings) -> None:
    """The key, and the agent that would go on serving it."""
    home, agent = killed_with(imported)
    assert any((home / "private-keys-v1.d").iterdir())
    assert is_running(agent)

    with opened(imported) as cipher:
        assert not home.exists()
        assert cipher._home != home
    assert not _serves(agent, str(home))


def test_the_home_of_one_that_lives_is_left_alone() -> None:
    """Also of another thread of this process."""
    with private_home() as first:
        (first / "key").touch()
        with private_home() as second:
            assert (first / "key").exists()
            assert second != first

    assert not first.exists()
    assert not second.exists()
