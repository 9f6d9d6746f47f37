"""The providers, and what stands before them and breaks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.endpoints.cloudflare import Cloudflare, cloudflare
from tests.endpoints.faulty import Faulty, faulty
from tests.endpoints.fixtures import moto_endpoint
from tests.endpoints.serving import Endpoint
from tests.endpoints.statuspage import Statuspage, statuspage

__all__ = ["moto_endpoint"]


@pytest.fixture(scope="session")
def _amazon(moto_endpoint: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    with faulty(tmp_path_factory.mktemp("amazon"), moto_endpoint.url) as proxy:
        yield proxy


@pytest.fixture
def amazon(_amazon: Faulty) -> Faulty:
    """Before moto; nothing is broken yet."""
    _amazon.rules()
    return _amazon


@pytest.fixture(scope="session")
def cloudflare_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloudflare]:
    """One zone for all."""
    with cloudflare(tmp_path_factory.mktemp("cloudflare")) as server:
        yield server


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Statuspage]:
    """A page without incidents."""
    with statuspage(tmp_path) as server:
        yield server
