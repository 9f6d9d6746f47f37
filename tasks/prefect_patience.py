"""Prefect's server is asked with a deadline: a run whose server is gone goes on, ends soon, and by its own outcome.

Left to itself Prefect's client waits a minute for a server that refuses and longer for one that hangs; its engine then
puts its own complaint in the place of what the flow gave; and when the process ends, its services try every log line
and every event again, for minutes. What is told here is a copy of our record, and nobody waits for a copy.
"""

from __future__ import annotations

import contextvars
import functools
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast
from uuid import UUID
from weakref import WeakSet

import httpx
from prefect._internal.concurrency.services import QueueService
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.client.schemas.responses import OrchestrationResult, SetStateStatus, StateAcceptDetails
from prefect.exceptions import PrefectException
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

R = TypeVar("R")
# What a server that is gone, full or of another version makes its client raise.
UNREACHED = (httpx.HTTPError, PrefectException, OSError, RuntimeError)
ASK_SECONDS = 5.0
END_SECONDS = 6.0
BUSY_SECONDS = 50.0
QUIET_SECONDS = 20.0
_HEALTH_SECONDS = 4.0

logger = logging.getLogger(__name__)


class Patience:
    """How long this process waits for its server. Safe from any thread.

    After a silence nobody waits again for ``QUIET_SECONDS``: a recovery of twenty steps has no time for twenty waits.
    ``is_busy`` tells whether a server that is late is there all the same; that one gets ``BUSY_SECONDS`` more.
    """

    def __init__(self, is_busy: Callable[[], bool]) -> None:
        self._is_busy = is_busy
        self._silent_since: float | None = None

    @property
    def lost(self) -> bool:
        """Whether the server did not answer when it was asked last."""
        return self._silent_since is not None

    def ask(self, question: Callable[[], R], seconds: float = ASK_SECONDS, *, insist: bool = False) -> R:
        """What the server answers. Raises one of ``UNREACHED`` when it does not within ``seconds``.

        ``insist`` asks also shortly after a silence. What is not answered in time is not taken back.
        """
        silent_since = self._silent_since
        if silent_since is not None and not insist and time.monotonic() - silent_since < QUIET_SECONDS:
            raise TimeoutError("Prefect's server did not answer a moment ago, and was not asked again")
        asked = _Asked(question)
        if not asked.wait(seconds) and self._is_busy():
            asked.wait(BUSY_SECONDS)
        silent = asked.error is not None and _is_silence(asked.error)
        self._silent_since = time.monotonic() if silent or not asked.done else None
        if asked.error is not None:
            raise asked.error
        if not asked.done:
            raise TimeoutError(f"Prefect's server did not answer within {seconds:g} s")
        return cast("R", asked.answer)


class _Asked:
    """A question in a thread: no timeout of a client bounds its resolver, its retries and its waiting for a lock."""

    def __init__(self, question: Callable[[], object]) -> None:
        self.answer: object = None
        self.error: BaseException | None = None
        self.done = False
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._ask, question), name="ask Prefect", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Whether it is over by then."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _ask(self, question: Callable[[], object]) -> None:
        try:
            self.answer = question()
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            self.error = error
        self.done = True


def _is_silence(error: BaseException) -> bool:
    return isinstance(error, UNREACHED) and not isinstance(error, httpx.HTTPStatusError)


def _is_busy() -> bool:
    """Whether the server says that it is well: its database may have a backlog, and this asks no database."""

    def is_well() -> bool:
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
            client = get_client(httpx_settings={"timeout": _HEALTH_SECONDS}, sync_client=True)
            return client.api_healthcheck() is None

    asked = _Asked(is_well)
    return asked.wait(_HEALTH_SECONDS) and asked.answer is True


_patient_clients: WeakSet[SyncPrefectClient] = WeakSet()


@functools.cache
def _patience_with(server: str | None) -> Patience:
    return Patience(_is_busy)


def patience() -> Patience:
    """With the server that this process speaks to now."""
    return _patience_with(PREFECT_API_URL.value())


def ask(question: Callable[[], R], seconds: float = ASK_SECONDS, *, insist: bool = False) -> R:
    """``Patience.ask``, of the server that this process speaks to now."""
    return patience().ask(question, seconds, insist=insist)


def still_there(client: SyncPrefectClient) -> str:
    """Why the server will not hear of this run's end; nothing when it will. Waits ``END_SECONDS`` at most."""

    def health() -> None:
        problem = client.api_healthcheck()
        if problem is not None:
            raise problem

    try:
        ask(health, END_SECONDS, insist=True)
    except UNREACHED as error:
        return f"{type(error).__name__}: {error}"
    return ""


def end_without(client: SyncPrefectClient) -> None:
    """From now on the engine may end the run, by this client of its own, with no server: the run's outcome stands.

    Other states are as they were: nobody is told of a pause that the server knows nothing of.
    """
    if client in _patient_clients:
        return  # a flow within a flow has its parent's
    _patient_clients.add(client)
    told = client.set_flow_run_state

    def set_flow_run_state(flow_run_id: UUID | str, state: State[Any], force: bool = False) -> OrchestrationResult[Any]:
        if not state.is_final():
            return told(flow_run_id, state, force)
        try:
            return ask(functools.partial(told, flow_run_id, state, force), END_SECONDS)
        except UNREACHED as error:
            logger.warning("Prefect was not told that this run is %s: %s", state.name, error)
            return OrchestrationResult(state=state, status=SetStateStatus.ACCEPT, details=StateAcceptDetails())

    # The engine asks by its client and nothing else, and takes no other client.
    client.set_flow_run_state = set_flow_run_state  # type: ignore[method-assign]


def end_soon() -> None:
    """From now on Prefect's services have ``END_SECONDS`` for what they still hold when the process ends.

    Shorter still when the server is known to be gone. What is left then is dropped: it is in our own record.
    """
    QueueService.drain = _drain  # type: ignore[assignment,method-assign]


_patient = QueueService.drain


def _drain(service: QueueService[Any], at_exit: bool = False) -> bool | Awaitable[bool]:
    if not at_exit:
        return _patient(service)
    running, loop = service._task, service._loop
    held = service._drain(at_exit=True)
    try:
        return held.result(0.5 if patience().lost else END_SECONDS)
    except TimeoutError:
        if running is not None and loop is not None:
            # Left alone it would still be at work, and log, while the interpreter takes itself apart.
            loop.call_soon_threadsafe(running.cancel)
        return False
