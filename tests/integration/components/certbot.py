"""Fixtures of the tests of certificates: an authority, a directory as certbot has, a shelf that protects it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dr.configuration.components.certificates import CertificatesSettings
from tests.integration.components.authority import Authority
from tests.integration.components.shelf import Shelf


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One for all tests: it signs and keeps nothing."""
    return Authority.made(tmp_path_factory.mktemp("authority") / "ca")


@pytest.fixture
def live(tmp_path: Path) -> Path:
    """What certbot calls live."""
    path = tmp_path / "letsencrypt" / "live"
    path.mkdir(parents=True)
    (path / "README").write_text("links\n")
    return path


def of(shelf: Shelf, *directories: Path, **settings: Any) -> Shelf:
    """The shelf with these certificates."""
    return shelf.with_components(certificates=CertificatesSettings(directories=directories, **settings))
