"""CloudFront's caches: an invalidation each, waited for until all of them have forgotten."""

from __future__ import annotations

import time
from collections.abc import Sequence

from dr.aws.cloudfront import Distributions
from dr.configuration.procedures.cdn import CdnSettings
from dr.errors import InfrastructureError
from dr.traffic.caches import Cache

POLL_SECONDS = 3.0


class CloudFrontCache(Cache):
    """The configured distributions."""

    def __init__(self, settings: CdnSettings) -> None:
        super().__init__(settings, settings.distributions)
        self._distributions = Distributions(settings)

    def last(self, cache: str) -> str:
        found = self._distributions.latest(cache)
        return f"last emptied by {found[0]} ({found[1]})" if found else "filled, and never emptied"

    def empty(self, cache: str, paths: Sequence[str], reference: str) -> str:
        made = self._distributions.invalidate(cache, paths, reference)
        end = time.monotonic() + self._settings.wait_minutes * 60
        while not self._distributions.is_done(cache, made):
            if time.monotonic() >= end:
                raise InfrastructureError(
                    f"the cache of {cache} is not emptied after {self._settings.wait_minutes:g} minutes",
                    f"invalidation {made} is not Completed",
                    f"It goes on by itself: aws cloudfront get-invalidation --distribution-id {cache} --id {made}",
                )
            time.sleep(max(0.0, min(POLL_SECONDS, end - time.monotonic())))
        return f"invalidation {made}: Completed"
