"""SQL of the device registry. Takes a connection, never commits."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from devices import about, installing
from devices.about import WORDS
from devices.model import Finding, Registration
from devices.naming import named
from devices.profile import Profile

CREATE_STAGING = """
CREATE TEMPORARY TABLE staged_device (
    line int, label text, profile text, component_code text, district_code text,
    lon_deg double precision, lat_deg double precision, interval_s double precision, install jsonb,
    format text, address text, codec text, naming_reason text, naming_detail text,
    maker text, model text, serial text, hardware text, firmware text
) ON COMMIT DROP
"""
COPY_STAGING = """
COPY staged_device (line, label, profile, component_code, district_code, lon_deg, lat_deg, interval_s, install,
                    format, address, codec, naming_reason, naming_detail, maker, model, serial, hardware, firmware)
FROM STDIN
"""

# Each row's first problem, in the order a person would look for them.
FINDINGS = """
WITH numbered AS (
    SELECT *, row_number() OVER (PARTITION BY label ORDER BY line) AS nth,
           row_number() OVER (PARTITION BY profile, component_code ORDER BY line) AS nth_on_component,
           row_number() OVER (PARTITION BY format, COALESCE(address, label) ORDER BY line) AS nth_of_address
    FROM staged_device
)
SELECT s.line,
       CASE
           WHEN s.label !~ '^[A-Za-z0-9_-]{1,64}$' THEN 'bad_label'
           WHEN s.nth > 1 THEN 'duplicate_in_file'
           WHEN d.device_id IS NOT NULL THEN 'already_registered'
           WHEN p.profile IS NULL THEN 'unknown_profile'
           WHEN s.component_code <> '' AND c.component_id IS NULL THEN 'unknown_component'
           WHEN c.component_id IS NOT NULL AND NOT (c.class_code = ANY (p.classes)) THEN 'wrong_class'
           WHEN o.device_id IS NOT NULL OR (s.component_code <> '' AND s.nth_on_component > 1) THEN 'occupied'
           WHEN s.component_code = '' AND cardinality(p.classes) > 0 THEN 'needs_component'
           WHEN s.component_code = '' AND (s.lon_deg IS NULL OR s.lat_deg IS NULL OR s.district_code = '')
               THEN 'needs_position'
           WHEN s.lon_deg NOT BETWEEN -180 AND 180 OR s.lat_deg NOT BETWEEN -90 AND 90 THEN 'bad_position'
           WHEN s.interval_s <= 0 THEN 'bad_interval'
           WHEN s.naming_reason IS NOT NULL THEN s.naming_reason
           WHEN a.device_id IS NOT NULL OR s.nth_of_address > 1 THEN 'address_taken'
       END AS reason,
       s.label, s.profile, s.component_code, c.class_code, o.label AS occupant, s.format,
       COALESCE(s.address, s.label) AS address, a.label AS holder, s.naming_detail
FROM numbered s
LEFT JOIN device d ON d.label = s.label
LEFT JOIN unnest_profiles p ON p.profile = s.profile
LEFT JOIN component c ON c.code = s.component_code
LEFT JOIN device o ON o.component_id = c.component_id AND o.profile = s.profile
                  AND o.state NOT IN ('replaced', 'retired')
LEFT JOIN device a ON a.format = s.format AND COALESCE(a.address, a.label) = COALESCE(s.address, s.label)
                  AND a.format <> 'native' AND a.state NOT IN ('replaced', 'retired')
WHERE s.label !~ '^[A-Za-z0-9_-]{1,64}$' OR s.nth > 1 OR d.device_id IS NOT NULL OR p.profile IS NULL
   OR (s.component_code <> '' AND (c.component_id IS NULL OR NOT (c.class_code = ANY (p.classes))))
   OR o.device_id IS NOT NULL OR (s.component_code <> '' AND s.nth_on_component > 1)
   OR (s.component_code = '' AND (cardinality(p.classes) > 0 OR s.lon_deg IS NULL OR s.lat_deg IS NULL
                                  OR s.district_code = ''))
   OR s.lon_deg NOT BETWEEN -180 AND 180 OR s.lat_deg NOT BETWEEN -90 AND 90 OR s.interval_s <= 0
   OR s.naming_reason IS NOT NULL OR a.device_id IS NOT NULL OR s.nth_of_address > 1
