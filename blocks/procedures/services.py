"""The product's services, as the rows of a form's list.

Prefect's API shows what is inside a list in clear text: a service holds no secret, it names the file that has them.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field

from blocks.fields import filled_in, text
from dr.configuration.procedures import SERVICE
from dr.configuration.procedures.services import ServiceSettings


class ProductService(BaseModel):
    """One service of the product: what runs it, and what has to run before it."""

    name: str = Field(title="Name", description="Short name that procedures speak of it by: web, worker, database.")
    driver: Literal["systemd", "compose", "kubernetes", "process"] = Field(
        default="systemd", title="Driver", description="What runs the service."
    )
    after: list[str] = Field(default=[], title="After", description="Services that have to run before this one.")
    unit: str = Field(
        default="",
        title="Unit",
        description="Unit of systemd, service of compose, or workload of Kubernetes (deployment/web). Empty: its name.",
    )
    user_manager: bool = Field(
        default=False, title="User's manager", description="systemd: the user's own manager (systemctl --user)."
    )
    directory: str = Field(
        default="", title="Directory", description="compose: project directory; process: where the command runs."
    )
    files: list[str] = Field(
        default=[], title="Files", description="compose: files of the project, if not compose.yaml."
    )
    context: str = Field(default="", title="Context", description="kubernetes: context of kubectl's configuration.")
    namespace: str = Field(default="", title="Namespace", description="kubernetes: the namespace.")
    command: list[str] = Field(
        default=[],
        title="Command",
        description="process: the command that is supervised, word by word. No secret belongs in it.",
    )
    environment_file: str = Field(
        default="",
        title="Environment file",
        description="process: absolute path of a file of NAME=value lines, its whole environment.",
    )
    user: str = Field(default="", title="Account", description="process: who runs it, where the worker runs as root.")
    owner_of: str = Field(
        default="",
        title="Owner of",
        description="process: run as the owner of this directory, as PostgreSQL wants, where the worker runs as root.",
    )
    stop_signal: Literal["TERM", "INT", "QUIT", "HUP", "KILL"] = Field(
        default="TERM", title="Stop signal", description="process: the signal that stops it in order."
    )
    releases: str = Field(
        default="",
        title="Releases",
        description="Directory of releases, one directory each; 'current' beside it links to the one that runs.",
    )

    def settings(self) -> dict[str, object]:
        """The fields that are filled in, as settings."""
        return filled_in(f"{SERVICE}.{self.name}", self.model_dump(exclude={"name"}))

    @classmethod
    def from_settings(cls, settings: ServiceSettings) -> Self:
        """The row that says what a configuration says of this service."""
        values = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
        return cls.model_validate({name: _as_form(value) for name, value in values.items()})


def _as_form(value: object) -> object:
    if isinstance(value, tuple):
        return [_as_form(item) for item in value]
    return text(value) if value is None or isinstance(value, Path) else value
