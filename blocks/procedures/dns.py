"""The section ``dns``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import HttpUrl

from blocks.components.form import ComponentForm


class DnsRecords(ComponentForm):
    """The names of the product, and where they lead.

    Example:
        Load what is stored:
        ```python
        from blocks import DnsRecords

        dns = DnsRecords.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "DNS Records"
    _block_type_slug: ClassVar[str] = "dns-records"
    _description: ClassVar[str] = "The names of the product, and where they lead."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl(
        "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/Welcome.html"
    )
    kind: ClassVar[str] = "dns"
