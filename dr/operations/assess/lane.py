"""The processes that ask: ``python -m dr.operations.assess.lane LANE=DESCRIPTOR ...``, one for each lane.

What all of them need is imported once; then each is forked off (this process has no threads yet), imports its own part
and waits for its order. That comes through the lane's socket, because it holds the configuration with its secrets, and
the answers go back through it, a line each. What could hang has threads of its own. Nobody here looks at the clock:
whoever waits for the answers does, and ends this process group.
"""

from __future__ import annotations

import importlib
import logging
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dr.configuration.model import System
from dr.errors import DrError
from dr.operations.assess.prober import Lane
from dr.operations.assess.wire import Line, Question, encoded, short
from dr.policy.observation import Condition, Observation

Answering = Callable[[System, Question], Line]
_WHEN_ASKED = (Lane.STANDBY,)
"""Few systems have one: it is imported when there is a question."""


@dataclass(frozen=True, slots=True)
class Order:
    """What one lane asks; ``seconds`` after which it ends even if nobody ends it.

    ``one_by_one``: questions of the same name follow each other, so that the first ones are answered first.
    """

    system: System
    questions: tuple[Question, ...]
    seconds: float
    one_by_one: bool = False

    @property
    def in_turn(self) -> list[list[Question]]:
        """What is asked one after the other, each list beside the others."""
        if not self.one_by_one:
            return [[question] for question in self.questions]
        names = dict.fromkeys(question.name for question in self.questions)
        return [[question for question in self.questions if question.name == name] for name in names]


def main() -> None:
    """Fork a process for each lane, wait for all of them."""
    sockets = {Lane(lane): int(number) for lane, _, number in (word.partition("=") for word in sys.argv[1:])}
    for lane in sockets:
        if os.fork() == 0:
            _be(lane, sockets)
    for descriptor in sockets.values():
        os.close(descriptor)
    with suppress(ChildProcessError):
        while True:
            os.wait()


def _be(lane: Lane, sockets: dict[Lane, int]) -> None:
    """The life of one lane, in its own process; does not return."""
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        for other, descriptor in sockets.items():
            if other is not lane:
                os.close(descriptor)
        answer = None if lane in _WHEN_ASKED else _imported(lane)
        with os.fdopen(os.dup(sockets[lane]), "rb") as stream:
            data = stream.read()
        if data:
            order: Order = pickle.loads(data)  # noqa: S301 - from our own parent, through a socket of its making
            signal.setitimer(signal.ITIMER_REAL, order.seconds)  # whose default action ends this process
            _ask_all(order, answer or _imported(lane), sockets[lane])
    finally:
        os._exit(0)  # a thread that hangs must not keep it, and what it inherited is its parent's to tidy up


def _imported(lane: Lane) -> Answering | Exception:
    """How a lane answers; one that cannot even be imported says so when it is asked."""
    try:
        answer: Answering = importlib.import_module(f"dr.operations.assess.probes.{lane}").answer
    except Exception as error:  # noqa: BLE001 - the others have to see what they can all the same
        return error
    return answer


def _ask_all(order: Order, answer: Answering | Exception, descriptor: int) -> None:
    """Put the questions, write every answer as it comes; returns when all have come."""
    logging.disable(logging.CRITICAL)  # what is worth knowing is in the answers
    telling = threading.Lock()

    def tell(line: Line) -> None:
        data = encoded(line)
        with telling:
            while data:
                data = data[os.write(descriptor, data) :]

    tell(Line())  # from here on the questions' own time limits count
    if isinstance(answer, Exception):
        for question in order.questions:
            tell(_unknown(question, answer))
        return
    threads = [
        threading.Thread(target=_ask_in_turn, args=(order.system, answer, questions, tell), daemon=True)
        for questions in order.in_turn
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _ask_in_turn(
    system: System, answer: Answering, questions: Sequence[Question], tell: Callable[[Line], None]
) -> None:
    for question in questions:
        _ask(system, answer, question, tell)


def _ask(system: System, answer: Answering, question: Question, tell: Callable[[Line], None]) -> None:
    try:
        line = answer(system, question)
    except DrError as error:
        line = failed(question, f"{error.message}: {error.detail}" if error.detail else error.message)
    except Exception as error:  # noqa: BLE001 - one probe that is wrong must not hide what the others see
        line = _unknown(question, error)
    tell(line)


def _unknown(question: Question, error: Exception) -> Line:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return failed(question, f"cannot be told: {type(error).__name__}: {error}{where}", Condition.IMPAIRED)


def failed(question: Question, why: str, condition: Condition = Condition.DOWN) -> Line:
    """The answer that says why there is none."""
    shown = "FAILED" if condition is Condition.DOWN else "UNKNOWN"
    seen = Observation(question.subject, condition, shown, short(why), question.name)
    return Line(answers=question, observed=(seen,))


if __name__ == "__main__":
    # As a module with its own name, so that what was pickled under that name is known here.
    from dr.operations.assess.lane import main as under_its_name

    under_its_name()
