"""One server per module to break and mend, and one of every installed major where SQL could differ."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dr.catalog.expected import Expected
from dr.operations.verify_recovery.baseline import take_baseline
from tests.integration.verify_recovery.shop import SECONDS, new_shop
from tests.integration.wal.plant import Site, majors
from tests.unit.crypto.keyrings import People, people

__all__ = ["people"]


@pytest.fixture(scope="module", params=majors(), ids=lambda major: f"pg{major}")
def any_shop(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, people: People
) -> Iterator[Site]:
    """Every installed major in turn."""
    with new_shop(tmp_path_factory.mktemp(f"shop{request.param}"), request.param, people) as site:
        yield site


@pytest.fixture(scope="module")
def any_before(any_shop: Site) -> Expected:
    """What there was before anything was broken."""
    return take_baseline(any_shop.system, SECONDS)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, people: People) -> Iterator[Site]:
    """The newest major."""
    with new_shop(tmp_path_factory.mktemp("shop"), majors()[-1], people) as site:
        yield site


@pytest.fixture(scope="module")
def before(shop: Site) -> Expected:
    """What there was before anything was broken."""
    return take_baseline(shop.system, SECONDS)
