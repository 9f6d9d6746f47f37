"""The Redis to protect, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, HttpUrl, SecretStr

from blocks.components.form import ComponentForm
from blocks.secret_field import secret


class RedisServer(ComponentForm):
    """A Redis under protection: all its databases, whichever its address names.

    Example:
        Load a stored server:
        ```python
        from blocks import RedisServer

        redis = RedisServer.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Redis Server"
    _block_type_slug: ClassVar[str] = "redis-server"
    _description: ClassVar[str] = "A Redis under protection: how to reach it, and what its loss means."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl(
        "https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/"
    )
    kind: ClassVar[str] = "redis"

    url: SecretStr = secret(
        "Address",
        "redis://user:password@host:port, rediss:// for TLS, or unix:///path/to/socket. Kept in Prefect's"
        " database, where whoever may call its API can read it; a reference is preferred.",
        variable="Name of the environment variable, on the worker, that holds the address. Preferred: the password"
        " then never enters Prefect's database.",
        file="Absolute path, on the worker, of a file that holds the address. As good as a variable.",
    )
    ca_file: str = Field(
        default="",
        title="TLS certificates",
        description="Absolute path of the certificates that rediss:// trusts. Empty: the worker's own.",
    )
    cache_only: bool = Field(
        default=False,
        title="Cache only",
        description="Nothing is lost with it: a backup that could not be made is then no failure.",
    )
    local_dump: str = Field(
        default="",
        title="Directory of dump.rdb",
        description="For a Redis on the worker that gives no replication stream: BGSAVE is ordered and dump.rdb is"
        " read from here.",
    )
