"""The platform itself: ingest's lanes, steps, shards and processes, from the minutes it writes down.

From the database and not from a metrics server, because the shipped stack has none, and this works out of the box.
"""

from grafana_foundation_sdk.builders import dashboard

from dashboards.panels import bars, lines, numbers, rows

UID = "citygrid-platform"
TITLE = "CityGrid 平台 · Platform"

NOW = """
SELECT (SELECT count(*) FROM dash.processes) AS "进程 processes",
       (SELECT count(*) FROM dash.processes WHERE shards <> '') AS "工作中 working",
       coalesce(sum(received) / 60.0, 0) AS "每秒消息 messages/s", coalesce(max(lag_s), 0) AS "时延 lag",
       coalesce(sum(waiting), 0) AS "待处理 waiting", coalesce(max(broker_queued), 0) AS "代理排队 held by the broker",
       coalesce(sum(refused), 0) AS "拒收 refused", coalesce(sum(retries), 0) AS "重试 retries"
FROM dash.ingest_shards
WHERE ts BETWEEN now() - INTERVAL '10 minutes' AND now()
AND ts = (SELECT max(ts) FROM dash.ingest_shards WHERE ts BETWEEN now() - INTERVAL '10 minutes' AND now())
"""
BY_LANE = """
SELECT $__timeGroupAlias(ts, $__interval), lane AS metric, sum(messages) / 60.0 / count(DISTINCT ts) AS value
FROM dash.ingest_lanes WHERE $__timeFilter(ts) GROUP BY 1, 2 ORDER BY 1
"""
LAG = """
SELECT $__timeGroupAlias(ts, $__interval), shard AS metric, max(lag_s) AS value
FROM dash.ingest_shards WHERE $__timeFilter(ts) GROUP BY 1, 2 ORDER BY 1
"""
WAITING = """
SELECT $__timeGroupAlias(ts, $__interval), max(waiting) AS "进程内 here", max(broker_queued) AS "代理 broker"
FROM dash.ingest_shards WHERE $__timeFilter(ts) GROUP BY 1 ORDER BY 1
"""
BY_STEP = """
SELECT $__timeGroupAlias(ts, $__interval), step AS metric, sum(busy_s) / 60.0 / count(DISTINCT ts) AS value
FROM dash.ingest_steps WHERE $__timeFilter(ts) GROUP BY 1, 2 ORDER BY 1
"""
BY_SHARD = """
SELECT $__timeGroupAlias(ts, $__interval), shard AS metric, sum(received) / 60.0 / count(DISTINCT ts) AS value
FROM dash.ingest_shards WHERE $__timeFilter(ts) GROUP BY 1, 2 ORDER BY 1
"""
BY_REASON = """
SELECT reason AS "原因 reason", sum(messages) AS "条数 messages" FROM dash.ingest_refusals WHERE $__timeFilter(ts)
GROUP BY reason ORDER BY 2 DESC
"""
PROCESSES = """
SELECT process AS "进程 process", CASE shards WHEN '' THEN '待命 standing by' ELSE shards END AS "分片 shards",
       started_at AS "启动 started", metrics_url AS "指标 metrics"
FROM dash.processes ORDER BY process
"""


def build() -> dashboard.Dashboard:
    """Give the dashboard."""
    units = {"每秒消息 messages/s": "cps", "时延 lag": "s"}
    return (
        dashboard.Dashboard(TITLE)
        .time("now-1h", "now")
        .with_panel(numbers("上一分钟 · Last minute", NOW, units))
        .with_panel(lines("每秒消息，按通道 · Messages per second, by lane", BY_LANE, "cps").interval("1m"))
        .with_panel(lines("时延，按分片 · Lag, by shard", LAG, "s").interval("1m"))
        .with_panel(lines("耗时，按步骤（核）· Cores busy, by step", BY_STEP, "short").interval("1m"))
        .with_panel(lines("排队消息 · Messages that wait", WAITING, "short").interval("1m"))
        .with_panel(lines("每秒消息，按分片 · Messages per second, by shard", BY_SHARD, "cps").interval("1m"))
        .with_panel(bars("拒收，按原因 · Refused, by reason", BY_REASON, {}, width=12))
        .with_panel(rows("进程 · Processes", PROCESSES, width=24))
    )
