"""The section ``balancer``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import HttpUrl

from blocks.components.form import ComponentForm


class LoadBalancer(ComponentForm):
    """What spreads requests over the servers.

    Example:
        Load what is stored:
        ```python
        from blocks import LoadBalancer

        balancer = LoadBalancer.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Load Balancer"
    _block_type_slug: ClassVar[str] = "load-balancer"
    _description: ClassVar[str] = "What spreads requests over the servers."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl(
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/introduction.html"
    )
    kind: ClassVar[str] = "balancer"
