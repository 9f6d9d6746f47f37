"""Where a recovery goes: an empty directory, or an empty database on a running server."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dr.catalog.labels import Kind
from dr.errors import ConfigurationError, TargetRefused
from dr.postgres.connection import display_name, parameters, with_database
from dr.secret import Secret


@dataclass(frozen=True, slots=True)
class DirectoryTarget:
    """A data directory to be made."""

    directory: Path

    @property
    def kind(self) -> Kind:
        return Kind.BASE

    def __str__(self) -> str:
        return str(self.directory)


@dataclass(frozen=True, slots=True)
class DatabaseTarget:
    """A database on a server that runs; created when it does not exist.

    ``sandbox``: a server of our own, beside which the original's may run: tablespaces go into its data directory.
    """

    url: Secret
    database: str
    sandbox: bool = False

    @property
    def kind(self) -> Kind:
        return Kind.DUMP

    @property
    def maintenance_url(self) -> Secret:
        """The same server, in the database ``postgres``: the target itself may not exist yet."""
        return with_database(self.url, "postgres")

    def __str__(self) -> str:
        return f"database {self.database} on {display_name(self.url)}"


Target = DirectoryTarget | DatabaseTarget


def parse_target(text: str, environ: Mapping[str, str] = os.environ) -> Target | None:
    """Read ``--to``: a directory, a PostgreSQL address, or ``env:NAME`` of a variable that holds one; None when empty.

    An address is anything that begins with ``postgres://``, ``postgresql://`` or contains ``dbname=``.
    """
    if not text:
        return None
    if text.startswith("env:"):
        name = text.removeprefix("env:")
        text = environ.get(name, "").strip()
        if not text:
            raise ConfigurationError(
                f"the target is env:{name}, and the environment variable {name} is not set or empty",
                hint=f"Set {name} to postgresql://USER:PASSWORD@HOST/DATABASE, or name the target itself.",
            )
    if text.startswith(("postgres://", "postgresql://")) or "dbname=" in text:
        url = Secret(text)
        database = parameters(url).get("dbname")
        if not database:
            raise TargetRefused(
                f"the address {display_name(url)} names no database",
                hint="Add /DATABASE; it is created when it does not exist.",
            )
        return DatabaseTarget(url, database)
    try:
        return DirectoryTarget(Path(text).expanduser().absolute())
    except RuntimeError as error:
        raise ConfigurationError(f"the target {text!r} is no directory", str(error), "Give its whole path.") from error
