"""Settings of the section ``erasure``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dr.configuration import parsers
from dr.configuration.components.declared import given
from dr.secret import Secret


@dataclass(frozen=True, slots=True)
class ErasureSettings:
    """People who asked to be forgotten: which, and how they are erased again after a restore.

    ``ledger`` lies outside of the database, or a restore would forget who is to be forgotten.
    """

    ledger: Path | None = given(parsers.path, "file that lists who was erased, one line of JSON each")
    statements: Path | None = given(
        parsers.path, "directory of SQL files that erase :subject, and of *.check.sql that must find nothing of it"
    )
    database_url: Secret | None = given(
        parsers.secret, "the protected database as a role that may erase; empty: postgres.url"
    )
    timeout_minutes: float = given(parsers.positive_minutes, "how long one of the statements may take", 10.0)
