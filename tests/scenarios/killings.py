"""One procedure in many processes: each dies of SIGKILL at the next moment at which none has died yet.

Run as ``python -m tests.scenarios.killings FLOW PARAMETERS DEADLY MIDST``, the last three in JSON. A step has moments:
``begin`` (the journal says so, nothing else was done), ``done`` (all of it was done, and the journal does not know) and
``end`` (the journal knows). Nobody watches from outside and hopes to be in time: a process that comes to a moment at
which none has died tells of it and dies there. So however slow a machine is, each moment of each step is died at, once,
and no list has to say which there are.

``DEADLY`` maps a kind of moment to patterns of the steps that are died in then; the first that fits counts, and one
that begins with ``!`` spares. ``MIDST`` maps steps to the seconds after which one more dies in the midst of it: at the
latest when all of it was done. What a procedure does beside its journal is a ``task``, and died in when it was done.
``effect`` is a call of ``EFFECTS``: somebody outside has done what he was asked for, and his answer was not used yet.

The processes are forked from one that has loaded everything, and all of it is one run of the procedure, which the last
of them brings to its end. The answer on standard output is JSON: the moments, and how the last one ended.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec

from dr.errors import DrError, StoreError
from dr.evidence.journal import Journal
from dr.evidence.journal_events import Event
from dr.operations.repositories import open_repository
from tasks.record import Recorder
from tasks.runner import last_record
from tasks.systems import load_system

BEGIN, MIDST, DONE, END, TASK, EFFECT = "begin", "midst", "done", "end", "task", "effect"
EFFECTS = (
    "dr.aws.ec2_instances.Ec2Instances.run",
    "dr.aws.load_balancers.LoadBalancers.register",
    "dr.aws.load_balancers.LoadBalancers.deregister",
    "dr.aws.cloudfront.Distributions.invalidate",
    "dr.traffic.route53.Route53Names.write",
    "dr.notify.status_page._Page.say",
    "dr.operations.infrastructure.apply._apply",
    "tasks.full_recovery_course.release",
)
"""What a crash must not make the next run do a second time, or not at all."""
_ONCE = ("dr.aws.ec2_instances.Ec2Instances.run",)
"""What goes on beside other steps and is not called again when it was done: nobody dies elsewhere meanwhile."""
_BROKEN = 70
Flow = Callable[..., object]
Deadly = Mapping[str, Sequence[str]]
EVERYWHERE: Deadly = {BEGIN: ("*",), DONE: ("*",), END: ("*",)}
Runner = Callable[[tuple[str, ...]], "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True, slots=True)
class Killings:
    """The moments (``begin STEP``) at which a process died, in this order, and how the last one ended.

    ``result`` is what the procedure gave in the end, ``tables`` what it published; ``said`` is what all of them wrote
    to their standard error.
    """

    moments: tuple[str, ...]
    status: int
    result: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    said: str = ""

    def steps(self, what: str) -> tuple[str, ...]:
        """The steps that were killed at this kind of moment."""
        return tuple(moment.removeprefix(f"{what} ") for moment in self.moments if moment.startswith(f"{what} "))


@dataclass(frozen=True, slots=True)
class Plan:
    """Who dies when, but for the moments that are ``over``: those have had their dead."""

    deadly: Deadly
    midst: Mapping[str, float]
    over: frozenset[str] = frozenset()

    def is_deadly(self, what: str, step: str) -> bool:
        patterns = self.midst if what == MIDST else self.deadly.get(what, ())
        first = next((one for one in patterns if fnmatchcase(step, one.removeprefix("!"))), "!")
        return not first.startswith("!") and f"{what} {step}" not in self.over


def killings(
    run: Runner,
    flow: str,
    parameters: Mapping[str, object],
    *,
    deadly: Deadly = EVERYWHERE,
    midst: Mapping[str, float] | None = None,
) -> Killings:
    """Run the series; ``run`` runs a program where and how the procedure is to run."""
    words = (json.dumps(parameters), json.dumps(deadly), json.dumps(midst or {}))
    ended = run((sys.executable, "-m", "tests.scenarios.killings", flow, *words))
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-6000:]
    answer = json.loads(ended.stdout)
    return Killings(tuple(answer["moments"]), answer["status"], answer["result"], answer["tables"], ended.stderr)


class _Mortal:
    """What this process does at its moments. Of two threads that come to one at once, the first dies for both."""

    def __init__(self, tell: int, plan: Plan) -> None:
        self._tell, self._plan = tell, plan
        self._lock = threading.RLock()

    def alone(self) -> AbstractContextManager[object]:
        """In here no other thread comes to a moment."""
        return self._lock

    def come_to(self, what: str, step: str) -> None:
        if self._plan.is_deadly(what, step):
            with self._lock:
                os.write(self._tell, f"{what} {step}".encode())
                os.kill(os.getpid(), signal.SIGKILL)
                signal.pause()

    def live_until(self, event: Event) -> None:
        """From its begin on, a step is in its midst."""
        self.come_to(event.what, event.step)
        if event.what == BEGIN and self._plan.is_deadly(MIDST, event.step):
            timer = threading.Timer(self._plan.midst[event.step], self.come_to, (MIDST, event.step))
            timer.daemon = True
            timer.start()


def _watch(mortal: _Mortal) -> None:
    """From here on the journals of this process, and its record, lead to its moments."""
    write, end, end_attempt = Journal._write, Journal.end, Recorder.end_attempt

    def written(self: Journal, event: Event) -> None:
        with mortal.alone():  # nobody dies between the event and its moment, which would not come again
            write(self, event)
            if event.what in (BEGIN, END):
                mortal.live_until(event)

    def ending(self: Journal, step: str, result: object) -> None:
        mortal.come_to(MIDST, step)
        mortal.come_to(DONE, step)
        end(self, step, result)

    def attempted(self: Recorder, place: int, error: BaseException | None) -> None:
        end_attempt(self, place, error)
        if error is None:
            mortal.come_to(TASK, self.snapshot().steps[place].name)

    for place in EFFECTS:
        _watch_effect(mortal, place)
    Journal._write = written  # type: ignore[method-assign]
    Journal.end = ending  # type: ignore[method-assign]
    Recorder.end_attempt = attempted  # type: ignore[method-assign]


def _watch_effect(mortal: _Mortal, place: str) -> None:
    """Come to a moment whenever that call gives an answer. The moment's name is the last two words of ``place``."""
    owner, _, name = place.rpartition(".")
    kind = owner.rpartition(".")[2]
    holder = pkgutil.resolve_name(owner)
    called = getattr(holder, name)

    @functools.wraps(called)
    def calling(*arguments: Any, **more: Any) -> Any:
        with mortal.alone() if place in _ONCE else nullcontext():
            answer = called(*arguments, **more)
            mortal.come_to(EFFECT, f"{kind}.{name}")
        return answer

    setattr(holder, name, calling)


