"""What a data directory's configuration says, whoever starts it; for a server that does not run."""

from __future__ import annotations

from pathlib import Path

from dr.pipeline.process import run
from dr.postgres.account import account_for
from dr.postgres.installations import Installation


def configured(directory: Path, installation: Installation, name: str) -> str:
    """The value of a setting; empty where the configuration cannot be read (the start will say why)."""
    argv = (installation.program("postgres"), "-D", str(directory), "-C", name)
    ended, output = run("postgres -C", argv, account=account_for(directory), deadline_seconds=60)
    lines = output.strip().splitlines()
    return lines[-1].strip() if ended.ok and lines else ""
