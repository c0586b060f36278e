"""Patrol grid: one team's incidents and devices, chosen by district and grid."""

from grafana_foundation_sdk.builders import dashboard

from dashboards.panels import SEVERITY_COLORS, alarming, choice, numbers, points, rows, stacked_bars

UID = "citygrid-patrol"
TITLE = "CityGrid 巡查网格 · Patrol grid"

DISTRICTS = """
SELECT DISTINCT district_code AS __value, district_zh || ' ' || district_en AS __text FROM dash.patrol_grids ORDER BY 1
"""
GRIDS = """
SELECT code AS __value, name_zh || ' ' || name_en AS __text FROM dash.patrol_grids
WHERE district_code IN (${district:sqlstring}) ORDER BY code
"""
NOW = """
SELECT sum(open) AS "未结 open", sum(critical) AS "紧急 critical", sum(overdue) AS "超期 overdue",
       (SELECT count(*) FROM dash.devices WHERE patrol_code IN (${patrol:sqlstring})) AS "设备 devices",
       (SELECT count(*) FROM dash.devices WHERE patrol_code IN (${patrol:sqlstring}) AND health = 'silent')
           AS "失联 silent"
FROM dash.patrol_grids WHERE code IN (${patrol:sqlstring})
"""
PER_HOUR = """
SELECT $__timeGroupAlias(opened_at, '1h'), severity AS metric, count(*) AS value
FROM dash.incidents WHERE $__timeFilter(opened_at) AND patrol_code IN (${patrol:sqlstring}) GROUP BY 1, 2 ORDER BY 1
"""
WHERE_OPEN = """
SELECT lon_deg, lat_deg, severity_rank, severity, title_zh || ' ' || title_en AS incident, device_label, component_code
FROM dash.open_incidents WHERE patrol_code IN (${patrol:sqlstring})
"""
OPEN = """
SELECT deadline AS "期限 deadline", remaining_s AS "剩余 remaining", severity AS "等级 severity",
       title_zh || ' ' || title_en AS "案件 incident", unit_grid_code AS "单元网格 unit grid",
       component_code AS "部件 component", device_label AS "设备 device", assignee AS "处置人 assignee",
       stage AS "阶段 stage", incident_id AS "编号 id"
FROM dash.open_incidents WHERE patrol_code IN (${patrol:sqlstring}) ORDER BY deadline, incident_id LIMIT 200
"""
TIME_TO_RESOLVE = """
SELECT rule AS "规则 rule", count(*) AS "已恢复 resolved",
       avg(extract(epoch FROM resolved_at - opened_at)) AS "平均时长 mean time",
       max(extract(epoch FROM resolved_at - opened_at)) AS "最长 longest"
FROM dash.incidents WHERE $__timeFilter(resolved_at) AND patrol_code IN (${patrol:sqlstring})
GROUP BY rule ORDER BY 2 DESC
"""


def build() -> dashboard.Dashboard:
    """Give the dashboard."""
    durations = {"平均时长 mean time": "dtdurations", "最长 longest": "dtdurations"}
    return (
        dashboard.Dashboard(TITLE)
        .time("now-24h", "now")
        .with_variable(choice("district", "区 District", DISTRICTS, many=True))
        .with_variable(choice("patrol", "巡查网格 Patrol grid", GRIDS, many=True))
        .with_panel(alarming(numbers("现在 · Now", NOW, {}), ("紧急 critical", "超期 overdue", "失联 silent")))
        .with_panel(stacked_bars("每小时案件 · Incidents per hour", PER_HOUR, SEVERITY_COLORS))
        .with_panel(rows("恢复用时 · Time to recovery, by rule", TIME_TO_RESOLVE, durations))
        .with_panel(points("未结案件位置 · Where they are", WHERE_OPEN, "severity_rank", width=10))
        .with_panel(rows("未结案件 · Open incidents", OPEN, {"剩余 remaining": "dtdurations"}, width=14))
    )
