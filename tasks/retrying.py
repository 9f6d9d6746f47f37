"""When a step is tried again, and after how long: one policy for both runners.

Only an error that says so of itself (``retryable``) is tried again: a wrong key, a bad password or a corrupt object
stays what it is however often one asks.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass

FACTOR = 2.0
BASE_VARIABLE = "DR_RETRY_BASE_SECONDS"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most ``retries`` more attempts, the n-th after ``base * 2**(n-1)`` seconds, capped, less up to half by chance.

    The environment variable DR_RETRY_BASE_SECONDS replaces every base.
    """

    retries: int = 0
    base_seconds: float = 1.0
    cap_seconds: float = 60.0

    def delays(self) -> tuple[float, ...]:
        """The pause before each further attempt, in seconds, drawn anew at every call."""
        base = float(os.environ.get(BASE_VARIABLE) or self.base_seconds)
        longest = (min(self.cap_seconds, base * FACTOR**place) for place in range(self.retries))
        # Jitter keeps systems that failed together from coming back together; it needs no cryptography.
        return tuple(delay * random.uniform(0.5, 1.0) for delay in longest)  # noqa: S311


def is_retryable(error: object) -> bool:
    """Whether trying again can help, by the error's own word."""
    return isinstance(error, Exception) and getattr(error, "retryable", False) is True
