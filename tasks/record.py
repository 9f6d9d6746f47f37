"""What one run did, kept by ourselves: the same record whichever runner ran it.

Prefect's history can be lost, deleted by anybody with its address, or not be there at all; the record is the
evidence, Prefect's a copy.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import UTC, datetime

from dr.configuration.masking import mask_url
from dr.errors import Interrupted
from tasks.run import ArtifactRecord, Outcome, RunRecord, StepRecord, parameter


class Recorder:
    """Collects one run's record. Safe from any thread."""

    def __init__(self, run: RunRecord) -> None:
        self._lock = threading.Lock()
        self._begin = time.monotonic()
        self._run = run
        self._remembered: dict[Hashable, object] = {}

    def remember(self, key: Hashable, find: Callable[[], object]) -> object:
        """What ``find`` returned the first time in this run: a run sees one state of what may change beside it."""
        with self._lock:
            if key in self._remembered:
                return self._remembered[key]
        found = find()
        with self._lock:
            return self._remembered.setdefault(key, found)

    def snapshot(self) -> RunRecord:
        """The record so far."""
        with self._lock:
            return self._run

    def begin_attempt(self, name: str, attempt: int) -> int:
        """Note that a step begins; returns the place to end it at."""
        with self._lock:
            step = StepRecord(name, attempt, self._elapsed())
            self._run = replace(self._run, steps=(*self._run.steps, step))
            return len(self._run.steps) - 1

    def end_attempt(self, place: int, error: BaseException | None) -> None:
        """Note how the step at that place ended."""
        outcome, kind, text = _ending(error)
        with self._lock:
            steps = list(self._run.steps)
            steps[place] = replace(
                steps[place], end_seconds=self._elapsed(), outcome=outcome, error_type=kind, error=text
            )
            self._run = replace(self._run, steps=tuple(steps))

    def add_artifact(self, artifact: ArtifactRecord) -> None:
        """Keep what is published."""
        with self._lock:
            self._run = replace(self._run, artifacts=(*self._run.artifacts, artifact))

    def add_undelivered(self, what: str) -> None:
        """Note what people were not told, because nobody could be reached."""
        with self._lock:
            self._run = replace(self._run, undelivered=(*self._run.undelivered, mask_url(what)))

    def set_configuration(self, rows: tuple[tuple[str, str, str], ...]) -> None:
        """Keep the effective configuration, masked, with each value's origin (I38)."""
        with self._lock:
            self._run = replace(self._run, configuration=rows)

    def end(self, error: BaseException | None) -> RunRecord:
        """Close the record and return it."""
        outcome, kind, text = _ending(error)
        with self._lock:
            seconds, end = self._elapsed(), datetime.now(UTC)
            self._run = replace(self._run, end=end, seconds=seconds, outcome=outcome, error_type=kind, error=text)
            return self._run

    def _elapsed(self) -> float:
        return round(time.monotonic() - self._begin, 6)


_recorder: ContextVar[Recorder | None] = ContextVar("run_recorder", default=None)
_last: ContextVar[RunRecord | None] = ContextVar("last_run_record", default=None)


def recorder() -> Recorder:
    """The recorder of the run that this code is part of. Raises RuntimeError outside of one."""
    current = _recorder.get()
    if current is None:
        raise RuntimeError("no flow is running here")
    return current


def is_recording() -> bool:
    """Whether this code is part of a run."""
    return _recorder.get() is not None


def current_record() -> RunRecord:
    """The record so far of the run that this code is part of. Raises RuntimeError outside of one."""
    return recorder().snapshot()


def last_record() -> RunRecord | None:
    """The closed record of the run that ended last in this context, or None."""
    return _last.get()


@contextmanager
def recording(
    *,
    id: str,  # noqa: A002 - the field's name
    name: str,
    flow: str,
    runner: str,
    parameters: Mapping[str, object],
    when_done: Callable[[RunRecord], None] | None = None,
) -> Iterator[None]:
    """Record everything inside as one run; then hand the closed record to ``when_done``, however the run ended.

    When ``when_done`` fails after a run that completed, its error is the run's; after a failed one the run's own error
    stays in front.
    """
    outer = _recorder.get()
    run = RunRecord(
        id=id,
        name=name,
        flow=flow,
        runner=runner,
        parameters={key: parameter(value) for key, value in parameters.items()},
        begin=datetime.now(UTC),
        parent=outer.snapshot().id if outer else None,
        within=outer.snapshot().flow if outer else "",
    )
    current = Recorder(run)
    token = _recorder.set(current)
    error: BaseException | None = None
    try:
        yield
    except BaseException as raised:
        error = raised
        raise
    finally:
        # when_done is still part of the run: it keeps the evidence by what the run has loaded, server or no server.
        try:
            _close(current, error, when_done)
        finally:
            _recorder.reset(token)


@contextmanager
def attempting(name: str, attempt: int) -> Iterator[None]:
    """Record everything inside as one attempt at one step. Does nothing outside of a run."""
    current = _recorder.get()
    if current is None:
        yield
        return
    place = current.begin_attempt(name, attempt)
    try:
        yield
    except BaseException as error:
        current.end_attempt(place, error)
        raise
    current.end_attempt(place, None)


def _close(current: Recorder, error: BaseException | None, when_done: Callable[[RunRecord], None] | None) -> None:
    record = current.end(error)
    _last.set(record)
    if when_done is None:
        return
    try:
        when_done(record)
    except Exception as failure:
        if error is None:
            _last.set(current.end(failure))
            raise
        error.add_note(f"and the record of this run was not kept: {failure}")


def _ending(error: BaseException | None) -> tuple[Outcome, str, str]:
    if error is None:
        return Outcome.COMPLETED, "", ""
    interrupted = isinstance(error, Interrupted) or not isinstance(error, Exception)
    return Outcome.INTERRUPTED if interrupted else Outcome.FAILED, type(error).__name__, mask_url(str(error))
