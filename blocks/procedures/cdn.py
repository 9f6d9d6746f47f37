"""The section ``cdn``, as a form."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, HttpUrl, SecretStr

from blocks.components.aws import AwsForm
from blocks.secret_field import secret


class ContentDelivery(AwsForm):
    """The cache in front of the application.

    Example:
        Load what is stored:
        ```python
        from blocks import ContentDelivery

        cdn = ContentDelivery.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Content Delivery"
    _block_type_slug: ClassVar[str] = "content-delivery"
    _description: ClassVar[str] = "The cache in front of the application."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl(
        "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Invalidation.html"
    )
    kind: ClassVar[str] = "cdn"

    provider: Literal["cloudfront", "cloudflare"] = Field(
        default="cloudfront", title="Provider", description="Whose cache it is. The fields above are CloudFront's."
    )
    distributions: list[str] = Field(
        default=[], title="CloudFront: distributions", description="Distributions to invalidate, by id."
    )
    zone: str = Field(default="", title="Cloudflare: zone", description="Id of the zone whose cache is purged.")
    hosts: list[str] = Field(
        default=[],
        title="Cloudflare: hosts",
        description="Hosts whose paths are forgotten. Not needed when all paths are.",
    )
    paths: list[str] = Field(
        default=["/*"],
        title="Paths",
        description="Paths that are stale after a recovery. They begin with a slash and may end with *.",
    )
    wait_minutes: float = Field(
        default=15.0, gt=0, title="Wait, minutes", description="How long an invalidation may take."
    )
    cloudflare_token: SecretStr = secret("Cloudflare: API token", holds="an API token that may purge the zone's cache")
    cloudflare_url: str = Field(
        default="https://api.cloudflare.com/client/v4",
        title="Cloudflare: API",
        description="Address of Cloudflare's API.",
    )
