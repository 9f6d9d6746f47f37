"""What configures the product on its host, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, HttpUrl

from blocks.components.form import ComponentForm


class EnvironmentConfiguration(ComponentForm):
    """What configures the product on the worker: files, and variables of the environment.

    Example:
        Load a stored configuration:
        ```python
        from blocks import EnvironmentConfiguration

        configuration = EnvironmentConfiguration.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Environment Configuration"
    _block_type_slug: ClassVar[str] = "environment-configuration"
    _description: ClassVar[str] = "What configures the product: files and environment variables."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://12factor.net/config")
    kind: ClassVar[str] = "config"

    paths: list[str] = Field(
        default=[], title="Files and directories", description="Absolute paths of configuration files and directories."
    )
    exclude: list[str] = Field(
        default=[], title="Leave out", description="Names or paths below them to leave out; * and ? match."
    )
    environment: list[str] = Field(
        default=[],
        title="Environment variables",
        description="Names of the worker's own variables to back up; * and ? match.",
    )
    environment_files: list[str] = Field(
        default=[],
        title="Environment files",
        description="Absolute paths of files of NAME=value lines: dotenv, EnvironmentFile of systemd.",
    )
