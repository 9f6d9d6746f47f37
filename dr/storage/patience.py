"""Ask a store again that does not answer, before its silence is taken for anything.

A store repeats single requests by itself. This is for the step above: an object that is read back whole must not count
as lost because its endpoint was restarted just then.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from typing import TypeVar

from dr.errors import StoreError

logger = logging.getLogger(__name__)

T = TypeVar("T")

_BASE_VARIABLE = "DR_RETRY_BASE_SECONDS"
_BASE_SECONDS = 2.0
_AGAIN = 3


def patiently(attempt: Callable[[], T]) -> T:
    """What ``attempt`` returns; it is called again up to three times, after 2, 4 and 8 seconds, while it raises a
    StoreError that says of itself that trying again can help. The last one is raised.

    The environment variable DR_RETRY_BASE_SECONDS replaces the 2 seconds.
    """
    base = float(os.environ.get(_BASE_VARIABLE) or _BASE_SECONDS)
    for place in range(_AGAIN):
        try:
            return attempt()
        except StoreError as error:
            if not error.retryable:
                raise
            pause = base * 2**place
            logger.info("asking again in %g s: %s", pause, error.message)
        time.sleep(pause)
    return attempt()