ORDER BY s.line
"""
CREATE_PROFILES = """
CREATE TEMPORARY TABLE unnest_profiles (profile text PRIMARY KEY, classes text[], interval_s double precision)
ON COMMIT DROP
"""
COPY_PROFILES = "COPY unnest_profiles (profile, classes, interval_s) FROM STDIN"
DELETE_BAD = "DELETE FROM staged_device WHERE line = ANY (%(lines)s)"
ANALYZE_STAGING = "ANALYZE staged_device"

# A device on a component stands where the component stands (its label point) unless a position was surveyed for it.
INSERT = """
INSERT INTO device (label, profile, component_id, district_code, unit_grid_id, state, interval_s, install,
                    format, address, codec, maker, model, serial, hardware, firmware, about_at, about_by,
                    registered_at, registered_by, geom)
SELECT placed.label, placed.profile, placed.component_id, placed.district_code,
       COALESCE(placed.unit_grid_id, (SELECT unit_grid_id FROM unit_grid u WHERE u.state = 'valid'
                                      AND ST_Intersects(u.geom, placed.geom) ORDER BY u.unit_grid_id LIMIT 1)),
       %(state)s, placed.interval_s, placed.install, placed.format, placed.address, placed.codec,
       placed.maker, placed.model, placed.serial, placed.hardware, placed.firmware,
       CASE WHEN placed.is_described THEN %(now)s::timestamptz END,
       CASE WHEN placed.is_described THEN %(actor)s ELSE '' END,
       %(now)s, %(actor)s, placed.geom
FROM (
    SELECT s.line, s.label, s.profile, c.component_id, COALESCE(NULLIF(s.district_code, ''), c.district_code)
               AS district_code, c.unit_grid_id, COALESCE(s.interval_s, p.interval_s) AS interval_s, s.install,
           s.format, s.address, s.codec, s.maker, s.model, s.serial, s.hardware, s.firmware,
           concat(s.maker, s.model, s.serial, s.hardware, s.firmware) <> '' AS is_described,
           CASE WHEN s.lon_deg IS NOT NULL AND s.lat_deg IS NOT NULL
                THEN ST_SetSRID(ST_MakePoint(s.lon_deg, s.lat_deg), 4326)
                ELSE ST_PointOnSurface(c.geom) END AS geom
    FROM staged_device s
    JOIN unnest_profiles p USING (profile)
    LEFT JOIN component c ON c.code = s.component_code
) AS placed
ORDER BY placed.line
"""
INSERT_EVENTS = """
INSERT INTO device_event (device_id, at, actor, kind, detail)
SELECT d.device_id, %(now)s, %(actor)s, 'registered', jsonb_build_object('profile', d.profile)
FROM device d JOIN staged_device s USING (label)
"""

DROPPED_CHANNELS = """
SELECT channel FROM profile_channel
WHERE profile = %(profile)s AND position > %(count)s AND since_version <= %(version)s ORDER BY position
"""
UPSERT_CHANNEL = """
INSERT INTO profile_channel (profile, position, channel, unit, name_zh, name_en, average, since_version)
VALUES (%(profile)s, %(position)s, %(channel)s, %(unit)s, %(name_zh)s, %(name_en)s, %(average)s, %(version)s)
ON CONFLICT (profile, position) DO UPDATE
SET name_zh = EXCLUDED.name_zh, name_en = EXCLUDED.name_en,
    average = EXCLUDED.average
