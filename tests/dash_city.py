"""A city small enough to read, with something in every view of schema `dash`; times count from the server's now."""

from psycopg import AsyncConnection

from devices.profile import shipped

AREAS = """
INSERT INTO area (area_code, level, parent_code, name_zh, name_en) VALUES
    ('130200', 'city', NULL, '唐山市', 'Tangshan'),
    ('130202', 'district', '130200', '路南区', 'Lunan'),
    ('130203', 'district', '130200', '路北区', 'Lubei'),
    ('130203001', 'street', '130203', '乔屯街道', 'Qiaotun Street'),
    ('130203001001', 'community', '130203001', '乔屯楼社区', 'Qiaotunlou')
"""
GRIDS = """
WITH patrol AS (
    INSERT INTO patrol_grid (code, district_code, name_zh, name_en, team, geom)
    SELECT 'P' || n, '130203', '巡查' || n, 'Patrol ' || n, 'team ' || n,
           ST_Multi(ST_MakeEnvelope(118.1 + n * 0.01, 39.6, 118.11 + n * 0.01, 39.61, 4326))
    FROM generate_series(1, 3) AS n
    RETURNING patrol_grid_id, code, geom
)
INSERT INTO unit_grid (code, community_code, patrol_grid_id, area_m2, geom)
SELECT '13020300100100' || right(code, 1), '130203001001', patrol_grid_id, 10000, ST_GeometryN(geom, 1) FROM patrol
"""
COMPONENTS = """
INSERT INTO component_class VALUES
    ('gbt30428.2-2013-tangshan', '0103', '公用设施', 'Utilities', '雨水井盖', 'Storm drain cover', 'point',
     'manhole_covers', '市政', 'Municipal', 'test', 'A');
INSERT INTO component (code, catalogue_id, class_code, district_code, name, state, unit_grid_id, data_source, geom)
SELECT '130203010300000' || n, 'gbt30428.2-2013-tangshan', '0103', '130203', '雨水井盖', 'intact', n, 'synthetic',
       ST_SetSRID(ST_MakePoint(118.105 + n * 0.01, 39.605), 4326)
FROM generate_series(1, 3) AS n
"""
PROFILE_CHANNEL = """
INSERT INTO profile_channel (profile, position, channel, unit, name_zh, name_en)
VALUES (%(profile)s, %(position)s, %(channel)s, %(unit)s, %(name_zh)s, %(name_en)s)
"""
# Four covers that report every minute: online, late, silent, and one that never did; the fourth is retired by a fifth.
DEVICES = """
INSERT INTO device (label, profile, component_id, district_code, unit_grid_id, state, interval_s, registered_at,
                    registered_by, geom)
SELECT 'cover-' || n, 'manhole_cover', CASE WHEN n <= 3 THEN n END, '130203', least(n, 3),
       CASE n WHEN 5 THEN 'retired' ELSE 'in_service' END, 60, now() - INTERVAL '1 day', 'test',
       ST_SetSRID(ST_MakePoint(118.105 + n * 0.01, 39.605), 4326)
FROM generate_series(1, 5) AS n
"""
READINGS = """
INSERT INTO reading (ts, device_id, seq, received_at, quality, origin, unit_grid_id, "values")
SELECT now() - make_interval(secs => age_s), device_id, 0, now() - make_interval(secs => age_s - 2), 0, 1, device_id,
       ARRAY[device_id * 10 + age_s / 1000, 0.1, 0, 0, 3, 12.5, 90 - device_id, -80]
FROM generate_series(0, 7200, 60) AS age_s
JOIN (VALUES (1, 10), (2, 110), (3, 1000)) AS device (device_id, quiet_s) ON age_s >= quiet_s
"""
STATES = """
INSERT INTO device_state (device_id, ts, received_at, seq, quality, origin, unit_grid_id, "values")
SELECT DISTINCT ON (device_id) device_id, ts, received_at, seq, quality, origin, unit_grid_id, "values"
FROM reading ORDER BY device_id, ts DESC
"""
INCIDENTS = """
INSERT INTO incident (cause, rule, severity, title_zh, title_en, stage, component_id, device_id, unit_grid_id,
                      patrol_grid_id, district_code, origin, fired_ts, opened_at, deadline, recovered_at, outcome,
                      evidence, geom)
SELECT 'CoverDisplaced/device:' || n, 'CoverDisplaced', severity, '井盖移位', 'Cover displaced', stage, least(n, 3),
       least(n, 3), least(n, 3), least(n, 3), '130203', 1, now() - age, now() - age, now() - age + INTERVAL '2 hours',
       CASE stage WHEN 'closed' THEN now() - age + INTERVAL '5 minutes' END,
       CASE stage WHEN 'closed' THEN 'recovered' END, '{"comparison": "tilt_deg > 15"}',
       ST_SetSRID(ST_MakePoint(118.105 + n * 0.01, 39.605), 4326)
FROM (VALUES (1, 'critical', 'reported', INTERVAL '3 hours'), (2, 'major', 'dispatched', INTERVAL '1 hour'),
             (3, 'minor', 'filed', INTERVAL '10 minutes'), (4, 'major', 'closed', INTERVAL '30 minutes'))
     AS i (n, severity, stage, age)
"""
DEAD_LETTERS = """
INSERT INTO dead_letter (digest, topic, reason, detail, payload, truncated, first_seen, last_seen, seen)
SELECT sha256(n::text::bytea), 'citygrid/v1/130203/manhole/cover-1/telemetry',
       CASE WHEN n < 3 THEN 'malformed' ELSE 'unknown_device' END, 'detail', '{', false, now(), now(), n
FROM generate_series(1, 3) AS n
"""
INGEST = """
INSERT INTO ingest_process (process, setting, metrics_url, started_at, expires_at)
VALUES ('host:1', '', 'http://127.0.0.1:9101/metrics', now() - INTERVAL '1 hour', now() + INTERVAL '1 hour');
UPDATE shard_lease SET process = 'host:1', epoch = 1, expires_at = now() + INTERVAL '1 hour' WHERE shard = 'city';
INSERT INTO ingest_minute (minute, shard, epoch, process, by_lane, stored, repeated, refused, transitions, retries,
                           batches, step_seconds, lag_s, waiting, broker_queued)
SELECT date_trunc('minute', now()) - make_interval(mins => n), 'city', 1, 'host:1', '{"live": 600, "alarm": 2}', 600, 0,
       '{"malformed": 2}', 1, 0, 60, '{"store": 1.5, "decode": 0.5}', 0.2, 0, 12
FROM generate_series(1, 30) AS n
"""


async def fill(conn: AsyncConnection) -> None:
    """Put the city in; roll-ups are left to the caller."""
    for statement in (AREAS, GRIDS, COMPONENTS, DEVICES):
        await conn.execute(statement)
    for profile in shipped().values():
        for position, channel in enumerate(profile.channels, start=1):
            await conn.execute(
                PROFILE_CHANNEL,
                {
                    "profile": profile.profile,
                    "position": position,
                    "channel": channel.name,
                    "unit": channel.unit,
                    "name_zh": channel.name_zh,
                    "name_en": channel.name_en,
                },
            )
    for statement in (READINGS, STATES, INCIDENTS, DEAD_LETTERS, INGEST):
        await conn.execute(statement)
