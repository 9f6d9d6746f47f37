"""The parts of the demo that need no server."""

from __future__ import annotations

import secrets
import socket
import stat
from pathlib import Path

import pytest

from dr.configuration import load
from dr.configuration.model import EncryptionSettings, PostgresSettings, StoreSettings, System
from dr.demo.configuration_file import environment_for, write_configuration
from dr.demo.corruption import overwrite_pages
from dr.demo.ports import LOOPBACK, reserved_port
from dr.demo.writer import WriterSettings, environment_from, settings_from
from dr.secret import Secret

PAGE = 8192


def _system(directory: Path) -> System:
    password = secrets.token_hex(8)
    return System(
        name="demo",
        postgres=PostgresSettings(Secret(f"postgresql://backup:{password}@127.0.0.1:1/shop")),
        stores=(
            StoreSettings("local", "local", path=directory / "backups"),
            StoreSettings(
                "cloud",
                "s3",
                bucket="demo-backups",
                region="us-east-1",
                endpoint_url="http://127.0.0.1:1",
                access_key_id="demo",
                secret_access_key=Secret(secrets.token_hex(8)),
            ),
        ),
        encryption=EncryptionSettings(recipients=(secrets.token_hex(20).upper(),), gnupg_home=directory / "home"),
        state_directory=directory / "state",
    )


@pytest.mark.parametrize("name", ["plain", "with 'quotes' and \"more\"", "größer 日本 🧿", "back\\slash\ttab"])
def test_another_process_sees_the_same_system(tmp_path: Path, name: str) -> None:
    """Whatever the directory is called, and whatever the owner of the machine has set for real systems."""
    directory = tmp_path / name
    directory.mkdir()
    system = _system(directory)
    file = write_configuration(directory, system)
    foreign = {
        "DATABASE_URL": "postgresql://real@real.example/real",
        "BACKUP_ENCRYPTION_KEY": secrets.token_hex(8),
        "AWS_BACKUP_BUCKET": "real",
        "AWS_SECRET_ACCESS_KEY_FILE": "/nowhere",
        "GNUPGHOME": "/nowhere",
        "DR_CONFIG": "/nowhere",
        "DR_SYSTEM": "real",
    }

    assert load(environ={**foreign, **environment_for(file, system)}).system == system


def test_secrets_lie_in_files_of_their_owner_only(tmp_path: Path) -> None:
    """The configuration names them, and nobody else can read them."""
    system = _system(tmp_path)
    file = write_configuration(tmp_path, system)
    url = system.postgres.url.reveal()

    assert url not in file.read_text()
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in (file, *(tmp_path / "secrets").iterdir()))
    assert url not in str(environment_for(file, system))


def test_a_reserved_port_can_be_served_and_is_not_given_away() -> None:
    """A server with SO_REUSEADDR listens on it; a plain bind is refused."""
    with reserved_port() as port:
        with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
            stranger.bind((LOOPBACK, port))
        with socket.create_server((LOOPBACK, port)) as server, socket.create_connection((LOOPBACK, port)):
            assert server.getsockname()[1] == port
        with socket.socket() as visitor:
            assert visitor.connect_ex((LOOPBACK, port)) != 0


def test_only_the_chosen_pages_are_overwritten_and_the_seed_chooses(tmp_path: Path) -> None:
    """The same seed damages the same pages in the same way, in the middle of the file, and keeps its size."""
    files = [tmp_path / "one", tmp_path / "two", tmp_path / "three"]
    for file in files:
        file.write_bytes(b"\1" * PAGE * 40)
    damages = [overwrite_pages(file, PAGE, 40, seed) for file, seed in zip(files, (1, 1, 2), strict=True)]
    contents = [file.read_bytes() for file in files]
    changed = [number for number in range(40) if contents[0][number * PAGE : (number + 1) * PAGE] != b"\1" * PAGE]

    assert contents[0] == contents[1] != contents[2]
    assert tuple(changed) == damages[0]
    assert len(changed) == 5
    assert all(10 <= number < 30 for number in changed)
    assert len(contents[0]) == PAGE * 40


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_a_table_of_few_pages_is_damaged_too(tmp_path: Path, pages: int) -> None:
    """There is always a middle."""
    file = tmp_path / "small"
    file.write_bytes(b"\1" * PAGE * pages)

    assert overwrite_pages(file, PAGE, pages, 1)
    assert file.stat().st_size == PAGE * pages


def test_the_writers_settings_travel_by_environment(tmp_path: Path) -> None:
    """What is set is what arrives, the address with its password too."""
    settings = WriterSettings(
        Secret("postgresql://somebody@127.0.0.1:1/shop"), "run", tmp_path / "j", tmp_path, "demo", 800, 300.0
    )

    assert settings_from(environment_from(settings)) == settings
