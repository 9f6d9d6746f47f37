"""The plain runner: retries, record, artifacts and interruption, without Prefect anywhere."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from dr.errors import Interrupted, KeyUnusable, StoreUnavailable
from tasks.plain_runner import current_run, flow, publish_markdown, publish_table, task
from tasks.record import current_record, is_recording, last_record
from tasks.retrying import RetryPolicy
from tasks.run import Outcome, RunRecord

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow each other at once."""
    monkeypatch.setenv("DR_RETRY_BASE_SECONDS", "0.001")


def failing(times: int, error: Exception) -> Callable[[], int]:
    """A function that raises ``error`` that many times and then returns how often it was called."""
    calls: list[int] = []

    def attempt() -> int:
        calls.append(1)
        if len(calls) <= times:
            raise error
        return len(calls)

    return attempt


def run(body: Callable[[], object]) -> RunRecord:
    """The record of a flow with that body, however it ended."""
    with contextlib.suppress(Exception):
        flow(name="toy")(body)()
    record = last_record()
    assert record is not None
    return record


def test_a_retryable_failure_is_tried_again_until_it_passes() -> None:
    """Two failures and a success are three recorded attempts and one result."""
    step = task(name="flaky", retries=3)(failing(2, StoreUnavailable("not now")))

    record = run(step)

    assert [(item.attempt, item.outcome) for item in record.steps] == [(1, "failed"), (2, "failed"), (3, "completed")]
    assert record.outcome is Outcome.COMPLETED


@pytest.mark.parametrize("error", [KeyUnusable("wrong key"), ValueError("a mistake")])
def test_a_permanent_failure_is_not_tried_again(error: Exception) -> None:
    """A wrong key stays wrong, and a programming error too."""
    record = run(task(name="permanent", retries=3)(failing(1, error)))

    assert [(item.attempt, item.outcome) for item in record.steps] == [(1, "failed")]
    assert (record.outcome, record.error_type, record.error) == ("failed", type(error).__name__, str(error))


def test_retries_come_to_an_end() -> None:
    """The last error is the run's."""
    with pytest.raises(StoreUnavailable, match="not now"):
        task(name="down", retries=2)(failing(9, StoreUnavailable("not now")))()


def test_without_retries_nothing_is_tried_again() -> None:
    """Trying again is asked for, never a default."""
    assert len(run(task(name="once")(failing(1, StoreUnavailable("not now")))).steps) == 1


def test_pauses_grow_double_are_capped_and_jittered(monkeypatch: pytest.MonkeyPatch) -> None:
    """1, 2, 4, ... seconds up to 60, each less up to half by chance."""
    monkeypatch.delenv("DR_RETRY_BASE_SECONDS")

    delays = [RetryPolicy(retries=8).delays() for _ in range(50)]

    for drawn in delays:
        for delay, longest in zip(drawn, (1, 2, 4, 8, 16, 32, 60, 60), strict=True):
            assert longest / 2 <= delay <= longest
    assert len({drawn[0] for drawn in delays}) > 1


def test_the_record_says_who_ran_what_when_and_how_it_ended() -> None:
    """Everything evidence needs, as values that encode and decode."""

    @task(name="first step")
    def first(x: int) -> int:
        return x + 1

    @flow(name="toy flow", flow_run_name="toy-{system}")
    def toy(system: str, tables: list[str], dry_run: bool = False) -> str:
        first(1)
        publish_table("phases", [{"phase": "restore", "seconds": 1.5, "note": None, "path": Path("/x")}], "Phases.")
        publish_markdown("report", "# Done", "Report.")
        assert current_record().outcome is Outcome.RUNNING
        return current_run().name

    name = toy("main", ["users"])

    record = last_record()
    assert record is not None
    assert record.name == name
    assert name.startswith("toy-main-")
    assert (record.flow, record.runner, record.outcome) == ("toy flow", "plain", "completed")
    assert record.parameters == {"system": "main", "tables": ("users",), "dry_run": False}
    assert [step.name for step in record.steps] == ["first step"]
    assert record.end is not None
    assert record.end >= record.begin
    assert record.artifacts[0].rows == ({"phase": "restore", "seconds": 1.5, "note": None, "path": "/x"},)
    assert record.artifacts[1].text == "# Done"
    assert msgspec.json.decode(msgspec.json.encode(record), type=RunRecord) == record


def test_run_ids_sort_by_time() -> None:
    """Evidence lists in order by its names."""
    ids = [run(lambda: None).id for _ in range(5)]

    assert len(set(ids)) == 5
    assert [item[:8] for item in ids] == sorted(item[:8] for item in ids)


