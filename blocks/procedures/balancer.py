"""The section ``balancer``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, HttpUrl

from blocks.components.aws import AwsForm


class LoadBalancer(AwsForm):
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

    target_groups: list[str] = Field(default=[], title="Target groups", description="Target groups, by name or ARN.")
    primary: list[str] = Field(
        default=[],
        title="Primary side",
        description="Servers that get the requests in normal times: instance ids or addresses, with :PORT"
        " where it is not the group's, terraform:OUTPUT, or group=server for one group.",
    )
    standby: list[str] = Field(
        default=[],
        title="Standby side",
        description="Servers that get them after a failover. Empty: the groups stay as they are.",
    )
    recovered: list[str] = Field(
        default=[],
        title="Recovered side",
        description="Servers that get them after a full recovery. Empty: the groups stay as they are.",
    )
    wait_minutes: float = Field(
        default=10.0, gt=0, title="Wait, minutes", description="How long new servers may take to become healthy."
    )
