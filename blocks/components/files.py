"""The directories of what users have uploaded, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, HttpUrl

from blocks.components.form import ComponentForm


class FileUploads(ComponentForm):
    """The directories that hold what users have uploaded, as they lie on the worker.

    Example:
        Load stored uploads:
        ```python
        from blocks import FileUploads

        uploads = FileUploads.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "File Uploads"
    _block_type_slug: ClassVar[str] = "file-uploads"
    _description: ClassVar[str] = "Directories of what users have uploaded: what to take and what to leave out."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl(
        "https://www.gnu.org/software/tar/manual/html_node/exclude.html"
    )
    kind: ClassVar[str] = "files"

    directories: list[str] = Field(
        default=[], title="Directories", description="Absolute paths of the directories to back up."
    )
    exclude: list[str] = Field(
        default=[],
        title="Leave out",
        description="Patterns: *.tmp is compared with each name, cache/* with the path below the directory.",
    )
    pack_mib: int = Field(
        default=64,
        ge=1,
        title="Size of a pack, MiB",
        description="Files are stored in packs of this size before it is compressed.",
    )
    reread_days: int = Field(
        default=30,
        ge=1,
        title="Read again, days",
        description="After at most so many days a file is read again, though it looks unchanged.",
    )
    cross_file_systems: bool = Field(
        default=False, title="Other file systems", description="Also back up what is mounted below the directories."
    )
    allow_empty: bool = Field(
        default=False,
        title="May be empty",
        description="Back up a directory that is empty and was not so in the last backup. Off: it counts as not"
        " mounted.",
    )
