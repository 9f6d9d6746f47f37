"""Which logs are shipped, as a form."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, HttpUrl

from blocks.components.form import ComponentForm


class Logs(ComponentForm):
    """Log files by class. A directory means every file below it; *, ?, [] and ** are understood.

    Example:
        Load stored logs:
        ```python
        from blocks import Logs

        logs = Logs.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Logs"
    _block_type_slug: ClassVar[str] = "logs"
    _description: ClassVar[str] = "Application and audit logs: which files, and how the day of each is told."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://man7.org/linux/man-pages/man8/logrotate.8.html")
    kind: ClassVar[str] = "logs"

    application: list[str] = Field(
        default=[], title="Application logs", description="Absolute paths of directories, or patterns."
    )
    audit: list[str] = Field(default=[], title="Audit logs", description="Absolute paths of directories, or patterns.")
    day_from: Literal["name", "mtime"] = Field(
        default="name",
        title="A file's day",
        description="name: the date in its name, and its last write where there is none. mtime: always its last write.",
    )
    ignore: list[str] = Field(
        default=["*.tmp", "*.swp", "*.part", "*.sock", "*.pid"],
        title="Leave out",
        description="Patterns of names of files that are no logs. Empty: the usual ones.",
    )
    settle_minutes: float = Field(
        default=60.0,
        ge=0,
        title="Complete after, minutes",
        description="Minutes without a write after which a file of a day that is over is complete.",
    )
    open_day: bool = Field(
        default=True, title="Open files", description="What is still written goes along as it is so far."
    )
