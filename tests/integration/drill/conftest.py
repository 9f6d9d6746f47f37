"""Productions to drill against: one per major that nobody spoils, and fresh ones for tests that do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from dr.postgres.installations import installed, server_for
from tests.endpoints.fixtures import moto_endpoint
from tests.integration.drill.site import Production, production

__all__ = ["moto_endpoint"]
MAJORS = sorted({item.major for item in installed() if item.has_server})


@pytest.fixture(scope="session", params=MAJORS, ids=lambda major: f"pg{major}")
def backed_up(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """A production with a dump, a base backup and WAL, on every installed major in turn; not to be changed."""
    with production(tmp_path_factory.mktemp(f"drill{request.param}"), server_for(request.param)) as made:
        made.back_up()
        yield made


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Callable[..., Production]]:
    """A production of a test's own, on the newest major unless it says so."""
    with ExitStack() as stack:

        def make(*stores: object, major: int = MAJORS[-1], **other: Any) -> Production:
            return stack.enter_context(production(tmp_path, server_for(major), *stores, **other))

        yield make
