"""Versions of the rule book: what was in force, or beside it in shadow, when, by whom and why. Takes a connection.

A row is one term of a rule book in one mode and never changes but for its end, so the version that stands in an
incident's evidence says to the letter which rules decided it. Never commits; who listens on `signals.RULES` is told at
commit.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from alerts import rulebook
from alerts.rule import Rulebook
from alerts.work_calendar import Calendar
from core.errors import Conflict, InvalidInput, NotFound
from storage import signals

Mode = Literal["live", "shadow"]

LOCK = "LOCK TABLE rulebook_version IN SHARE ROW EXCLUSIVE MODE"
SELECT = """
SELECT version, digest, mode, published_at, retired_at, actor, reason, texts
FROM rulebook_version
WHERE (%(version)s::int IS NULL OR version = %(version)s)
  AND (%(mode)s::text IS NULL OR (mode = %(mode)s AND retired_at IS NULL))
ORDER BY version
"""
INSERT = """
INSERT INTO rulebook_version (version, digest, mode, published_at, actor, reason, texts)
SELECT coalesce(max(version), 0) + 1, %(digest)s, %(mode)s, %(now)s, %(actor)s, %(reason)s, %(texts)s
FROM rulebook_version
RETURNING version
"""
RETIRE = "UPDATE rulebook_version SET retired_at = %(now)s WHERE version = %(version)s AND retired_at IS NULL"
AUDIT = """
INSERT INTO audit (at, actor, action, subject, detail)
VALUES (%(now)s, %(actor)s, %(action)s, %(subject)s, %(detail)s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One term of a rule book."""

    version: int
    digest: str
    """Of its texts: the same rules have the same digest."""
    mode: Mode
    published_at: datetime
    retired_at: datetime | None
    """None = at work now."""
    actor: str
    reason: str
    texts: Mapping[str, str]
    """By file name; read in the order of the names."""

    @property
    def state(self) -> str:
        """Give `live` or `shadow` while it is at work, then `retired`."""
        return "retired" if self.retired_at else self.mode

    def book(self, calendar: Calendar | None = None) -> Rulebook:
        """Give its rules, each knowing the version."""
        return with_version(rulebook.parse(dict(sorted(self.texts.items())), calendar), self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """Who wants what to be at work, and why."""

    texts: Mapping[str, str]
    actor: str
    reason: str
    mode: Mode = "live"
    action: str = "rules.publish"
    detail: Mapping[str, object] | None = None
    """What else the audit log shall say."""


def with_version(book: Rulebook, version: int) -> Rulebook:
    """Give the same rules, each knowing that it is of `version`."""
    return replace(book, version=version, rules=tuple(replace(rule, version=version) for rule in book.rules))


def texts(path: Path) -> dict[str, str]:
    """Give what there is to publish at a path: the texts of its rule files by name; raises `InvalidInput`."""
    return {file.name: file.read_text(encoding="utf-8") for file in rulebook.files(path)}


def digest(by_name: Mapping[str, str]) -> str:
    """Give the fingerprint of texts."""
    return hashlib.sha256(json.dumps(sorted(by_name.items()), ensure_ascii=False).encode()).hexdigest()[:16]


async def in_force(conn: AsyncConnection) -> Version | None:
    """Give the live version; None when nothing was ever published."""
    found = await _select(conn, mode="live")
    return found[0] if found else None


async def in_shadow(conn: AsyncConnection) -> list[Version]:
    """Give the versions that run beside the live one."""
    return await _select(conn, mode="shadow")


async def history(conn: AsyncConnection) -> list[Version]:
    """Give all versions, oldest first."""
    return await _select(conn)


async def numbered(conn: AsyncConnection, version: int) -> Version:
    """Give one version; raises `NotFound`."""
    found = await _select(conn, version=version)
    if not found:
        raise NotFound(f"there is no version {version} of the rules: see `citygrid rules history`")
    return found[0]


async def publish(conn: AsyncConnection, publication: Publication, now: datetime) -> Version:
    """Put a rule book to work, live in place of the one in force or beside it; raises `InvalidInput`, `Conflict`."""
    for name, value in (("--actor", publication.actor), ("--reason", publication.reason)):
        if not value.strip():
            raise InvalidInput(f"say {'who publishes' if name == '--actor' else 'why'}: {name}")
    rulebook.parse(publication.texts)  # what cannot be read never gets to work
    await conn.execute(LOCK)
    before = await in_force(conn)
    found = digest(publication.texts)
    beside = [before] if before else []
    for other in beside if publication.mode == "live" else [*beside, *await in_shadow(conn)]:
        if other.digest == found:
            raise Conflict(f"these very rules are at work already: version {other.version} ({other.state})")
    if publication.mode == "live" and before is not None:
        await conn.execute(RETIRE, {"version": before.version, "now": now})
    parameters = {
        "digest": found,
        "mode": publication.mode,
        "now": now,
        "actor": publication.actor.strip(),
        "reason": publication.reason.strip(),
        "texts": Jsonb(dict(publication.texts)),
    }
    row = await (await conn.execute(INSERT, parameters)).fetchone()
    assert row is not None
    version = int(row[0])
    detail = {"reason": publication.reason.strip(), "digest": found, **(publication.detail or {})}
    await _tell(conn, publication.actor, publication.action, version, detail, now)
    return await numbered(conn, version)


async def retire_shadow(conn: AsyncConnection, version: int, actor: str, reason: str, now: datetime) -> None:
    """End a shadow; ingest forgets what its rules remembered. Raises `NotFound`, `Conflict`."""
    await conn.execute(LOCK)
    found = await numbered(conn, version)
    if found.state != "shadow":
        raise Conflict(f"version {version} is {found.state}, not in shadow")
    await conn.execute(RETIRE, {"version": version, "now": now})
    await _tell(conn, actor, "rules.shadow_ended", version, {"reason": reason}, now)


async def promote(conn: AsyncConnection, version: int, actor: str, reason: str, now: datetime) -> Version:
    """Make a shadow live, in one step: a new live version with its very texts. Raises `NotFound`, `Conflict`."""
    found = await numbered(conn, version)
    await retire_shadow(conn, version, actor, reason, now)
    return await publish(
        conn,
        Publication(
            texts=found.texts,
            actor=actor,
            reason=reason,
            action="rules.promote",
            detail={"promoted": version},
        ),
        now,
    )


async def roll_back(conn: AsyncConnection, version: int, actor: str, reason: str, now: datetime) -> Version:
    """Put an earlier version's rules to work again, as a new version. Raises `NotFound`, `Conflict`."""
    found = await numbered(conn, version)
    return await publish(
        conn,
        Publication(
            texts=found.texts,
            actor=actor,
            reason=reason,
            action="rules.rollback",
            detail={"rolled_back_to": version},
        ),
        now,
    )


async def _tell(
    conn: AsyncConnection, actor: str, action: str, version: int, detail: Mapping[str, object], now: datetime
) -> None:
    """Leave a trace in the audit log, and tell ingest at commit."""
    await conn.execute(
        AUDIT,
        {
            "now": now,
            "actor": actor.strip(),
            "action": action,
            "subject": f"rules version {version}",
            "detail": Jsonb(dict(detail)),
        },
    )
    await conn.execute("SELECT pg_notify(%s, %s)", (signals.RULES, str(version)))


async def _select(conn: AsyncConnection, version: int | None = None, mode: Mode | None = None) -> list[Version]:
    async with conn.cursor(row_factory=class_row(Version)) as cursor:
        await cursor.execute(SELECT, {"version": version, "mode": mode})
        return await cursor.fetchall()
