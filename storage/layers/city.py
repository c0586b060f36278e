"""The layers of a city: components, devices, grids, areas, incidents."""

from collections.abc import Mapping

from storage.layers.model import Field, Layer, instant, text
from storage.queries.devices import HEALTH

RECENT_DAYS = 90
"""An incident that ended stays in the layer so long."""

_GRID_JOINS = """
LEFT JOIN unit_grid AS u USING (unit_grid_id)
LEFT JOIN patrol_grid AS g USING (patrol_grid_id)
LEFT JOIN area AS m ON m.area_code = u.community_code
LEFT JOIN area AS s ON s.area_code = m.parent_code
"""
_PLACE = (
    text("unit_grid_code", "u.code", "单元网格代码", "Unit grid"),
    text("patrol_grid_code", "g.code", "巡查网格代码", "Patrol grid"),
    text("street_zh", "s.name_zh", "街道", "Street (Chinese)"),
    text("street_en", "s.name_en", "街道（英文）", "Street"),
    text("community_zh", "m.name_zh", "社区", "Community (Chinese)"),
    text("community_en", "m.name_en", "社区（英文）", "Community"),
)

_COMPONENT_JOINS = (
    """
LEFT JOIN component_class AS k USING (catalogue_id, class_code)
"""
    + _GRID_JOINS
    + """
LEFT JOIN department AS competent ON competent.department_id = c.competent_dept_id
LEFT JOIN department AS owner ON owner.department_id = c.owner_dept_id
LEFT JOIN department AS maintainer ON maintainer.department_id = c.maintainer_dept_id
"""
)
COMPONENTS = Layer(
    name="components",
    title_zh="部件",
    title_en="Components",
    description="Surveyed components of the city (城市部件): manhole covers, streetlights, litter bins and the like.",
    source="component AS c" + _COMPONENT_JOINS,
    fields=(
        text("code", "c.code", "部件标识码", "Code"),
        text("class_code", "c.class_code", "部件小类代码", "Class"),
        text("class_zh", "k.name_zh", "部件小类", "Class (Chinese)"),
        text("class_en", "k.name_en", "部件小类（英文）", "Class name"),
        text("name", "c.name", "部件名称", "Name"),
        text("state", "c.state", "部件状态", "State"),
        text("district_code", "c.district_code", "区划代码", "District"),
        *_PLACE,
        text("competent", "competent.name_zh", "主管部门", "Competent department"),
        text("owner", "owner.name_zh", "权属单位", "Owner"),
        text("maintainer", "maintainer.name_zh", "养护单位", "Maintainer"),
        Field(name="surveyed_on", kind="date", sql="c.surveyed_on", zh="初始日期", en="Surveyed on"),
        Field(name="changed_on", kind="date", sql="c.changed_on", zh="变更日期", en="Changed on"),
        text("data_source", "c.data_source", "数据来源", "Data source"),
        text("note", "c.note", "备注", "Note"),
        instant("since", "c.since", "现状起始时间", "So since"),
    ),
    geometry="c.geom",
    geometry_type="Geometry",
    table="component",
    key="c.component_id",
    key_type=int,
    id="c.code",
    id_type=str,
    since="c.since",
    first="SELECT min(imported_at) FROM survey",
    tiles="components",
    tile_layers=("components", "component_counts"),
)

DEVICES = Layer(
    name="devices",
    title_zh="设备",
    title_en="Devices",
    description="Devices with a radio (物联设备), where they were installed; retired ones are left out.",
    source="device AS d LEFT JOIN device_state AS r USING (device_id) LEFT JOIN component AS c USING (component_id)"
    " LEFT JOIN unit_grid AS u ON u.unit_grid_id = d.unit_grid_id"
    " LEFT JOIN patrol_grid AS g USING (patrol_grid_id)"
    " LEFT JOIN area AS m ON m.area_code = u.community_code LEFT JOIN area AS s ON s.area_code = m.parent_code",
    where="d.state NOT IN ('replaced', 'retired')",
    fields=(
        text("label", "d.label", "设备标签", "Label"),
        text("profile", "d.profile", "设备类型", "Type"),
        text("state", "d.state", "设备状态", "State"),
        text("health", HEALTH, "在线状态", "Health"),
        text("component_code", "c.code", "部件标识码", "Component"),
        text("class_code", "c.class_code", "部件小类代码", "Class"),
        text("district_code", "d.district_code", "区划代码", "District"),
        *_PLACE,
        Field(name="interval_s", kind="number", sql="d.interval_s", zh="上报间隔（秒）", en="Interval, s"),
        instant("registered_at", "d.registered_at", "注册时间", "Registered at"),
        instant("last_received_at", "r.received_at", "最近上报时间", "Last heard"),
    ),
    geometry="d.geom",
    geometry_type="Point",
    table="device",
    key="d.device_id",
    key_type=int,
    id="d.label",
    id_type=str,
    since="d.registered_at",
    first="SELECT min(registered_at) FROM device",
)

