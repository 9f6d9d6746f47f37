"""A directory of its own for every test, and secrets made up on the spot."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class Known:
    """An environment with the two variables that are enough, and the secrets in it."""

    password: str
    passphrase: str
    environ: Mapping[str, str]

    def plus(self, **variables: str) -> dict[str, str]:
        return {**self.environ, **variables}

    def without(self, *names: str) -> dict[str, str]:
        return {name: value for name, value in self.environ.items() if name not in names}


@pytest.fixture(autouse=True)
def own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No dr.toml of somebody else's is found."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def known() -> Known:
    """The least that makes a working system."""
    password, passphrase = secrets.token_hex(12), secrets.token_hex(16)
    environ = {"DATABASE_URL": f"postgresql://app:{password}@db:5432/main", "BACKUP_ENCRYPTION_KEY": passphrase}
    return Known(password, passphrase, environ)
