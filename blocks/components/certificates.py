"""Which certificates there are and what renews them, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, HttpUrl, SecretStr

from blocks.components.form import ComponentForm
from blocks.secret_field import secret


class Certificates(ComponentForm):
    """Which certificates there are, when somebody should know of their end, and what renews them.

    Example:
        Load stored certificates:
        ```python
        from blocks import Certificates

        certificates = Certificates.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Certificates"
    _block_type_slug: ClassVar[str] = "certificates"
    _description: ClassVar[str] = "SSL certificates and their keys: where they lie, when to warn, what renews them."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl(
        "https://eff-certbot.readthedocs.io/en/stable/using.html#where-are-my-certificates"
    )
    kind: ClassVar[str] = "certificates"

    directories: list[str] = Field(
        default=[],
        title="Directories",
        description="Absolute paths of directories as certbot lays them out, such as /etc/letsencrypt/live.",
    )
    pairs: list[str] = Field(
        default=[],
        title="Certificates elsewhere",
        description="Absolute paths of a chain and its key, each as CHAIN.pem:KEY.pem.",
    )
    passphrase: SecretStr = secret(
        "Passphrase of keys",
        holds="the passphrase",
        variable="Name of the environment variable, on the worker, that holds the passphrase of encrypted private"
        " keys. Preferred.",
    )
    warn_days: list[int] = Field(
        default=[30, 14, 7],
        title="Warn, days before",
        description="Three numbers of days that fall: for a notice, a warning, and when it is critical.",
    )
    renewal_command: str = Field(
        default="",
        title="Renewal command",
        description="Command that renews what is due, such as certbot renew. It is run without a shell.",
    )
    renewal_minutes: float = Field(
        default=10.0, gt=0, title="Renewal, minutes", description="How long that command may take."
    )
    renew_days: int = Field(
        default=30,
        ge=1,
        title="Renew, days before",
        description="Days before its end from which a certificate is due to be renewed.",
    )
