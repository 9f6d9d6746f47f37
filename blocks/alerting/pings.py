"""The section ``pings``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, HttpUrl, SecretStr

from blocks.components.form import ComponentForm


class OutsideWatcher(ComponentForm):
    """The addresses of a dead man's switch: who is asked after what went well, and alarms when nobody asks.

    Example:
        Load what is stored:
        ```python
        from blocks import OutsideWatcher

        pings = OutsideWatcher.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Outside Watcher"
    _block_type_slug: ClassVar[str] = "outside-watcher"
    _description: ClassVar[str] = "The addresses of a dead man's switch: it alarms when nobody asks them any more."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://healthchecks.io/docs/http_api/")
    kind: ClassVar[str] = "pings"

    backup_env: str = Field(
        default="",
        title="Backup: environment variable",
        description="Name of the environment variable, on the worker, that holds it. Preferred.",
    )
    backup_file: str = Field(
        default="", title="Backup: file", description="Absolute path, on the worker, of a file that holds it."
    )
    backup: SecretStr = Field(
        default=SecretStr(""),
        title="Backup itself",
        description="Address that is asked after each good backup. A reference is preferred.",
    )
    wal_env: str = Field(
        default="",
        title="WAL: environment variable",
        description="Name of the environment variable, on the worker, that holds it. Preferred.",
    )
    wal_file: str = Field(
        default="", title="WAL: file", description="Absolute path, on the worker, of a file that holds it."
    )
    wal: SecretStr = Field(
        default=SecretStr(""),
        title="WAL itself",
        description="Address that is asked when the WAL was proven to be stored. A reference is preferred.",
    )
    verification_env: str = Field(
        default="",
        title="Verification: environment variable",
        description="Name of the environment variable, on the worker, that holds it. Preferred.",
    )
    verification_file: str = Field(
        default="", title="Verification: file", description="Absolute path, on the worker, of a file that holds it."
    )
    verification: SecretStr = Field(
        default=SecretStr(""),
        title="Verification itself",
        description="Address that is asked after each good verification. A reference is preferred.",
    )
    drill_env: str = Field(
        default="",
        title="Drill: environment variable",
        description="Name of the environment variable, on the worker, that holds it. Preferred.",
    )
    drill_file: str = Field(
        default="", title="Drill: file", description="Absolute path, on the worker, of a file that holds it."
    )
    drill: SecretStr = Field(
        default=SecretStr(""),
        title="Drill itself",
        description="Address that is asked after each green drill. A reference is preferred.",
    )
    monitoring_env: str = Field(
        default="",
        title="Monitoring: environment variable",
        description="Name of the environment variable, on the worker, that holds it. Preferred.",
    )
    monitoring_file: str = Field(
        default="", title="Monitoring: file", description="Absolute path, on the worker, of a file that holds it."
    )
    monitoring: SecretStr = Field(
        default=SecretStr(""),
        title="Monitoring itself",
        description="Address that is asked after each round of monitoring. A reference is preferred.",
    )
    exporter_env: str = Field(
        default="",
        title="Exporter: environment variable",
        description="Name of the environment variable, on the worker, that holds it. Preferred.",
    )
    exporter_file: str = Field(
        default="", title="Exporter: file", description="Absolute path, on the worker, of a file that holds it."
    )
    exporter: SecretStr = Field(
        default=SecretStr(""),
        title="Exporter itself",
        description="Address that the exporter asks while it measures. A reference is preferred.",
    )
    exporter_seconds: int = Field(
        default=60, ge=1, title="Exporter seconds", description="How often the exporter asks it, in seconds."
    )
