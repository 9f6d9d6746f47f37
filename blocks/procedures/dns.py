"""The section ``dns``, as a form."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, HttpUrl, SecretStr

from blocks.components.aws import AwsForm
from blocks.secret_field import secret


class DnsRecords(AwsForm):
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

    provider: Literal["route53", "cloudflare"] = Field(
        default="route53", title="Provider", description="Who answers for the names. The fields above are Route 53's."
    )
    zone: str = Field(
        default="", title="Zone", description="Id of the zone that holds the names, as the provider writes it."
    )
    names: list[str] = Field(
        default=[], title="Names", description="Names that are switched. No other is ever touched."
    )
    primary: list[str] = Field(
        default=[],
        title="Primary side",
        description="Where the names lead in normal times: addresses, a host name, alias:ZONE:HOST,"
        " terraform:OUTPUT, or name=value for one name.",
    )
    standby: list[str] = Field(
        default=[], title="Standby side", description="Where they lead after a failover to the second region."
    )
    recovered: list[str] = Field(
        default=[], title="Recovered side", description="Where they lead after a full recovery."
    )
    ttl_seconds: int = Field(
        default=60,
        ge=1,
        title="Time to live, seconds",
        description="Of what is switched, until the old one is put back.",
    )
    wait_minutes: float = Field(
        default=5.0, gt=0, title="Wait, minutes", description="How long the provider may take to spread a change."
    )
    cloudflare_token: SecretStr = secret("Cloudflare: API token", holds="an API token that may edit the zone's records")
    cloudflare_url: str = Field(
        default="https://api.cloudflare.com/client/v4",
        title="Cloudflare: API",
        description="Address of Cloudflare's API.",
    )
