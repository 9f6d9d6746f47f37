"""The section ``cdn``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import HttpUrl

from blocks.components.form import ComponentForm


class ContentDelivery(ComponentForm):
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
