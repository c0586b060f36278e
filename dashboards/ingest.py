"""Ingest: messages stored, how long they took, and what was refused."""

from grafana_foundation_sdk.builders import dashboard

from dashboards.panels import alarming, bars, lines, numbers, rows

UID = "citygrid-ingest"
TITLE = "CityGrid 数据接入 · Ingest"

NOW = """
SELECT i.messages_per_s AS "每秒消息 messages/s",
       i.lag_mean_s AS "平均时延 mean lag", i.lag_max_s AS "最大时延 max lag",
       (SELECT count(*) FROM dash.dead_letters WHERE ts > now() - INTERVAL '1 hour') AS "一小时死信 dead letters, 1 h",
       r.waiting_marks AS "待汇总 waiting roll-ups", r.behind_s AS "汇总滞后 roll-ups behind"
FROM dash.rollups r
LEFT JOIN LATERAL (
    SELECT messages_per_s, lag_mean_s, lag_max_s FROM dash.ingest
    WHERE ts BETWEEN now() - INTERVAL '10 minutes' AND now() - INTERVAL '1 minute' ORDER BY ts DESC LIMIT 1
) AS i ON true
"""
MESSAGES = """
SELECT $__timeGroupAlias(ts, $__interval), avg(messages_per_s) AS "每秒消息 messages/s"
FROM dash.ingest WHERE $__timeFilter(ts) GROUP BY 1 ORDER BY 1
"""
LAG = """
SELECT $__timeGroupAlias(ts, $__interval), avg(lag_mean_s) AS "平均 mean", max(lag_max_s) AS "最大 max"
FROM dash.ingest WHERE $__timeFilter(ts) GROUP BY 1 ORDER BY 1
"""
LATE = """
SELECT $__timeGroupAlias(ts, $__interval), sum(late)::float / sum(messages) AS "迟到比例 late"
FROM dash.ingest WHERE $__timeFilter(ts) GROUP BY 1 ORDER BY 1
"""
BY_REASON = """
SELECT reason AS "原因 reason", sum(seen) AS "次数 times" FROM dash.dead_letters WHERE $__timeFilter(ts)
GROUP BY reason ORDER BY 2 DESC
"""
NEWEST = """
SELECT ts AS "时间 last seen", reason AS "原因 reason", detail AS "详情 detail",
       topic AS "主题 topic", seen AS "次数 times"
FROM dash.dead_letters WHERE $__timeFilter(ts) ORDER BY ts DESC LIMIT 100
"""


def build() -> dashboard.Dashboard:
    """Give the dashboard."""
    units = {
        "每秒消息 messages/s": "cps",
        "平均时延 mean lag": "s",
        "最大时延 max lag": "s",
        "汇总滞后 roll-ups behind": "s",
    }
    return (
        dashboard.Dashboard(TITLE)
        .time("now-6h", "now")
        .with_panel(alarming(numbers("现在 · Now", NOW, units), ("一小时死信 dead letters, 1 h",)))
        .with_panel(lines("每秒消息 · Messages per second", MESSAGES, "cps").interval("1m"))
        .with_panel(lines("时延 · Lag, event to arrival", LAG, "s").interval("1m"))
        .with_panel(lines("迟到比例 · Share of late messages", LATE, "percentunit").interval("1m"))
        .with_panel(bars("死信按原因 · Dead letters by reason", BY_REASON, {}, width=12))
        .with_panel(rows("最近的死信 · Newest dead letters", NEWEST, width=24))
    )
