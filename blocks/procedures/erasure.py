"""The section ``erasure``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, HttpUrl, SecretStr

from blocks.components.form import ComponentForm
from blocks.secret_field import secret


class Erasure(ComponentForm):
    """People who asked to be forgotten, and how they are erased after a restore.

    Example:
        Load what is stored:
        ```python
        from blocks import Erasure

        erasure = Erasure.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Erasure"
    _block_type_slug: ClassVar[str] = "erasure"
    _description: ClassVar[str] = "People who asked to be forgotten, and how they are erased after a restore."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://gdpr-info.eu/art-17-gdpr/")
    kind: ClassVar[str] = "erasure"

    ledger: str = Field(
        default="",
        title="Ledger",
        description="Absolute path, on the worker, of the file that lists who was erased. It lies outside of the"
        " database: a restore must not forget who is to be forgotten.",
    )
    statements: str = Field(
        default="",
        title="Statements",
        description="Absolute path of a directory of SQL files that erase :subject, and of *.check.sql files that must"
        " find nothing of it.",
    )
    database_url: SecretStr = secret(
        "Database",
        "That address. Kept in Prefect's database, where whoever may call its API can read it; a"
        " reference is preferred.",
        variable="Name of the environment variable, on the worker, that holds the protected database's address as a"
        " role that may erase. Preferred. All three empty: the address that is backed up by.",
        file="Absolute path, on the worker, of a file that holds that address. As good as a variable.",
    )
    timeout_minutes: float = Field(
        default=10.0, gt=0, title="Statement, minutes", description="How long one of the statements may take."
    )