UNIT_GRIDS = Layer(
    name="unit_grids",
    title_zh="单元网格",
    title_en="Unit grids",
    description="Unit grids (单元网格) in force, of about 10,000 square metres, after GB/T 30428.1.",
    source="unit_grid AS u LEFT JOIN patrol_grid AS g USING (patrol_grid_id)"
    " LEFT JOIN area AS m ON m.area_code = u.community_code LEFT JOIN area AS s ON s.area_code = m.parent_code",
    where="u.state = 'valid'",
    fields=(
        text("code", "u.code", "单元网格代码", "Code"),
        text("community_code", "u.community_code", "社区代码", "Community code"),
        *(field for field in _PLACE if field.name != "unit_grid_code"),
        text("district_code", "left(u.code, 6)", "区划代码", "District"),
        Field(name="area_m2", kind="number", sql="u.area_m2", zh="面积（平方米）", en="Area, m2"),
    ),
    geometry="u.geom",
    geometry_type="Polygon",
    table="unit_grid",
    key="u.unit_grid_id",
    key_type=int,
    id="u.code",
    id_type=str,
    tiles="grids",
    tile_layers=("unit_grids",),
)

PATROL_GRIDS = Layer(
    name="patrol_grids",
    title_zh="巡查网格",
    title_en="Patrol grids",
    description="Patrol grids (巡查网格): unit grids that one team walks.",
    source="patrol_grid AS g",
    fields=(
        text("code", "g.code", "巡查网格代码", "Code"),
        text("name_zh", "g.name_zh", "名称", "Name (Chinese)"),
        text("name_en", "g.name_en", "名称（英文）", "Name"),
        text("team", "g.team", "巡查队", "Team"),
        text("district_code", "g.district_code", "区划代码", "District"),
    ),
    geometry="g.geom",
    geometry_type="MultiPolygon",
    table="patrol_grid",
    key="g.patrol_grid_id",
    key_type=int,
    id="g.code",
    id_type=str,
    tiles="grids",
    tile_layers=("patrol_grids",),
)

AREAS = Layer(
    name="areas",
    title_zh="行政区划",
    title_en="Areas",
    description="City, districts, streets and communities (行政区划); one whose outline nobody loaded has no geometry.",
    source="area AS a",
    fields=(
        text("code", "a.area_code", "区划代码", "Code"),
        text("level", "a.level", "级别", "Level"),
        text("parent_code", "a.parent_code", "上级代码", "Parent"),
        text("name_zh", "a.name_zh", "名称", "Name (Chinese)"),
        text("name_en", "a.name_en", "名称（英文）", "Name"),
    ),
    geometry="a.geom",
    geometry_type="MultiPolygon",
    table="area",
    key="a.area_code",
    key_type=str,
    id="a.area_code",
    id_type=str,
)

INCIDENTS = Layer(
    name="incidents",
    title_zh="案件",
    title_en="Incidents",
    description=f"Incidents (案件): all open ones, and those that ended within {RECENT_DAYS} days.",
    source="incident AS i"
    " LEFT JOIN unit_grid AS u ON u.unit_grid_id = i.unit_grid_id"
    " LEFT JOIN patrol_grid AS g ON g.patrol_grid_id = i.patrol_grid_id"
    " LEFT JOIN area AS m ON m.area_code = u.community_code LEFT JOIN area AS s ON s.area_code = m.parent_code"
    " LEFT JOIN component AS c ON c.component_id = i.component_id"
    " LEFT JOIN device AS d ON d.device_id = i.device_id"
    " LEFT JOIN department AS p ON p.department_id = i.department_id",
    where="(i.is_open OR coalesce(i.closed_at, i.opened_at) > %(now)s - interval '90 days')",
    fields=(
        Field(name="incident_id", kind="integer", sql="i.incident_id", zh="编号", en="Number"),
        text("case_no", "i.case_no", "案卷号", "Case number"),
        text("rule", "i.rule", "规则", "Rule"),
        text("severity", "i.severity", "严重程度", "Severity"),
        text("title_zh", "i.title_zh", "标题", "Title (Chinese)"),
        text("title_en", "i.title_en", "标题（英文）", "Title"),
        text("stage", "i.stage", "阶段", "Stage"),
        Field(name="is_open", kind="boolean", sql="i.is_open", zh="未结", en="Open"),
        text("outcome", "i.outcome", "结果", "Outcome"),
        text("class_code", "coalesce(i.class_code, c.class_code)", "部件小类代码", "Class"),
        text("component_code", "c.code", "部件标识码", "Component"),
        text("device_label", "d.label", "设备标签", "Device"),
        text("district_code", "i.district_code", "区划代码", "District"),
        *_PLACE,
        text("department", "p.name_zh", "专业部门", "Department"),
        instant("fired_ts", "i.fired_ts", "触发时间", "Fired at"),
        instant("opened_at", "i.opened_at", "上报时间", "Opened at"),
        instant("deadline", "i.deadline", "时限", "Deadline"),
        instant("closed_at", "i.closed_at", "结案时间", "Closed at"),
    ),
    geometry="i.geom",
    geometry_type="Geometry",
    table="incident",
    key="i.incident_id",
    key_type=int,
    id="i.incident_id",
    id_type=int,
    since="i.opened_at",
    until="i.closed_at",
    first="SELECT min(opened_at) FROM incident",
)

LAYERS: Mapping[str, Layer] = {
    layer.name: layer for layer in (COMPONENTS, DEVICES, UNIT_GRIDS, PATROL_GRIDS, AREAS, INCIDENTS)
}
THEN = "component_at(%(as_of)s) AS c" + _COMPONENT_JOINS
"""Source of the components as they were at a moment."""
