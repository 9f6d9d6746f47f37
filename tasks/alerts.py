"""Steps of telling people, and of proving that they are told."""

from __future__ import annotations

from datetime import UTC, datetime

from dr.notify.ping import Event, Turn, ping
from dr.operations.alert import self_test
from dr.operations.alert.self_test import PathTest
from dr.operations.alert.watch import Watched, watch
from dr.operations.measure.gather import Measured, measure
from tasks.runner import current_run, publish_table, task
from tasks.systems import load_system


@task(name="send a test through every channel", timeout_seconds=300)
def try_channels(system: str) -> PathTest:
    """Each provider's own answer counts."""
    return self_test.prove_alert_path(load_system(system, require_postgres=False))


def show_path(test: PathTest) -> None:
    """The channels, and what each answered."""
    rows = [
        {
            "channel": item.channel,
            "leads to": item.place,
            "confirmed": "yes" if item.confirmed else "NO",
            "answer": item.identifier or item.error,
        }
        for item in test.tried
    ]
    publish_table("alert-path", rows, f"Test {test.code}: {len(test.confirmed)} of {len(rows)} channels confirmed")


@task(name="measure", timeout_seconds=240)
def measure_system(system: str) -> Measured:
    """Ages, sizes, lag: all read from the stores."""
    return measure(load_system(system, require_postgres=False), datetime.now(UTC))


@task(name="hold against the rules and tell people", timeout_seconds=120)
def watch_system(system: str, measured: Measured) -> Watched:
    """What is new is told, what is over as well."""
    return watch(load_system(system, require_postgres=False), measured, datetime.now(UTC))


def tell_watcher(system: str) -> None:
    """An outside watcher hears that somebody looked, and that people would have been told."""
    settings = load_system(system, require_postgres=False)
    ping(settings.alerting.pings, Event.MONITORING, Turn.GOOD, run=current_run().id)


def show_watched(watched: Watched) -> None:
    """What is open, and what could not be measured or said."""
    rows = [
        {
            "alert": item.alert.key,
            "grade": str(item.alert.grade),
            "since": f"{item.begun:%Y-%m-%d %H:%M:%S} UTC",
            "what": item.alert.summary,
            "told by": ", ".join(item.threads),
        }
        for item in watched.told.book.open
    ]
    publish_table("open-alerts", rows, f"{len(rows)} open alerts")
    problems = [*watched.measured.problems, *(item.error for item in watched.told.undelivered)]
    if not watched.told.channels:
        problems.append("no channel is configured: nobody is told (docs/alerts.md)")
    if problems:
        publish_table("monitoring-problems", [{"problem": text} for text in problems], "What could not be done")