def test_offsets_are_in_order_and_inside_the_run() -> None:
    """Steps begin after the run began and end before it ended."""
    step = task(name="step")(lambda: None)

    record = run(lambda: (step(), step()))

    marks = [mark for item in record.steps for mark in (item.begin_seconds, item.end_seconds)]
    assert None not in marks
    assert [0.0, *marks, record.seconds] == sorted([0.0, *marks, record.seconds])  # type: ignore[type-var]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(143), Interrupted("SIGTERM arrived")])
def test_an_interruption_passes_through_and_is_recorded(error: BaseException) -> None:
    """Ctrl-C, SIGTERM's exit and our own Interrupted end the run at once, and the record says so."""

    def interrupted() -> None:
        raise error

    step = task(name="long", retries=5)(interrupted)

    with pytest.raises(type(error)):
        flow(name="toy")(step)()

    record = last_record()
    assert record is not None
    assert (record.outcome, [item.outcome for item in record.steps]) == ("interrupted", ["interrupted"])


def test_passwords_are_masked_in_the_record() -> None:
    """Neither parameters nor errors nor artifacts keep one."""
    password = secrets.token_hex(8)
    url = f"postgresql://app:{password}@db/main"

    @flow(name="toy")
    def toy(to: str, others: list[str]) -> None:
        publish_markdown("report", f"restored to {url}", "Report.")
        publish_table("rows", [{"to": url}], "Rows.")
        raise KeyUnusable(f"cannot reach {url}")

    with pytest.raises(KeyUnusable):
        toy(url, [url])

    assert password not in msgspec.json.encode(last_record()).decode()


def test_the_closed_record_is_handed_over_however_the_run_ended() -> None:
    """Evidence is written for failed runs too."""
    kept: list[RunRecord] = []

    @flow(name="toy", when_done=kept.append)
    def toy(fail: bool) -> None:
        if fail:
            raise KeyUnusable("wrong key")

    toy(False)
    with pytest.raises(KeyUnusable):
        toy(True)

    assert [record.outcome for record in kept] == ["completed", "failed"]
    assert all(record.end for record in kept)


def test_evidence_that_cannot_be_kept_fails_the_run_but_hides_no_error() -> None:
    """A completed run without its record is a failure; a failed run keeps its own error in front."""

    def refuse(record: RunRecord) -> None:
        raise StoreUnavailable("the repository does not answer")

    @flow(name="toy", when_done=refuse)
    def toy(fail: bool) -> None:
        if fail:
            raise KeyUnusable("wrong key")

    with pytest.raises(StoreUnavailable):
        toy(False)
    assert (last_record() or run(lambda: None)).outcome is Outcome.FAILED
    with pytest.raises(KeyUnusable) as caught:
        toy(True)

    assert "the repository does not answer" in caught.value.__notes__[0]


def test_a_flow_in_a_flow_has_a_record_of_its_own() -> None:
    """The inner names the outer as its parent; afterwards the outer's is current again."""
    seen: list[RunRecord] = []

    @flow(name="inner", when_done=seen.append)
    def inner() -> None:
        publish_markdown("note", "inner", "Note.")

    @flow(name="outer", when_done=seen.append)
    def outer() -> None:
        inner()
        assert current_record().flow == "outer"

    outer()

    assert [(record.flow, len(record.artifacts)) for record in seen] == [("inner", 1), ("outer", 0)]
    assert seen[0].parent == seen[1].id


def test_outside_a_run_steps_work_and_publishing_does_not() -> None:
    """A step can be tried alone; a table that nobody would keep is a mistake."""
    assert task(name="alone")(lambda: 7)() == 7
    assert not is_recording()

    with pytest.raises(RuntimeError, match="no flow is running"):
        publish_table("phases", [], "Phases.")
    with pytest.raises(RuntimeError, match="no flow is running"):
        current_run()


@pytest.mark.parametrize("key", ["Phases", "a_b", "", "-a", "a b"])
def test_an_artifact_key_that_prefect_would_refuse_is_refused_here_too(key: str) -> None:
    """Found by the plain runner's tests, not in the night under Prefect."""
    with pytest.raises(ValueError, match="artifact key"):
        flow(name="toy")(lambda: publish_markdown(key, "x", "x"))()


def test_prefect_is_never_imported() -> None:
    """With Prefect made unimportable the whole of tasks loads and a flow runs."""
    code = """
import sys
sys.modules["prefect"] = None
from tasks import runner, systems
assert runner.RUNNER == "plain", runner.REASON
step = runner.task(name="step")(lambda: 3)
assert runner.flow(name="toy")(lambda: step())() == 3
import dr.configuration
print(sorted(name for name in sys.modules if name.startswith(("prefect", "pydantic", "httpx"))))
"""
    environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}

    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False, timeout=60
    )

    assert (done.returncode, done.stderr, done.stdout.strip()) == (0, "", "['prefect']")
