"""What several scenarios share: a product whose host is gone, built once for all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scenarios.losing_host import lost_host
from tests.scenarios.lost_host import LostHost


@pytest.fixture(scope="session")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LostHost]:
    """The wreck. Each scenario recovers it on a host of its own, one after the other."""
    with lost_host(tmp_path_factory.mktemp("lost")) as found:
        yield found
