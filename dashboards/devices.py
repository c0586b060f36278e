"""Device health: who reports, who does not, and one device's channels over time."""

from grafana_foundation_sdk.builders import dashboard

from dashboards.panels import HEALTH_COLORS, alarming, bars, choice, lines, numbers, rows

UID = "citygrid-devices"
TITLE = "CityGrid 设备健康 · Device health"

PROFILES = "SELECT DISTINCT profile FROM dash.devices ORDER BY profile"
DEVICES = "SELECT label FROM dash.devices WHERE profile IN (${profile:sqlstring}) ORDER BY label"
CHANNELS = """
SELECT c.channel AS __value, c.name_zh || ' ' || c.name_en || ' (' || c.unit || ')' AS __text
FROM dash.channels c JOIN dash.devices d USING (profile) WHERE d.label = '$device' ORDER BY c.position
"""
NOW = """
SELECT count(*) AS "设备 devices", count(*) FILTER (WHERE health = 'online') AS "在线 online",
       count(*) FILTER (WHERE health = 'late') AS "迟报 late",
       count(*) FILTER (WHERE health = 'silent') AS "失联 silent",
       count(*) FILTER (WHERE health = 'never') AS "从未上报 never"
FROM dash.devices WHERE profile IN (${profile:sqlstring})
"""
HEALTH = """
SELECT count(*) FILTER (WHERE health = 'online') AS online, count(*) FILTER (WHERE health = 'late') AS late,
       count(*) FILTER (WHERE health = 'silent') AS silent, count(*) FILTER (WHERE health = 'never') AS never
FROM dash.devices WHERE profile IN (${profile:sqlstring})
"""
BY_PROFILE = """
SELECT profile AS "类型 profile", count(*) AS "设备 devices",
       count(*) FILTER (WHERE health = 'online') AS "在线 online",
       count(*) FILTER (WHERE health = 'late') AS "迟报 late",
       count(*) FILTER (WHERE health = 'silent') AS "失联 silent",
       count(*) FILTER (WHERE health = 'never') AS "从未上报 never"
FROM dash.devices WHERE profile IN (${profile:sqlstring}) GROUP BY profile ORDER BY profile
"""
SILENT = """
SELECT label AS "设备 device", profile AS "类型 profile", district_zh || ' ' || district_en AS "区 district",
       patrol_zh AS "巡查网格 patrol grid", last_received_at AS "最后上报 last seen", silence_s AS "失联时长 silence"
FROM dash.devices WHERE health = 'silent' AND profile IN (${profile:sqlstring}) ORDER BY silence_s DESC LIMIT 200
"""
BATTERIES = """
SELECT label AS "设备 device", profile AS "类型 profile", last AS "电量 battery", ts AS "时间 as of"
FROM (
    SELECT DISTINCT ON (label) label, profile, last, ts FROM dash.readings_1h
    WHERE $__timeFilter(ts) AND channel = 'battery_pct' AND profile IN (${profile:sqlstring}) ORDER BY label, ts DESC
) AS newest
ORDER BY last LIMIT 50
"""
# The width of a pixel decides the level; a branch whose turn it is not is never executed. What the roll-ups do not have
# yet is drawn from the readings.
LEVELS = """
SELECT ts AS time, min, mean, max FROM dash.readings_1d
WHERE $__timeFilter(ts) AND label = '$device' AND channel = '$channel' AND '$__interval'::interval >= '12h'
UNION ALL
SELECT ts, min, mean, max FROM dash.readings_1h
WHERE $__timeFilter(ts) AND label = '$device' AND channel = '$channel'
  AND '$__interval'::interval >= '30m' AND '$__interval'::interval < '12h'
UNION ALL
SELECT ts, min, mean, max FROM dash.readings_5m
WHERE $__timeFilter(ts) AND label = '$device' AND channel = '$channel'
  AND '$__interval'::interval >= '2m' AND '$__interval'::interval < '30m'
UNION ALL
SELECT $__timeGroup(ts, $__interval), min(value), avg(value), max(value) FROM dash.readings
WHERE $__timeFilter(ts) AND label = '$device' AND channel = '$channel'
  AND ('$__interval'::interval < '2m' OR ts >= (
      SELECT rolled_to FROM dash.levels WHERE level = CASE
          WHEN '$__interval'::interval >= '12h' THEN '1d' WHEN '$__interval'::interval >= '30m' THEN '1h' ELSE '5m' END
  ))
GROUP BY 1
ORDER BY 1
"""
RAW = """
SELECT ts AS time, value FROM dash.readings
WHERE $__timeFilter(ts) AND label = '$device' AND channel = '$channel' ORDER BY ts
"""


def build() -> dashboard.Dashboard:
    """Give the dashboard."""
    return (
        dashboard.Dashboard(TITLE)
        .time("now-24h", "now")
        .with_variable(choice("profile", "类型 Profile", PROFILES, many=True))
        .with_variable(choice("device", "设备 Device", DEVICES, many=False))
        .with_variable(choice("channel", "通道 Channel", CHANNELS, many=False))
        .with_panel(alarming(numbers("现在 · Now", NOW, {}), ("失联 silent",)))
        .with_panel(bars("健康 · Health", HEALTH, HEALTH_COLORS))
        .with_panel(rows("按类型 · By profile", BY_PROFILE, width=18).height(8))
        .with_panel(lines("$device · $channel", LEVELS, "short").interval("1m"))
        .with_panel(lines("$device · $channel · 原始读数 raw", RAW, "short").time_from("3h"))
        .with_panel(rows("失联设备 · Silent devices", SILENT, {"失联时长 silence": "dtdurations"}, width=14))
        .with_panel(rows("电量最低 · Lowest batteries", BATTERIES, {"电量 battery": "percent"}, width=10))
    )
