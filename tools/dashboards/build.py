"""From our pages to Grafana's documents, by its own library."""

from __future__ import annotations

from string import ascii_uppercase

from grafana_foundation_sdk.builders import common, dashboard, stat, timeseries
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
    VariableSort,
)

from tools.dashboards.panel import Look, Page, Panel

TAG = "coreflow360-dr"
_SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
_HEIGHT, _NUMBER_HEIGHT = 8, 5


def document(page: Page) -> str:
    """The dashboard's JSON, as Grafana imports and provisions it."""
    made = (
        dashboard.Dashboard(page.title)
        .uid(page.uid)
        .description(page.about)
        .tags([TAG])
        .refresh("1m")
        .time("now-7d", "now")
        .timezone("utc")
        .readonly()
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(_system(page))
        .link(
            dashboard.DashboardLink("Backup and recovery")
            .tags([TAG])
            .as_dropdown(True)
            .keep_time(True)
            .include_vars(True)
        )
    )
    for number, panel in enumerate(page.panels, 1):
        made = made.with_panel((_number(panel) if panel.look is Look.NUMBER else _course(panel)).id(number))
    return JSONEncoder(sort_keys=True, indent=1, ensure_ascii=False).encode(made.build()) + "\n"


def _system(page: Page) -> dashboard.QueryVariable:
    """Which systems: all there are, unless the page is about one."""
    made = (
        dashboard.QueryVariable("system")
        .label("System")
        .datasource(_SOURCE)
        .query("label_values(storage_up, system)")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )
    return made if page.single else made.multi(True).include_all(True).all_value(".*")


def _number(panel: Panel) -> stat.Panel:
    made = (
        stat.Panel()
        .title(panel.title)
        .description(panel.about)
        .datasource(_SOURCE)
        .unit(panel.unit)
        .height(_NUMBER_HEIGHT)
        .span(panel.width)
        .no_value("never")
        .graph_mode(shapes.BigValueGraphMode.NONE)
        .thresholds(_thresholds(panel))
    )
    for letter, query in zip(ascii_uppercase, panel.queries, strict=False):
        made = made.with_target(Dataquery().ref_id(letter).expr(query.expression).legend_format(query.called).instant())
    return made


def _course(panel: Panel) -> timeseries.Panel:
    bars = panel.look is Look.BARS
    made = (
        timeseries.Panel()
        .title(panel.title)
        .description(panel.about)
        .datasource(_SOURCE)
        .unit(panel.unit)
        .height(_HEIGHT)
        .span(panel.width)
        .draw_style(shapes.GraphDrawStyle.BARS if bars else shapes.GraphDrawStyle.LINE)
        .fill_opacity(60 if bars else 5)
        .stacking(
            common.StackingConfig().mode(shapes.StackingMode.NORMAL if bars else shapes.StackingMode.NONE).group("A")
        )
        .thresholds(_thresholds(panel))
    )
    if panel.red is not None:
        made = made.thresholds_style(common.GraphThresholdsStyleConfig().mode(shapes.GraphThresholdsStyleMode.DASHED))
    for letter, query in zip(ascii_uppercase, panel.queries, strict=False):
        made = made.with_target(Dataquery().ref_id(letter).expr(query.expression).legend_format(query.called).range())
    return made


def _thresholds(panel: Panel) -> dashboard.ThresholdsConfig:
    well, bad = ("red", "green") if panel.below else ("green", "red")
    steps = [Threshold(value=None, color=well if panel.red is not None else "green")]
    if panel.red is not None:
        steps.append(Threshold(value=panel.red, color=bad))
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
