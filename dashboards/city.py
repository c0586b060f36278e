"""City overview: what an operator's wall screen shows."""

from grafana_foundation_sdk.builders import dashboard

from dashboards.panels import SEVERITY_COLORS, alarming, bars, numbers, points, rows, stacked_bars

UID = "citygrid-city"
TITLE = "CityGrid 城市总览 · City overview"

NOW = """
SELECT components AS "部件 components", unit_grids AS "单元网格 unit grids", devices AS "设备 devices",
       online AS "在线 online", silent AS "失联 silent", open AS "未结案件 open", critical AS "紧急 critical",
       overdue AS "超期 overdue", messages_per_s AS "每秒消息 messages/s"
FROM dash.city
"""
PER_HOUR = """
SELECT $__timeGroupAlias(opened_at, '1h'), severity AS metric, count(*) AS value
FROM dash.incidents WHERE $__timeFilter(opened_at) GROUP BY 1, 2 ORDER BY 1
"""
BY_SEVERITY = """
SELECT count(*) FILTER (WHERE severity = 'critical') AS critical, count(*) FILTER (WHERE severity = 'major') AS major,
       count(*) FILTER (WHERE severity = 'minor') AS minor, count(*) FILTER (WHERE severity = 'info') AS info
FROM dash.open_incidents
"""
BY_DISTRICT = """
SELECT district_zh || ' ' || district_en AS "区 district", count(*) AS "未结 open" FROM dash.open_incidents
GROUP BY 1 ORDER BY 2 DESC
"""
GRIDS = """
SELECT lon_deg, lat_deg, open, critical, overdue, code, name_zh || ' ' || name_en AS name
FROM dash.patrol_grids WHERE open > 0
"""
DUE_FIRST = """
SELECT deadline AS "期限 deadline", remaining_s AS "剩余 remaining", severity AS "等级 severity",
       title_zh || ' ' || title_en AS "案件 incident", patrol_zh AS "巡查网格 patrol grid",
       department_zh AS "责任部门 department", stage AS "阶段 stage", comparison AS "依据 evidence",
       origin AS "来源 origin", incident_id AS "编号 id"
FROM dash.open_incidents ORDER BY deadline, incident_id LIMIT 50
"""


def build() -> dashboard.Dashboard:
    """Give the dashboard."""
    return (
        dashboard.Dashboard(TITLE)
        .time("now-24h", "now")
        .with_panel(
            alarming(
                numbers("现在 · Now", NOW, {"每秒消息 messages/s": "cps"}),
                ("紧急 critical", "超期 overdue"),
            )
        )
        .with_panel(stacked_bars("每小时案件 · Incidents per hour", PER_HOUR, SEVERITY_COLORS))
        .with_panel(bars("未结案件按等级 · Open by severity", BY_SEVERITY, SEVERITY_COLORS))
        .with_panel(bars("未结案件按区 · Open by district", BY_DISTRICT, {}))
        .with_panel(points("巡查网格 · Patrol grids with open incidents", GRIDS, "open", width=10))
        .with_panel(rows("先到期的案件 · Due first", DUE_FIRST, {"剩余 remaining": "dtdurations"}, width=14))
    )
