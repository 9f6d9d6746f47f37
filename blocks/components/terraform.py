"""The infrastructure's code and states, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, HttpUrl

from blocks.components.form import ComponentForm


class InfrastructureCode(ComponentForm):
    """The root modules of Terraform or OpenTofu to protect, and state files that stand for themselves.

    Example:
        Load stored infrastructure:
        ```python
        from blocks import InfrastructureCode

        infrastructure = InfrastructureCode.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Infrastructure Code"
    _block_type_slug: ClassVar[str] = "infrastructure-code"
    _description: ClassVar[str] = "Code and states of Terraform or OpenTofu, and whether to look for drift."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://developer.hashicorp.com/terraform/language/state")
    kind: ClassVar[str] = "terraform"

    directories: list[str] = Field(
        default=[],
        title="Root modules",
        description="Absolute paths of root modules whose code and state are backed up.",
    )
    state_files: list[str] = Field(
        default=[],
        title="State files",
        description="Absolute paths of single state files that are backed up as they are.",
    )
    workspaces: list[str] = Field(
        default=[], title="Workspaces", description="Workspaces to back up. Empty: every one."
    )
    program: str = Field(
        default="", title="Program", description="terraform or tofu, or its absolute path. Empty: whichever is found."
    )
    backend_config: list[str] = Field(
        default=[],
        title="Backend configuration",
        description="Absolute paths of files with the rest of the backend's configuration.",
    )
    plan: bool = Field(
        default=False, title="Look for drift", description="A plan records how far the real infrastructure has drifted."
    )
    timeout_minutes: float = Field(
        default=15.0, gt=0, title="Command, minutes", description="How long one command of the program may take."
    )
    lock_timeout_minutes: float = Field(
        default=2.0, ge=0, title="Lock, minutes", description="How long to wait for a state that somebody has locked."
    )
