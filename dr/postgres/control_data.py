"""What a data directory's control file says of the server that it came from."""

from __future__ import annotations

import re
from pathlib import Path

from dr.errors import BackupInvalid
from dr.pipeline.process import run
from dr.postgres.account import account_for
from dr.postgres.installations import Installation

_LINE = re.compile(r"^([^:\n]+):\s*(.*)$", re.MULTILINE)


def control_data(directory: Path, installation: Installation) -> dict[str, str]:
    """``pg_controldata`` by its English names. Raises ``BackupInvalid`` when the file is damaged."""
    argv = (installation.program("pg_controldata"), "-D", str(directory))
    ended, output = run("pg_controldata", argv, account=account_for(directory), deadline_seconds=60)
    if not ended.ok:
        raise BackupInvalid(
            f"{directory} has no control file that can be read",
            detail=str(ended),
            hint="The base backup is incomplete: use another copy or an older one.",
        )
    return dict(_LINE.findall(output))


def needed_to_recover(directory: Path, installation: Installation) -> dict[str, str]:
    """Settings that replay needs as large as they were: transactions that were prepared want their places again.

    The configuration file may be outside of the data directory, and then the backup does not have it.
    """
    prepared = control_data(directory, installation).get("max_prepared_xacts setting", "0")
    return {"max_prepared_transactions": prepared} if prepared.isdigit() and int(prepared) else {}
