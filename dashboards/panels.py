"""The few panels our dashboards are made of, with the house's looks; queries read schema `dash` only."""

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import bargauge, common, dashboard, geomap, stat, table, timeseries
from grafana_foundation_sdk.cog import builder
from grafana_foundation_sdk.cog import variants as cogvariants
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model

SOURCE = model.DataSourceRef(type_val="grafana-postgresql-datasource", uid="citygrid")
SEVERITY_COLORS: Mapping[str, str] = {
    "critical": "dark-red",
    "major": "orange",
    "minor": "yellow",
    "info": "blue",
}
HEALTH_COLORS: Mapping[str, str] = {"online": "green", "late": "yellow", "silent": "red", "never": "gray"}


class Sql(cogvariants.Dataquery):
    """One query of Grafana's PostgreSQL data source (the schema library has no builder for it)."""

    def __init__(self, text: str, *, time_series: bool = False, ref_id: str = "A") -> None:
        self.text = " ".join(text.split())
        self.time_series = time_series
        self.ref_id = ref_id

    def to_json(self) -> dict[str, object]:
        """Give the query as the data source stores it."""
        return {
            "refId": self.ref_id,
            "datasource": SOURCE,
            "editorMode": "code",
            "format": "time_series" if self.time_series else "table",
            "rawQuery": True,
            "rawSql": self.text,
        }


class Query(builder.Builder[cogvariants.Dataquery]):
    """What panels take."""

    def __init__(self, text: str, *, time_series: bool = False) -> None:
        self._query = Sql(text, time_series=time_series)

    def build(self) -> cogvariants.Dataquery:
        """Give the query."""
        return self._query


def numbers(title: str, sql: str, units: Mapping[str, str], *, width: int = 24) -> stat.Panel:
    """Give a row of big numbers, one for each column; `units` by column name."""
    panel = (
        stat.Panel()
        .title(title)
        .datasource(SOURCE)
        .with_target(Query(sql))
        .span(width)
        .height(4)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .color_mode(common_model.BigValueColorMode.VALUE)
        .graph_mode(common_model.BigValueGraphMode.NONE)
        .thresholds(_thresholds({None: "text"}))
        .no_value("0")
    )
    for column, unit in units.items():
        panel = panel.override_by_name(column, [model.DynamicConfigValue(id_val="unit", value=unit)])
    return panel


def alarming(panel: stat.Panel, columns: Sequence[str]) -> stat.Panel:
    """Colour the named columns red from one upwards: a number that should be zero."""
    steps = _thresholds({None: "green", 1: "red"}).build()
    for column in columns:
        panel = panel.override_by_name(column, [model.DynamicConfigValue(id_val="thresholds", value=steps)])
    return panel


def lines(title: str, sql: str, unit: str, *, width: int = 12) -> timeseries.Panel:
    """Give a chart over time: lines, gaps left open."""
    return (
        timeseries.Panel()
        .title(title)
        .datasource(SOURCE)
        .with_target(Query(sql, time_series=True))
        .span(width)
        .height(8)
        .unit(unit)
        .line_width(1)
        .fill_opacity(8)
        .show_points(common_model.VisibilityMode.AUTO)
        .span_nulls(False)
    )


def stacked_bars(title: str, sql: str, colors: Mapping[str, str], *, width: int = 12) -> timeseries.Panel:
    """Give counts over time as stacked bars, each series in its colour."""
    panel = (
        lines(title, sql, "short", width=width)
        .draw_style(common_model.GraphDrawStyle.BARS)
        .fill_opacity(80)
        .stacking(common.StackingConfig().mode(common_model.StackingMode.NORMAL))
    )
    for name, color in colors.items():
        panel = panel.override_by_name(name, [_fixed(color)])
    return panel


def bars(title: str, sql: str, colors: Mapping[str, str], *, width: int = 6) -> bargauge.Panel:
    """Give one bar a column; `colors` by column name."""
    panel = (
        bargauge.Panel()
        .title(title)
        .datasource(SOURCE)
        .with_target(Query(sql))
        .span(width)
        .height(8)
        .orientation(common_model.VizOrientation.HORIZONTAL)
        .display_mode(common_model.BarGaugeDisplayMode.BASIC)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(not colors))
        .unit("short")
        .min(0)
    )
    for name, color in colors.items():
        panel = panel.override_by_name(name, [_fixed(color)])
    return panel


def rows(title: str, sql: str, units: Mapping[str, str] | None = None, *, width: int = 12) -> table.Panel:
    """Give a table; `units` by column name."""
    panel = table.Panel().title(title).datasource(SOURCE).with_target(Query(sql)).span(width).height(10)
    for column, unit in (units or {}).items():
        panel = panel.override_by_name(column, [model.DynamicConfigValue(id_val="unit", value=unit)])
    return panel


def points(title: str, sql: str, size_by: str, *, width: int = 12) -> geomap.Panel:
    """Give a map of rows with `lon_deg` and `lat_deg`, coloured by `size_by`; the base map is the server's own."""
    location = (
        common.FrameGeometrySource()
        .mode(common_model.FrameGeometrySourceMode.COORDS)
        .latitude("lat_deg")
        .longitude("lon_deg")
    )
    style = {"size": {"field": size_by, "min": 4, "max": 14}, "color": {"field": size_by}, "opacity": 0.7}
    layer = common.MapLayerOptions().type("markers").name(title).config({"style": style}).location(location)
    return (
        geomap.Panel()
        .title(title)
        .datasource(SOURCE)
        .with_target(Query(sql))
        .span(width)
        .height(10)
        .view(geomap.MapViewConfig().id("fit").all_layers(True).zoom(12))
        .basemap(common.MapLayerOptions().type("default").name("base"))
        .layers([layer])
        .thresholds(_thresholds({None: "green", 1: "yellow", 3: "orange", 6: "red"}))
    )


def choice(name: str, label: str, sql: str, *, many: bool) -> dashboard.QueryVariable:
    """Give a variable filled by a query over `dash`; `many`: several may be chosen, all at first."""
    variable = (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(" ".join(sql.split()))
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.DISABLED)
        .multi(many)
        .include_all(many)
    )
    if many:
        variable = variable.current(model.VariableOption(text="All", value="$__all"))
    return variable


def _fixed(color: str) -> model.DynamicConfigValue:
    return model.DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": color})


def _thresholds(steps: Mapping[float | None, str]) -> dashboard.ThresholdsConfig:
    listed = [model.Threshold(value=value, color=color) for value, color in steps.items()]
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(listed)
