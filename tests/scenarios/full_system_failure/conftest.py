"""What the files of this disaster share: one full recovery with everything in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scenarios.full_system_failure.recovered import Recovered, recovering
from tests.scenarios.lost_host import LostHost


@pytest.fixture(scope="session")
def recovered(lost: LostHost) -> Iterator[Recovered]:
    """Done once. Its services run until somebody else clears the host: ask what lives in the file that plays it."""
    with recovering(lost) as found:
        yield found
