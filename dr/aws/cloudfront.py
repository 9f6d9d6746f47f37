"""CloudFront: making a distribution's caches forget. It is one service for the whole world."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dr.aws.errors import translated
from dr.aws.session import make_client
from dr.configuration.components.aws import AwsSettings

SECTION = "cdn"
_HOME = "us-east-1"
_ATTEMPTS = 4


class Distributions:
    """The account's. Raises SourceError: see ``dr.aws.errors``."""

    def __init__(self, settings: AwsSettings) -> None:
        region = settings.region or _HOME
        self._client: Any = make_client(settings, SECTION, "cloudfront", region=region, attempts=_ATTEMPTS)

    def latest(self, distribution: str) -> tuple[str, str] | None:
        """Id and state of the newest invalidation that CloudFront remembers."""
        with translated(SECTION, f"list the invalidations of {distribution}"):
            answer = self._client.list_invalidations(DistributionId=distribution, MaxItems="1")
            found = answer["InvalidationList"].get("Items") or []
            return (str(found[0]["Id"]), str(found[0]["Status"])) if found else None

    def invalidate(self, distribution: str, paths: Sequence[str], reference: str) -> str:
        """Ask for it; its id. Asked for again by the same reference, CloudFront answers with the one that there is."""
        batch = {"Paths": {"Quantity": len(paths), "Items": list(paths)}, "CallerReference": reference}
        with translated(SECTION, f"invalidate {', '.join(paths)} of {distribution}"):
            answer = self._client.create_invalidation(DistributionId=distribution, InvalidationBatch=batch)
            return str(answer["Invalidation"]["Id"])

    def is_done(self, distribution: str, invalidation: str) -> bool:
        """Whether every cache has forgotten."""
        with translated(SECTION, f"ask for the invalidation {invalidation} of {distribution}"):
            answer = self._client.get_invalidation(DistributionId=distribution, Id=invalidation)
            return str(answer["Invalidation"]["Status"]).lower() == "completed"
