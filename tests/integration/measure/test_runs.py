"""What is counted by the records that runs leave in the stores, and which runs are missing there or in Prefect."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
import pytest

from dr.configuration.model import System
from dr.errors import LeaseHeld, StoreFull
from dr.operations.keep_record import keep_record
from dr.operations.measure.runs import measure_runs
from dr.operations.measure.schedules import measure_scheduler, measure_schedules
from dr.policy.metric import Sample, Unmeasured
from dr.policy.rule_evaluation import evaluate
from tasks import plain_runner
from tasks.run import RunRecord
from tests.integration.measure.conftest import BEGUN


def ran(system: System, begin: datetime, error: Exception | None = None, stores: str = "local, other") -> None:
    """One run of the daily backup by the plain runner, as it would have been at that time; its record is kept."""

    def keep(record: RunRecord) -> None:
        rows = tuple((f"stores.{item.name}.path", str(item.path), "file") for item in system.stores)
        old = replace(record, begin=begin, end=begin + timedelta(seconds=90), configuration=rows, seconds=90.0)
        keep_record(system, record.id, begin, msgspec.json.encode(old))

    @plain_runner.flow(name="daily-backup", when_done=keep)
    def daily_backup(system: str = "shop") -> None:
        plain_runner.publish_table("backups", [{"kind": "dump", "stores": stores}], "")
        if error is not None:
            raise error

    with suppress(StoreFull, LeaseHeld):
        daily_backup()


def values(samples: Iterator[Sample | Unmeasured], name: str) -> dict[str, float]:
    """By the labels behind the system's name."""
    return {"/".join(item.labels[1:]): item.value for item in samples if isinstance(item, Sample) and item.name == name}


def test_successes_and_failures_are_counted_by_the_records_and_not_by_memory(system: System) -> None:
    """Also when what was noted on this host is gone, and by another host that never saw a run."""
    ran(system, BEGUN + timedelta(hours=2))
    ran(system, BEGUN + timedelta(hours=26), StoreFull("full"), stores="local")
    now = BEGUN + timedelta(hours=27)
    first = list(measure_runs(system, now))
    again = list(measure_runs(system, now))
    (system.state_directory / "measure" / "shop.runs.json").unlink()
    anew = list(measure_runs(system, now))
    elsewhere = list(measure_runs(replace(system, state_directory=system.state_directory / "elsewhere"), now))

    assert values(iter(first), "backup_success_total") == {"dump/local": 2, "dump/other": 1}
    assert values(iter(first), "backup_failure_total") == {"dump/local": 0, "dump/other": 1}
    assert values(iter(first), "procedure_failure_total") == {"daily-backup": 1}
    assert values(iter(first), "procedure_duration_seconds") == {"daily-backup": 90}
    assert first == again == anew == elsewhere


def test_a_failed_run_is_an_alert_until_one_ends_well(system: System) -> None:
    """A run that was refused because another was at work changes nothing."""
    ran(system, BEGUN + timedelta(hours=2), StoreFull("full"))
    failed = fired(system, BEGUN + timedelta(hours=3))
    ran(system, BEGUN + timedelta(hours=4), LeaseHeld("another is at work"))
    refused = fired(system, BEGUN + timedelta(hours=5))
    ran(system, BEGUN + timedelta(hours=6))

    assert failed == refused == {"run-failed"}
    assert fired(system, BEGUN + timedelta(hours=7)) == set()


def fired(system: System, now: datetime) -> set[str]:
    """The rules that fire at once."""
    return {alert.rule for alert in evaluate(measure_runs(system, now), (), now).alerts}


@pytest.mark.incident("I26")
def test_a_run_that_leaves_no_record_is_missing_whoever_should_have_started_it(system: System) -> None:
    """No Prefect anywhere: cron's line was lost in an upgrade, and nobody was told for 44 days."""
    ran(system, BEGUN + timedelta(hours=2))
    well = fired(system, BEGUN + timedelta(hours=31))
    missing = fired(system, BEGUN + timedelta(hours=33))
    ran(system, BEGUN + timedelta(hours=34))

    assert well == set()
    assert missing == {"run-missing"}
    assert fired(system, BEGUN + timedelta(hours=35)) == set()


def test_a_record_that_one_store_lost_is_read_from_the_other_and_garbage_is_passed_over(system: System) -> None:
    """And one that no store has taken yet is counted as well."""
    ran(system, BEGUN + timedelta(hours=2))
    first, second = (item.path for item in system.stores)
    assert first is not None
    assert second is not None
    (record,) = first.rglob("run_*.json")
    whole = record.read_bytes()
    assert (second / record.relative_to(first)).read_bytes() == whole
    record.write_bytes(b"{")
    record.with_name("run_garbage.json").write_bytes(b"\0")
    waiting = system.state_directory / "runs" / "shop" / "2026-1f.json"
    waiting.parent.mkdir(parents=True, exist_ok=True)
    waiting.write_bytes(whole.replace(record.stem[4:].encode(), b"1f"))

    counted = values(measure_runs(system, BEGUN + timedelta(hours=3)), "procedure_success_total")

    assert counted == {"daily-backup": 2}


class _Server(BaseHTTPRequestHandler):
    """Prefect's answers, as its server gives them: the daily backup is paused, monitoring has two late runs."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Nothing."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        deployments = [
            {"id": "a", "entrypoint": "flows.daily_backup.daily_backup", "paused": True, "schedules": [{}]},
            {"id": "b", "entrypoint": "flows.monitoring.monitoring", "schedules": [{"active": True}]},
        ]
        runs = [{"deployment_id": "b"}, {"deployment_id": "b"}]
        data = json.dumps(deployments if "deployments" in self.path else runs).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.mark.incident("I26")
def test_a_paused_schedule_and_late_runs_are_alerts_and_a_server_that_is_gone_is_one(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Prefect says is asked without Prefect; a real server is asked in tests/prefect."""
    now = datetime.now(UTC)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{server.server_port}/api")
    asked = (*measure_schedules(system, now), *measure_scheduler(system, now))
    server.shutdown()
    server.server_close()
    gone = tuple(measure_scheduler(system, now))
    first = evaluate((*asked, *gone), (), now)
    later = now + timedelta(minutes=15)

    found = {(a.rule, a.subject) for a in evaluate((*asked, *gone), first.broken, later).alerts}

    assert found == {("schedule-inactive", "daily-backup"), ("runs-late", "monitoring"), ("scheduler-down", "")}
    monkeypatch.delenv("PREFECT_API_URL")
    assert (*measure_schedules(system, now), *measure_scheduler(system, now)) == ()
