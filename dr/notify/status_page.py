"""The page where the product's users read how it is: an incident is opened there once, and updated after.

Nobody waits for it and nothing fails by it: what could not be told is returned, so that a person can tell it. Which
incident of the page is ours it says itself: our reference is in the incident's metadata, so that a second run after a
crash updates what the first one opened.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

import msgspec

from dr.configuration.model import System
from dr.configuration.procedures.status_page import StatusPageSettings
from dr.errors import ConfigurationError, DrError
from dr.web.api import Service, WebApi

_OURS = "coreflow360-dr"


class Stage(StrEnum):
    """How far those are who repair it, in the words of status pages."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"


class Impact(StrEnum):
    """How bad it is for users."""

    NONE = "none"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


_COMPONENT = {
    Impact.NONE: "operational",
    Impact.MINOR: "degraded_performance",
    Impact.MAJOR: "partial_outage",
    Impact.CRITICAL: "major_outage",
}


@dataclass(frozen=True, slots=True)
class Announcement:
    """What users are told. ``reference`` is our own name of the incident: the same one updates what it opened."""

    reference: str
    title: str
    text: str
    stage: Stage = Stage.INVESTIGATING
    impact: Impact = Impact.MAJOR


@dataclass(frozen=True, slots=True)
class Told:
    """Whether users can read it now. ``wanted`` is False where no page is configured; ``detail`` says why not."""

    done: bool
    wanted: bool = True
    incident: str = ""
    address: str = ""
    detail: str = ""

    def described(self) -> str:
        """One line for the record."""
        if not self.wanted:
            return "status page: none is configured"
        if not self.done:
            return f"status page: NOT told: {self.detail}"
        return f"status page: {self.detail}{f' ({self.address})' if self.address else ''}"


def tell_status_page(system: System, announcement: Announcement) -> Told:
    """Open the incident, or update or resolve the one that is open. Never raises for what the page does or does not."""
    settings = system.procedures.status_page
    if not settings.page:
        return Told(done=False, wanted=False)
    try:
        return announce(settings, announcement)
    except DrError as error:
        told = " ".join(f"{error.message}: {error.detail}".split())
        return Told(done=False, detail=f"{told}. {error.hint}")
    except Exception as error:  # noqa: BLE001 - whatever it is, a recovery does not stop for it
        # Its words are not ours, and may quote the token.
        return Told(done=False, detail=f"{type(error).__name__}, which is a defect of this program")


def announce(settings: StatusPageSettings, announcement: Announcement) -> Told:
    """The same. Raises DrError for what the page does not take."""
    if not settings.page:
        raise ConfigurationError("status_page.page is not set", hint="Give the id of the page.")
    return _Page(settings, settings.page).say(announcement)


class _Update(msgspec.Struct):
    body: str | None = None
    status: str = ""


class _Mark(msgspec.Struct):
    reference: str = ""


class _Metadata(msgspec.Struct, rename={"ours": _OURS}):
    ours: _Mark | None = None


class _Incident(msgspec.Struct):
    id: str
    status: str = ""
    shortlink: str = ""
    metadata: _Metadata | None = None
    incident_updates: list[_Update] = []

    def is_of(self, reference: str) -> bool:
        return (
            self.metadata is not None and self.metadata.ours is not None and self.metadata.ours.reference == reference
        )


class _Page:
    """One page of the service."""

    def __init__(self, settings: StatusPageSettings, page: str) -> None:
        if settings.token is None:
            raise ConfigurationError("status_page.token is not set", hint="Give the page's API key by reference.")
        self._settings = settings
        self._place = f"/pages/{quote(page, safe='')}/incidents"
        self._api = WebApi(
            Service(
                name="the status page",
                setting="status_page.url",
                address=settings.url,
                token_setting="status_page.token",  # noqa: S106 - the name of a setting
                token=settings.token,
                scheme="OAuth",
                words=_words,
                # A recovery waits for it: better not told than told late.
                connect_seconds=3.0,
                read_seconds=8.0,
                attempts=2,
            )
        )

    def say(self, announcement: Announcement) -> Told:
        there = self._open(announcement.reference)
        if there is None and announcement.stage is Stage.RESOLVED:
            return Told(done=True, detail="no incident is open, so none was resolved")
        if there is None:
            made = self._api.ask(
                _Incident, "POST", self._place, "open an incident", self._told(announcement), again=False
            )
            return Told(True, incident=made.id, address=made.shortlink, detail=f"opened: {announcement.stage}")
        last = there.incident_updates[0] if there.incident_updates else _Update()
        if (last.body, there.status) == (announcement.text, announcement.stage):
            return Told(True, incident=there.id, address=there.shortlink, detail="says so already")
        path = f"{self._place}/{quote(there.id, safe='')}"
        made = self._api.ask(_Incident, "PATCH", path, "update the incident", self._told(announcement), again=False)
        return Told(True, incident=made.id, address=made.shortlink, detail=f"updated: {announcement.stage}")

    def _open(self, reference: str) -> _Incident | None:
        unresolved = self._api.ask(list[_Incident], "GET", f"{self._place}/unresolved", "list the open incidents")
        return next((one for one in unresolved if one.is_of(reference)), None)

    def _told(self, announcement: Announcement) -> dict[str, object]:
        status = _COMPONENT[Impact.NONE if announcement.stage is Stage.RESOLVED else announcement.impact]
        ids = self._settings.components
        return {
            "incident": {
                "name": announcement.title,
                "status": announcement.stage.value,
                "body": announcement.text,
                "impact_override": announcement.impact.value,
                "deliver_notifications": self._settings.notify,
                "component_ids": list(ids),
                "components": dict.fromkeys(ids, status),
                "metadata": {_OURS: {"reference": announcement.reference}},
            }
        }


class _Refusal(msgspec.Struct):
    error: str | list[str] = ""


def _words(answer: bytes) -> str:
    with suppress(msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        said = msgspec.json.decode(answer, type=_Refusal).error
        return said if isinstance(said, str) else "; ".join(said)
    return ""
