"""The section ``application``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import HttpUrl

from blocks.components.form import ComponentForm


class Application(ComponentForm):
    """How the application is asked whether it works, and the services that make it.

    Example:
        Load what is stored:
        ```python
        from blocks import Application

        application = Application.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Application"
    _block_type_slug: ClassVar[str] = "application"
    _description: ClassVar[str] = "How the application is asked whether it works, and the services that make it."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl(
        "https://www.freedesktop.org/software/systemd/man/latest/systemctl.html"
    )
    kind: ClassVar[str] = "application"
