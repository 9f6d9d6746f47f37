"""Grafana's dashboards: as they are written, of metrics that there are, and sound as documents."""

from __future__ import annotations

import json
import re

import pytest

from deployments.prometheus.rule_file import rule_file
from dr.policy.metric import BY_NAME
from tools.dashboards.__main__ import HERE
from tools.dashboards.build import document
from tools.dashboards.pages import PAGES
from tools.dashboards.panel import Page

FOREIGN = {"ALERTS", "up"}
"""Metrics that Prometheus makes by itself."""


def metrics_in(expression: str) -> set[str]:
    """Names that are followed by a selector."""
    return set(re.findall(r"([A-Za-z_][A-Za-z0-9_]*)\{", expression))


def test_the_dashboards_in_the_repository_are_those_that_are_written() -> None:
    """Whoever changes a page writes them anew: python -m tools.dashboards."""
    written = {f"{page.uid}.json": document(page) for page in PAGES}

    assert {path.name: path.read_text() for path in HERE.glob("*.json")} == written


def test_the_pages_of_the_guide_are_there() -> None:
    """And one for each system."""
    assert {page.title for page in PAGES} == {
        "Backup Success Rate",
        "Recovery Time Tracking",
        "Storage Utilization",
        "Error Rate Trends",
        "Protected System",
    }


@pytest.mark.parametrize("page", PAGES, ids=[page.uid for page in PAGES])
def test_a_page_is_sound(page: Page) -> None:
    """Every metric is declared, every label in a legend belongs to it, ids are unique, nothing lies over anything."""
    made = json.loads(document(page))
    panels = made["panels"]
    places = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert len(panels) == len(page.panels) == len({panel["id"] for panel in panels})
    assert len(places) == len(set(places))
    assert [variable["name"] for variable in made["templating"]["list"]] == ["datasource", "system"]
    for panel in panels:
        assert panel["datasource"]["uid"] == "${datasource}"
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
        for target in panel["targets"]:
            names = metrics_in(target["expr"])
            assert names
            assert names <= {*BY_NAME, *FOREIGN}, target["expr"]
            labels = {label for name in names - FOREIGN for label in BY_NAME[name].labels}
            assert names & FOREIGN or set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= labels


def test_every_metric_that_a_rule_looks_at_is_shown_somewhere() -> None:
    """Whoever is woken by an alert finds its course."""
    shown = {name for page in PAGES for panel in page.panels for query in panel.queries
             for name in metrics_in(query.expression)}  # fmt: skip
    groups = rule_file(silences=())["groups"]
    assert isinstance(groups, list)
    looked_at = {
        name
        for group in groups
        for rule in group["rules"]
        for name in BY_NAME
        if re.search(rf"\b{name}\b", rule["expr"])
    }

    assert looked_at
    assert looked_at - shown == set()
