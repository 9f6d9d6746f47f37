"""The section ``infrastructure``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, HttpUrl

from blocks.components.form import ComponentForm


class Infrastructure(ComponentForm):
    """How machines and networks are made again.

    Example:
        Load what is stored:
        ```python
        from blocks import Infrastructure

        infrastructure = Infrastructure.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Infrastructure"
    _block_type_slug: ClassVar[str] = "infrastructure"
    _description: ClassVar[str] = "How machines and networks are made again."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://developer.hashicorp.com/terraform/cli")
    kind: ClassVar[str] = "infrastructure"

    directory: str = Field(
        default="",
        title="Root module",
        description="Absolute path of the module that is applied. Empty: the one of the terraform backup.",
    )
    workspace: str = Field(default="default", title="Workspace", description="Workspace that is applied.")
    variables: list[str] = Field(
        default=[],
        title="Variables",
        description="Variables of the module as name=value, beside disaster_recovery=true. None may be secret.",
    )
    variable_files: list[str] = Field(
        default=[], title="Variable files", description="Absolute paths of files with further variables."
    )
    provider_directory: str = Field(
        default="",
        title="Providers",
        description="Absolute path of providers that were fetched beforehand. Empty: the registry is asked.",
    )
    allow_destroy: bool = Field(
        default=False, title="May destroy", description="A plan that destroys or replaces something may be applied."
    )
    plan_minutes: float = Field(
        default=10.0, gt=0, title="Plan, minutes", description="How long the preparation and the plan may take."
    )
    apply_minutes: float = Field(
        default=60.0, gt=0, title="Apply, minutes", description="How long the making may take."
    )
    lock_wait_minutes: float = Field(
        default=2.0, ge=0, title="Lock, minutes", description="How long to wait for a state that somebody has locked."
    )