def _live(flow: Flow, parameters: Mapping[str, object], mortal: _Mortal, answer: Path) -> int:
    """The whole life of a process that does not die before its time; its exit status."""
    _watch(mortal)
    try:
        outcome = flow(**parameters)
    except DrError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n{error.detail}\n")
        return error.exit_code
    record = last_record()
    artifacts = record.artifacts if record is not None else ()
    tables = {item.key: [dict(row) for row in item.rows] for item in artifacts}
    answer.write_bytes(msgspec.json.encode({"result": outcome, "tables": tables}, enc_hook=str))
    return 0


def _attempt(flow: Flow, parameters: Mapping[str, object], plan: Plan, answer: Path) -> tuple[str, int]:
    """Let a process live: the moment at which it has died, empty where it has not, and how it ended."""
    heard, tell = os.pipe()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        code = _BROKEN
        try:
            code = _live(flow, parameters, _Mortal(tell, plan), answer)
        except BaseException:  # noqa: BLE001 - whatever it was, this process ends here
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(tell)
    with os.fdopen(heard, encoding="utf-8") as told:
        return told.read(), status


def _series(flow: Flow, parameters: Mapping[str, object], plan: Plan, answer: Path) -> Killings:
    """Until one does not die at a moment: at its end, of a failure, or because somebody else has killed it."""
    moments: list[str] = []
    while True:
        now = dataclasses.replace(plan, over=frozenset(moments))
        moment, status = _attempt(flow, parameters, now, answer)
        if not moment:
            return Killings(tuple(moments), status, **(json.loads(answer.read_text()) if status == 0 else {}))
        moments.append(moment)


def main() -> int:
    """The series."""
    name = sys.argv[1]
    parameters, deadly, midst = (json.loads(word) for word in sys.argv[2:])
    flow = getattr(importlib.import_module(f"flows.{name}"), name)
    for place in EFFECTS:
        pkgutil.resolve_name(place)
    for store in open_repository(load_system(parameters["system"], require_postgres=False)).stores.values():
        with suppress(StoreError):
            store.head("what takes long to load is loaded once")
    with tempfile.TemporaryDirectory(prefix="dr-killings-") as private:
        series = _series(flow, parameters, Plan(deadly, midst), Path(private) / "answer.json")
    sys.stdout.write(json.dumps(dataclasses.asdict(series)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
