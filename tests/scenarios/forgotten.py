"""A customer who asked to be forgotten after the backup was taken: the backup still has him, and nobody may see him."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dr.configuration.procedures.erasure import ErasureSettings
from dr.postgres.connection import connected
from dr.secret import Secret

FORGOTTEN = 17
ERASED = {"email": f"erased-{FORGOTTEN}@erased.example", "full_name": ""}
_ERASING = "UPDATE shop.users SET email = 'erased-' || id || '@erased.example', full_name = '' WHERE id = :subject\n"
_CHECK = "SELECT 1 FROM shop.users WHERE id = :subject AND (full_name <> '' OR email NOT LIKE 'erased-%')\n"


def forgetting(directory: Path, url: Secret) -> ErasureSettings:
    """How people of the shop are erased; ``directory``, which is made, takes the statements and the ledger."""
    statements = directory / "statements"
    statements.mkdir(parents=True)
    (statements / "people.sql").write_text(_ERASING)
    (statements / "people.check.sql").write_text(_CHECK)
    return ErasureSettings(directory / "ledger.jsonl", statements, url)


def person(url: Secret) -> dict[str, Any]:
    """What a database says of him."""
    with connected(url) as connection:
        row = connection.execute("SELECT email, full_name FROM shop.users WHERE id = %s", (FORGOTTEN,)).fetchone()
    return dict(row or {})
