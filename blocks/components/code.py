"""The git repositories to protect, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, HttpUrl

from blocks.components.form import ComponentForm


class CodeRepositories(ComponentForm):
    """The git repositories to protect: those on the worker, and those that are cloned for each backup.

    Example:
        Load stored repositories:
        ```python
        from blocks import CodeRepositories

        code = CodeRepositories.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Code Repositories"
    _block_type_slug: ClassVar[str] = "code-repositories"
    _description: ClassVar[str] = "Git repositories with all their refs, and how many remotes must have the same."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://git-scm.com/docs/git-bundle")
    kind: ClassVar[str] = "code"

    repositories: list[str] = Field(
        default=[], title="Repositories", description="Absolute paths of git repositories on the worker."
    )
    urls: list[str] = Field(
        default=[],
        title="Addresses",
        description="https://, ssh://, git@host:path or file://, without a password: each is cloned for each backup.",
    )
    remotes: int = Field(
        default=0,
        ge=0,
        title="Remotes",
        description="How many remotes of each repository on the worker must answer. 0: any number will do.",
    )
    remote_timeout_minutes: float = Field(
        default=1.0, gt=0, title="Remote, minutes", description="How long a remote may take to list its refs."
    )
    timeout_minutes: float = Field(
        default=60.0, gt=0, title="Step, minutes", description="How long one step over one repository may take."
    )
