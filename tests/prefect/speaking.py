"""Which server this process speaks to: one at a time, with its events too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.events.worker import EventsWorker
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

_LEAVING_SECONDS = 2


@contextmanager
def speaking_to(api: str, retries: int = 5) -> Iterator[None]:
    """Everything inside speaks to the server at ``api``, whether it is there or not.

    Prefect sends the events of a process by one service, which stays with the server that it saw first. When that one
    has ended, no other would ever hear of a task run: hence it is ended here, before and after.
    """
    EventsWorker.drain_all(timeout=_LEAVING_SECONDS)
    with temporary_settings({PREFECT_API_URL: api, PREFECT_CLIENT_MAX_RETRIES: retries}):
        try:
            yield
        finally:
            EventsWorker.drain_all(timeout=_LEAVING_SECONDS)
