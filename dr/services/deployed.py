"""What drivers share whose releases lie beside each other in a directory, and a link leads to the one that runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from dr.configuration.procedures.services import ServiceSettings
from dr.errors import ServiceError
from dr.services.releases import Releases, of_service


@dataclass(frozen=True, slots=True)
class Deployed(ABC):
    """A service by its settings. How it is stopped and started its driver knows."""

    settings: ServiceSettings

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def after(self) -> tuple[str, ...]:
        return self.settings.after

    @abstractmethod
    def stop(self, seconds: float) -> None: ...

    @abstractmethod
    def start(self, seconds: float) -> None: ...

    def current_release(self) -> str:
        return self._releases.current() if self._releases is not None else ""

    def previous_release(self) -> str:
        return self._releases.previous() if self._releases is not None else ""

    def roll_back(self, to: str, seconds: float) -> str:
        """Stop it, lead ``current`` to that release, and start it."""
        releases = self._releases
        if releases is None:
            raise ServiceError(f"{self.name} has no releases", hint=f"Set services.{self.name}.releases.")
        releases.require(to, self.name)
        if releases.current() != to:
            self.stop(seconds)
            releases.lead_to(to)
        self._start_anew(seconds)
        return to

    def _start_anew(self, seconds: float) -> None:
        """From what the link leads to now."""
        self.start(seconds)

    @property
    def _releases(self) -> Releases | None:
        return of_service(self.settings)
