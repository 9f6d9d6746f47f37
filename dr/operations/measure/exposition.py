"""Measurements in Prometheus's text format: served, or written to a file that its node exporter reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from dr.operations.whole_file import write_whole
from dr.policy.metric import FAMILIES, Sample, Shape


class Measurements(Collector):
    """What ``measure`` gives, each time that somebody asks."""

    def __init__(self, measure: Callable[[], Sequence[Sample]]) -> None:
        self._measure = measure

    def collect(self) -> Iterator[Metric]:
        return metrics(self._measure())

    def describe(self) -> Iterator[Metric]:
        """Known without measuring: a registry asks for it when it is made."""
        return metrics(())


def metrics(samples: Iterable[Sample]) -> Iterator[Metric]:
    """The declared families, each with its samples."""
    by_name: dict[str, list[Sample]] = {}
    for item in samples:
        by_name.setdefault(item.name, []).append(item)
    for family in FAMILIES:
        kind = CounterMetricFamily if family.shape is Shape.COUNTER else GaugeMetricFamily
        metric = kind(family.name, family.help, labels=family.labels)
        for item in by_name.get(family.name, ()):
            metric.add_metric(item.labels, item.value)
        yield metric


def exposition(samples: Sequence[Sample]) -> bytes:
    """The text format."""
    registry = CollectorRegistry()
    registry.register(Measurements(lambda: samples))
    return generate_latest(registry)


def write_textfile(samples: Sequence[Sample], file: Path) -> None:
    """Replace the file whole: whoever reads it never sees half. Its reader is another account."""
    write_whole(file, exposition(samples), mode=0o644)
