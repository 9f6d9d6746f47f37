"""How Prometheus comes to the measurements: the file ``prometheus.yml``, an example to take over into your own."""

from __future__ import annotations

from typing import TypeAlias

from dr.operations.measure.push import JOB

Document: TypeAlias = dict[str, object]


def prometheus_file(
    exporters: tuple[str, ...] = ("127.0.0.1:9360",),
    alertmanagers: tuple[str, ...] = ("127.0.0.1:9093",),
    *,
    rules: str = "rules.yml",
    interval: str = "60s",
    evaluation: str = "60s",
) -> Document:
    """What the file holds. ``honor_labels`` keeps what a push gateway was given.

    Stores that are slow to answer may take all of the time: Prometheus gives up after 10 s where it is told nothing.
    """
    return {
        "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": evaluation},
        "rule_files": [rules],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": list(alertmanagers)}]}]},
        "scrape_configs": [
            {"job_name": JOB, "honor_labels": True, "static_configs": [{"targets": list(exporters)}]},
        ],
    }
