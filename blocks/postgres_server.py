"""The server to protect, as a form."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, HttpUrl, SecretStr

from blocks.fields import filled_in, secret_fields
from blocks.form import Form
from blocks.secret_field import secret
from dr.configuration import Effective


class PostgresServer(Form):
    """A PostgreSQL server under protection: how to reach it, and whether it gives base backups.

    Example:
        Load a stored server:
        ```python
        from blocks import PostgresServer

        server = PostgresServer.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "PostgreSQL Server"
    _block_type_slug: ClassVar[str] = "postgresql-server"
    _description: ClassVar[str] = "A PostgreSQL server under protection: how to reach it, and what it can give."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl(
        "https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING"
    )

    url: SecretStr = secret(
        "Connection",
        "postgresql://user:password@host:port/database. Only if neither a variable nor a file can be used:"
        " whoever may call Prefect's API can read it.",
        variable="Name of the environment variable, on the worker, that holds the connection URL. Preferred: the"
        " password then never enters Prefect's database.",
        file="Absolute path, on the worker, of a file that holds the connection URL. As good as a variable.",
        titles=("environment variable", ": URL itself"),
    )
    replication_url: SecretStr = secret(
        "Replication",
        "The same for base backups, kept in Prefect's database; a reference is preferred.",
        variable="The same for base backups, when another role must do them. Empty: the connection above.",
        file="The same for base backups, in a file on the worker.",
        titles=("environment variable", ": URL itself"),
    )
    physical: bool = Field(
        default=True,
        title="Base backups",
        description="Whether the server gives base backups. Managed servers do not; dumps are still made of them.",
    )
    bin_directories: list[str] = Field(
        default=[],
        title="Client programs",
        description="Directories on the worker to look for pg_dump and the like first; others are found by themselves.",
    )

    def settings(self) -> dict[str, object]:
        """The fields that are filled in, as settings."""
        return filled_in("postgres", {name: getattr(self, name) for name in PostgresServer.model_fields})

    @classmethod
    def from_effective(cls, effective: Effective) -> Self:
        """The Block that says what a configuration says; secrets by reference where they are given so."""
        postgres = effective.system.postgres
        return cls.model_validate(
            {
                **secret_fields(effective.layer, "postgres.url", "url"),
                **secret_fields(effective.layer, "postgres.replication_url", "replication_url"),
                "physical": postgres.physical,
                "bin_directories": [str(path) for path in postgres.bin_directories],
            }
        )
