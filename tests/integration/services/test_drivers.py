"""Every driver keeps what the protocol promises, on real processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from dr.errors import ServiceError
from dr.services.protocol import State
from tests.integration.services import cases
from tests.integration.services.cases import BENCHES, NEW, OLD, OLDEST, Bench, Case, engine_bench
from tests.integration.services.engine import Engine, engine

SECONDS = 20


@pytest.fixture(scope="module")
def docker() -> Iterator[Engine | None]:
    """An engine for all tests; None for ordinary users."""
    if os.geteuid() != 0:
        yield None
        return
    with engine(*(f"shop:{release}" for release in (OLDEST, OLD, NEW))) as running:
        yield running


@pytest.fixture(params=[*sorted(BENCHES), "engine"])
def bench(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A bench of each driver."""
    if request.param == "engine":
        with engine_bench(tmp_path, monkeypatch, request.getfixturevalue("docker")) as made:
            yield made
        return
    with BENCHES[request.param](tmp_path, monkeypatch) as made:
        yield made


def _state(case: Case) -> State:
    return case.service.status(SECONDS).state


def _until(case: Case, *states: State) -> State:
    deadline = time.monotonic() + SECONDS
    while (state := _state(case)) not in states:
        assert time.monotonic() < deadline, f"it is {state}"
        time.sleep(0.05)
    return state


def _up(case: Case, count: int = 1) -> list[int]:
    """The processes of it, when the program of each has begun."""
    deadline = time.monotonic() + SECONDS
    while len(case.alive) < count:
        assert time.monotonic() < deadline, f"{case.started} {case.service.status(SECONDS)}"
        time.sleep(0.05)
    return case.alive


def test_it_starts_once_and_stops_for_good(bench: Bench) -> None:
    """A second start starts nothing, a second stop does nothing, and nothing comes back by itself."""
    case = bench.case()
    assert _state(case) is State.STOPPED

    case.service.start(SECONDS)
    first = _up(case, bench.copies)
    case.service.start(SECONDS)

    assert _until(case, State.RUNNING)
    assert case.alive == first != []

    case.service.stop(SECONDS)
    assert case.alive == []
    case.service.stop(SECONDS)
    time.sleep(0.7)
    assert case.alive == []
    assert _state(case) is State.STOPPED


def test_what_was_killed_can_be_started_again(bench: Bench) -> None:
    """SIGKILL is told as a failure, unless its driver has started it again by then; a start brings it back."""
    case = bench.case()
    case.service.start(SECONDS)
    killed = _up(case, bench.copies)

    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    if not case.restarts:
        assert _until(case, State.FAILED)
    case.service.stop(SECONDS)
    case.service.start(SECONDS)

    assert _until(case, State.RUNNING)
    assert not set(_up(case, bench.copies)) & set(killed)


def test_what_does_not_come_is_an_error_with_its_last_words(bench: Bench) -> None:
    """Without the password that was in them."""
    case = bench.case("bad")

    text = ""
    try:
        case.service.start(10)
    except ServiceError as error:
        text = str(error)
    failed = _until(case, State.FAILED)  # on a slow machine it has run for a while before it failed
    words = case.service.last_words(SECONDS)

    assert failed
    assert "web does not start" in text or not text
    assert "hunter22" not in text + words
    assert "\x1b" not in words
    assert not case.keeps_words or "no such setting: SHOP_NAME" in words
    assert not case.keeps_words or not text or "no such setting: SHOP_NAME" in text
    case.service.stop(SECONDS)
    assert _state(case) in (State.STOPPED, State.FAILED)  # a container that has failed keeps its exit status
    assert not case.alive


@pytest.mark.parametrize("bench", ["systemd", "compose", "kubernetes", "engine"], indirect=True)
def test_what_does_not_want_to_end_is_ended(bench: Bench) -> None:
    """Within the time that was given."""
    case = bench.case("stubborn")
    case.service.start(SECONDS)
    _up(case, bench.copies)

    case.service.stop(6)

    assert case.alive == []


@pytest.mark.parametrize("bench", ["process", "systemd"], indirect=True)
def test_what_hangs_is_ended(bench: Bench) -> None:
    """A process that was stopped takes no SIGTERM."""
    case = bench.case()
    case.service.start(SECONDS)
    for pid in _up(case):
        os.kill(pid, signal.SIGSTOP)

    case.service.stop(3)

    assert case.alive == []


def test_it_goes_back_to_the_release_before(bench: Bench) -> None:
    """Numbers count by their value: v9 is before v10."""
    case = bench.case("bad", older="good")
    with suppress(ServiceError):
        case.service.start(10)

    assert case.service.previous_release() in (OLD, "revision 9")
    case.service.roll_back(case.service.previous_release(), SECONDS)

    assert _until(case, State.RUNNING)
    assert _up(case, bench.copies)
    assert case.started[-1][0] == OLD


def test_going_back_again_goes_no_further(bench: Bench) -> None:
    """A recovery that was cut off does it again; and there is a way forward to where it came from."""
    case = bench.case(older="good", oldest="good")
    case.service.start(SECONDS)
    newest, before = case.service.current_release(), case.service.previous_release()

    first = case.service.roll_back(before, SECONDS)
    again = case.service.roll_back(before, SECONDS)

    assert first == again == case.service.current_release()
    assert _up(case, bench.copies)
    assert case.started[-1][0] == OLD
    case.service.roll_back(newest, SECONDS)
    assert _up(case, bench.copies)
    assert case.started[-1][0] == NEW


def test_without_a_release_before_it_says_so_and_goes_on(bench: Bench) -> None:
    """What runs is not stopped for a way back that there is not."""
    case = bench.case()
    case.service.start(SECONDS)

    assert case.service.previous_release() == ""
    with pytest.raises(ServiceError, match="there is no re"):
        case.service.roll_back("", SECONDS)

    assert len(_up(case, bench.copies)) == len(case.started)
    assert {release for release, _ in case.started} == {NEW}


def test_it_is_unknown_where_its_program_is_missing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look never raises: `dr assess` and the plan go on with what they can see."""
    case = bench.case()
    empty = bench.directory / "nothing"
    empty.mkdir()

    monkeypatch.setenv("PATH", str(empty))
    cases.forget()
    status = case.service.status(SECONDS)

    assert status.state in (State.UNKNOWN, State.STOPPED)
    assert (status.state is State.STOPPED) == (type(bench).__name__ == "ProcessBench")
    assert status.detail