WHERE profile_channel.channel = EXCLUDED.channel AND profile_channel.unit = EXCLUDED.unit
RETURNING position
"""

INSERT_AUDIT = """
INSERT INTO audit (at, actor, action, subject, detail) VALUES (%(at)s, %(actor)s, %(action)s, %(subject)s, %(detail)s)
"""

_REASONS = {
    "bad_label": ("label", "the label {label!r} is not 1 to 64 of A-Z a-z 0-9 _ -"),
    "duplicate_in_file": ("label", "the label {label} stands in an earlier row too"),
    "already_registered": ("label", "the device {label} is registered already"),
    "unknown_profile": ("profile", "there is no device type {profile!r}"),
    "unknown_component": ("component_code", "there is no component {component_code}"),
    "wrong_class": (
        "component_code",
        "component {component_code} is of class {class_code}, on which a {profile} cannot stand",
    ),
    "occupied": ("component_code", "component {component_code} carries {occupant} already"),
    "needs_component": ("component_code", "a {profile} must stand on a component"),
    "needs_position": ("lon_deg", "without a component, lon_deg, lat_deg and district_code must be given"),
    "bad_position": ("lon_deg", "the position is outside -180..180, -90..90 degrees"),
    "bad_interval": ("interval_s", "interval_s must be above 0"),
    "bad_install": ("install", "{naming_detail}"),
    "unknown_format": ("format", "{naming_detail}"),
    "bad_address": ("address", "{naming_detail}"),
    "unknown_codec": ("codec", "{naming_detail}"),
    **{f"bad_{word}": (word, "{naming_detail}") for word in WORDS},
    "address_taken": ("address", "the {format} address {address} belongs to {holder} already"),
}
"""Reason -> the column at fault, and the sentence."""
_OF_THIS_FILE = "another of this file"


async def stage(conn: AsyncConnection, rows: Sequence[Registration], profiles: Mapping[str, Profile]) -> None:
    """Copy the rows into a temporary table that lives until the transaction ends."""
    await conn.execute(CREATE_STAGING)
    await conn.execute(CREATE_PROFILES)
    async with conn.cursor() as cursor:
        async with cursor.copy(COPY_PROFILES) as copy:
            for profile in profiles.values():
                await copy.write_row((profile.profile, list(profile.classes), profile.interval_s))
        async with cursor.copy(COPY_STAGING) as copy:
            for line, row in enumerate(rows, start=1):
                name = named(row, profiles)
                reason, detail = _other_fault(row, profiles) or (name.reason, name.detail)
                await copy.write_row(
                    (
                        line,
                        row.label,
                        row.profile,
                        row.component_code,
                        row.district_code,
                        row.lon_deg,
                        row.lat_deg,
                        row.interval_s,
                        Jsonb(installing.complete(row, profiles)),
                        row.format,
                        name.address,
                        row.codec,
                        reason,
                        detail,
                        *(getattr(row.about, word) for word in WORDS),
                    )
                )
    await conn.execute(ANALYZE_STAGING)


def _other_fault(row: Registration, profiles: Mapping[str, Profile]) -> tuple[str, str] | None:
    if wrong := installing.fault(row, profiles):
        return "bad_install", wrong
    if bad := about.fault(row.about):
        return f"bad_{bad[0]}", bad[1]
    return None


async def take_findings(conn: AsyncConnection) -> list[Finding]:
    """Give one finding for each staged row that cannot be registered, and take those rows out of the staging table."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(FINDINGS)
        bad = await cursor.fetchall()
    found = {row["line"]: row for row in reversed(bad)}
    await conn.execute(DELETE_BAD, {"lines": list(found)})
    return [
        Finding(
            line=line,
            column=_REASONS[row["reason"]][0],
            reason=row["reason"],
            detail=_REASONS[row["reason"]][1].format_map(
                {**row, "occupant": row["occupant"] or _OF_THIS_FILE, "holder": row["holder"] or _OF_THIS_FILE}
            ),
        )
        for line, row in sorted(found.items())
    ]


async def insert_staged(conn: AsyncConnection, *, state: str, now: datetime, actor: str) -> int:
    """Register the staged rows that are left and give their number."""
    cursor = await conn.execute(INSERT, {"state": state, "now": now, "actor": actor})
    count = cursor.rowcount
    await conn.execute(INSERT_EVENTS, {"now": now, "actor": actor})
    return count


async def dropped_channels(conn: AsyncConnection, profile: Profile) -> list[str]:
    """Give the stored channels that a profile lacks although it is no older than they are."""
    values = {"profile": profile.profile, "count": len(profile.channels), "version": profile.version}
    return [row[0] for row in await (await conn.execute(DROPPED_CHANNELS, values)).fetchall()]


async def upsert_channels(conn: AsyncConnection, profile: Profile) -> int:
    """Write the order of a profile's channels; gives how many rows agree with it afterwards."""
    agreeing = 0
    for position, channel in enumerate(profile.channels, start=1):
        cursor = await conn.execute(
            UPSERT_CHANNEL,
            {
                "profile": profile.profile,
                "position": position,
                "channel": channel.name,
                "unit": channel.unit,
                "name_zh": channel.name_zh,
                "name_en": channel.name_en,
                "average": channel.average,
                "version": profile.version,
            },
        )
        agreeing += cursor.rowcount
    return agreeing


async def audit(
    conn: AsyncConnection, *, now: datetime, actor: str, action: str, subject: str, detail: Mapping[str, Any]
) -> None:
    """Write what a person did."""
    await conn.execute(
        INSERT_AUDIT,
        {"at": now, "actor": actor, "action": action, "subject": subject, "detail": Jsonb(dict(detail))},
    )
