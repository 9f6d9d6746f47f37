"""The dead man's switch: an outside watcher hears of what went well, and alarms when it hears nothing any more.

Whatever kills the host, the scheduler, this program or its alerts is noticed by it, because silence is the alarm. The
address is as Healthchecks has it: itself for success, ``/start`` and ``/fail`` behind it for the rest.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit, urlunsplit

from dr.configuration.alerting.pings import PingsSettings
from dr.configuration.masking import mask_url
from dr.secret import Secret

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 5.0
ATTEMPTS = 3
PAUSE_SECONDS = 1.0
_MOST = 10_000
_LATER = frozenset({408, 425, 429})


class Event(StrEnum):
    """What an outside watcher may be told of. The names are those of the settings ``pings.*``."""

    BACKUP = "backup"
    WAL = "wal"
    VERIFICATION = "verification"
    DRILL = "drill"
    MONITORING = "monitoring"
    EXPORTER = "exporter"


class Turn(StrEnum):
    """What has become of it; the values are what is put behind the address."""

    BEGUN = "/start"
    GOOD = ""
    FAILED = "/fail"


@dataclass(frozen=True, slots=True)
class Pinged:
    """Whether the watcher took it. ``wanted`` is False where none is configured; ``detail`` says why not."""

    done: bool
    wanted: bool = True
    detail: str = ""


def ping(settings: PingsSettings, event: Event, turn: Turn, text: str = "", run: str = "") -> Pinged:
    """Tell the watcher. Never raises: what is good is not made bad by somebody who cannot be told.

    ``run`` ties an end to its beginning; ``text`` is for people, and no secret is in it.
    """
    address = _address(settings, event)
    if address is None:
        return Pinged(done=False, wanted=False)
    body = mask_url(text)[:_MOST].encode()
    told = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_SECONDS * 2 ** (attempt - 1))
        told, final = _once(address, turn, run, body)
        if not told:
            return Pinged(done=True)
        if final:
            break
    # Neither the address nor an error that may quote it is told: it is the whole permission.
    logger.warning("the outside watcher was not told of %s%s: %s", event, turn, told)
    return Pinged(done=False, detail=told)


def _address(settings: PingsSettings, event: Event) -> Secret | None:
    found: Secret | None = getattr(settings, event)
    return found


def _place(address: Secret, turn: Turn, run: str) -> str:
    parts = urlsplit(address.reveal())
    query = "&".join(filter(None, (parts.query, f"rid={run}" if run else "")))
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") + turn, query, ""))


def _once(address: Secret, turn: Turn, run: str, body: bytes) -> tuple[str, bool]:
    """Why it was not taken, empty when it was; and whether another attempt is useless."""
    import httpx  # half a second of every procedure that pings nobody

    try:
        with httpx.Client(timeout=PATIENCE_SECONDS, follow_redirects=False) as client:
            answer = client.post(_place(address, turn, run), content=body)
    except httpx.HTTPError as error:
        return type(error).__name__, False
    except (httpx.InvalidURL, ValueError):
        return "its address is none", True
    if answer.is_success:
        return "", True
    return f"HTTP {answer.status_code}", 400 <= answer.status_code < 500 and answer.status_code not in _LATER
