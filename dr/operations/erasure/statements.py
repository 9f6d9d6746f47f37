"""The operator's SQL that erases a person, and the SQL that must find nothing of him afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dr.errors import ConfigurationError
from dr.postgres.named_parameter import Statement, statements

PARAMETER = "subject"
CHECK_SUFFIX = ".check.sql"
_DATABASE = re.compile(r"^--\s*database:\s*(\S+)\s*$")


@dataclass(frozen=True, slots=True)
class ErasureFile:
    """One file. ``database`` is empty for the protected one; the first line ``-- database: NAME`` names another."""

    name: str
    database: str
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class ErasureStatements:
    """All files, each in the order of their names."""

    erasing: tuple[ErasureFile, ...]
    checks: tuple[ErasureFile, ...]

    @property
    def databases(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(item.database for item in (*self.erasing, *self.checks)))

    @property
    def count(self) -> int:
        """Statements that erase."""
        return sum(len(item.statements) for item in self.erasing)


def read_statements(directory: Path | None) -> ErasureStatements:
    """Raises ``ConfigurationError`` when there are none, none that check, or one that erases everybody."""
    if directory is None:
        raise ConfigurationError(
            "nothing says how a person is erased",
            hint="Set erasure.statements to a directory of SQL files. The backup of the configuration has them, where"
            " they were among config.paths.",
        )
    if not directory.is_dir():
        raise ConfigurationError(
            f"{directory} is no directory, and erasure.statements names it",
            hint="Bring it back (it belongs into the backup of the configuration), or correct the setting.",
        )
    files = sorted(directory.glob("*.sql"))
    erasing = tuple(_read(file) for file in files if not file.name.endswith(CHECK_SUFFIX))
    checks = tuple(_read(file) for file in files if file.name.endswith(CHECK_SUFFIX))
    for found, what in ((erasing, "erases a person (NAME.sql)"), (checks, f"finds what is left (NAME{CHECK_SUFFIX})")):
        if not any(item.statements for item in found):
            raise ConfigurationError(f"no statement in {directory} {what}", hint="Without both nothing is proven.")
    _require_subject((*erasing, *checks))
    return ErasureStatements(erasing, checks)


def _read(file: Path) -> ErasureFile:
    text = file.read_text(encoding="utf-8")
    named = _DATABASE.match(text.partition("\n")[0])
    return ErasureFile(file.name, named[1] if named else "", statements(text, PARAMETER, file.name))


def _require_subject(files: Iterable[ErasureFile]) -> None:
    for file in files:
        for statement in file.statements:
            if not statement.uses:
                raise ConfigurationError(
                    f"a statement of {file.name} does not say :{PARAMETER}, so it is about everybody",
                    detail=statement.text[:200],
                    hint=f"Name the person by :{PARAMETER} in each statement.",
                )
