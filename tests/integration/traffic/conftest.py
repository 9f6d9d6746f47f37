"""The providers, and what stands before them and breaks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contracts import traffic_subjects as subjects
from tests.contracts.traffic_subjects import system_with
from tests.endpoints.cloudflare import Cloudflare, cloudflare
from tests.endpoints.faulty import Faulty, faulty
from tests.endpoints.fixtures import moto_endpoint
from tests.endpoints.serving import Endpoint
from tests.endpoints.statuspage import Statuspage, statuspage
from tests.integration.traffic.product import Product, settings_of

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


@pytest.fixture
def product(moto_endpoint: Endpoint, amazon: Faulty, cloudflare_server: Cloudflare, tmp_path: Path) -> Product:
    """On the primary side; the cache is Cloudflare's, which the proxy does not break."""
    groups, names = subjects.target_groups(moto_endpoint, amazon), subjects.route53(moto_endpoint, amazon)
    plain = Faulty(cloudflare_server.url.removesuffix("/client/v4"))
    cache = subjects.cloudflare_cache(cloudflare_server, plain)
    system = system_with(
        tmp_path / "state", balancer=settings_of(groups), dns=settings_of(names), cdn=settings_of(cache)
    )
    return Product(system, groups, names, cache, amazon, moto_endpoint)
