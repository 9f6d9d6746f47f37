"""The section ``pings``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, HttpUrl, SecretStr

from blocks.components.form import ComponentForm
from blocks.secret_field import secret


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

    backup: SecretStr = secret("Backup", "Address that is asked after each good backup. A reference is preferred.")
    wal: SecretStr = secret(
        "WAL", "Address that is asked when the WAL was proven to be stored. A reference is preferred."
    )
    verification: SecretStr = secret(
        "Verification", "Address that is asked after each good verification. A reference is preferred."
    )
    drill: SecretStr = secret("Drill", "Address that is asked after each green drill. A reference is preferred.")
    monitoring: SecretStr = secret(
        "Monitoring", "Address that is asked after each round of monitoring. A reference is preferred."
    )
    exporter: SecretStr = secret(
        "Exporter", "Address that the exporter asks while it measures. A reference is preferred."
    )
    exporter_seconds: int = Field(
        default=60, ge=1, title="Exporter seconds", description="How often the exporter asks it, in seconds."
    )
