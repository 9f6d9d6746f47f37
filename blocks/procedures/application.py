"""The section ``application``, and the services that make it, as a form."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, HttpUrl

from blocks.components.form import ComponentForm
from blocks.procedures.services import ProductService
from dr.configuration import Effective


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

    services: list[ProductService] = Field(
        default=[], title="Services", description="What runs: the application's services, its database and its Redis."
    )
    health_urls: list[str] = Field(
        default=["http://localhost:3000/api/health"],
        title="Health addresses",
        description="Addresses that tell whether the application works.",
    )
    session_urls: list[str] = Field(
        default=["http://localhost:3000/api/auth/session"],
        title="Session addresses",
        description="Addresses that tell whether people can log in.",
    )
    warm_urls: list[str] = Field(
        default=[], title="Warm addresses", description="Addresses to fetch after a recovery, so that caches fill."
    )
    expected_status: int = Field(
        default=200, ge=1, title="Expected status", description="HTTP status of a healthy answer."
    )
    healthy_words: list[str] = Field(
        default=["ok", "healthy", "up", "pass"],
        title="Healthy words",
        description="What the status in a health answer of JSON may be.",
    )
    answer_seconds: int = Field(
        default=5, ge=1, title="Answer, seconds", description="Within which an address has to answer."
    )
    health_seconds: int = Field(
        default=60,
        ge=1,
        title="Healthy, seconds",
        description="Within which the application has to be healthy, at each attempt to bring it back.",
    )
    start_seconds: int = Field(
        default=120, ge=1, title="Start, seconds", description="That one service may take to start."
    )
    stop_seconds: int = Field(default=30, ge=1, title="Stop, seconds", description="That one service may take to stop.")
    roll_back: bool = Field(
        default=True,
        title="Roll back",
        description="Go back to the release before when the newest does not come.",
    )

    def settings(self) -> dict[str, object]:
        """The fields that are filled in, and every service's, as settings."""
        values = {key: value for key, value in super().settings().items() if key != f"{self.kind}.services"}
        for service in self.services:
            values |= service.settings()
        return values

    @classmethod
    def from_effective(cls, effective: Effective) -> Self | None:
        """The Block that says what a configuration says; None where it says nothing of an application."""
        services = [ProductService.from_settings(item) for item in effective.system.procedures.services]
        said = super().from_effective(effective)
        if said is None and not services:
            return None
        form = said if said is not None else cls()
        form.services = services
        return form
