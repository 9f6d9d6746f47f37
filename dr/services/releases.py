"""Releases as Capistrano lays them out: a directory each, and a link ``current`` to the one that runs."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dr.configuration.procedures.services import ServiceSettings
from dr.errors import ServiceError


@dataclass(frozen=True, slots=True)
class Releases:
    """``directory`` holds them; the link lies beside it. The older one has the smaller name, numbers by their value.

    A release that was gone back from is noted beside the link, so that nobody goes back to that one later. Whoever
    returns to it takes the note away: it was not the fault.
    """

    directory: Path

    @property
    def link(self) -> Path:
        return self.directory.parent / "current"

    def current(self) -> str:
        """The one that the link leads to; empty when it leads nowhere."""
        try:
            target = self.link.resolve(strict=True)
        except OSError:
            return ""
        return target.name if target.parent == self.directory.resolve() else ""

    def previous(self) -> str:
        """The one before the current; empty when there is none."""
        current = self.current()
        bad = self._gone_back_from()
        older = [name for name in self._names() if current and _in_order(name) < _in_order(current) and name not in bad]
        return max(older, key=_in_order, default="")

    def require(self, name: str, service: str) -> None:
        """Raises ``ServiceError`` when there is no release of that name."""
        if name not in self._names():
            raise ServiceError(
                f"there is no release {name!r} of {service}, which runs {self.current() or 'one that is no release'}",
                detail=f"looked in {self.directory}",
                hint="Deploy one that works.",
            )

    def lead_to(self, name: str) -> None:
        """Lead the link to this release, in one step: nobody ever finds it missing."""
        current = self.current()
        noted = self._gone_back_from() - {name}
        if _in_order(name) < _in_order(current):
            noted |= {current}
        _replace(self._noted, lambda file: file.write_text("".join(f"{item}\n" for item in sorted(noted))))
        _replace(self.link, lambda link: link.symlink_to(Path(self.directory.name, name)))

    @property
    def _noted(self) -> Path:
        return self.directory.parent / ".gone-back-from"

    def _gone_back_from(self) -> frozenset[str]:
        try:
            return frozenset(self._noted.read_text(encoding="utf-8").split("\n")) - {""}
        except FileNotFoundError:
            return frozenset()

    def _names(self) -> list[str]:
        try:
            return [entry.name for entry in self.directory.iterdir() if entry.is_dir() and entry.name[0] != "."]
        except OSError:
            return []


def of_service(settings: ServiceSettings) -> Releases | None:
    """Those of a service; None where it has no directory of them."""
    return Releases(settings.releases) if settings.releases is not None else None


def _replace(file: Path, make: Callable[[Path], object]) -> None:
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    make(temporary)
    temporary.replace(file)


def _in_order(name: str) -> list[tuple[int, int, str]]:
    """v9 comes before v10."""
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.split(r"(\d+)", name) if part]
