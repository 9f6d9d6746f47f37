"""The form of where the escrow of keys lies."""

from __future__ import annotations

from pydantic import BaseModel, Field


class Custody(BaseModel):
    """Where the escrow lies: what opens the backups when the worker and its keys are gone. Absolute paths."""

    key_file: str = Field(
        default="", title="Key file", description="Escrowed secret keys, as gpg --export-secret-keys writes them."
    )
    key_passphrase_file: str = Field(
        default="", title="Key passphrase file", description="What protects the escrowed secret keys."
    )
    passphrase_file: str = Field(
        default="", title="Passphrase file", description="The escrowed passphrase of backups encrypted with one."
    )
