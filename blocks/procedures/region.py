"""The section ``region``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, HttpUrl, SecretStr

from blocks.components.aws import AwsForm
from blocks.secret_field import secret


class SecondRegion(AwsForm):
    """The replica elsewhere, and how the server of either region is fenced.

    Example:
        Load what is stored:
        ```python
        from blocks import SecondRegion

        region = SecondRegion.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Second Region"
    _block_type_slug: ClassVar[str] = "second-region"
    _description: ClassVar[str] = "The replica elsewhere, and how the first region is fenced."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://www.postgresql.org/docs/current/warm-standby.html")
    kind: ClassVar[str] = "region"

    primary_url: SecretStr = secret(
        "First region",
        variable="Variable, on the worker, that holds the address of the first region's server itself. Preferred.",
        file="Absolute path of a file that holds that address.",
        titles=("variable", ": address itself"),
    )
    primary_directory: str = Field(
        default="", title="First region: data directory", description="Where it is on the worker's host."
    )
    primary_service: str = Field(
        default="", title="First region: service", description="The service that runs the server: a name of services.*."
    )
    standby_url: SecretStr = secret(
        "Second region",
        variable="Variable, on the worker, that holds the address of the second region's server itself. Preferred.",
        file="Absolute path of a file that holds that address.",
        titles=("variable", ": address itself"),
    )
    standby_directory: str = Field(
        default="", title="Second region: data directory", description="Where it is on the worker's host."
    )
    standby_service: str = Field(
        default="",
        title="Second region: service",
        description="The service that runs the server: a name of services.*.",
    )
    services: list[str] = Field(
        default=[],
        title="Second region: application",
        description="Services of the application in the second region, begun after a failover.",
    )
    fence: list[str] = Field(
        default=["service", "command", "ec2", "sql"],
        title="Fences",
        description="How a server is kept from writing, tried in this order until one is proven.",
    )
    fence_command: str = Field(
        default="",
        title="Fence: command",
        description="Command that fences a server; exit status 0 says that it is. DR_FENCE holds primary or standby.",
    )
    fence_instances: list[str] = Field(
        default=[],
        title="Fence: EC2 instances",
        description="Instances of the first region's server, by id, to be stopped.",
    )
    witnesses: list[str] = Field(
        default=[],
        title="Witnesses",
        description="Stores whose majority must be asked before a promotion. Empty: any one of all stores.",
    )
    quiet_minutes: float = Field(
        default=1.0,
        gt=0,
        title="Quiet, minutes",
        description="No WAL may have come into any store for this long before a promotion.",
    )
    catch_up_minutes: float = Field(
        default=240.0, gt=0, title="Catch up, minutes", description="How long a replica may take to catch up."
    )
