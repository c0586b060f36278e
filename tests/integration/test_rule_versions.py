"""Versions of the rule book in a real database: one is in force, all are kept, who and why is on record."""

from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import AsyncConnection

from alerts import rulebook, versions
from alerts.versions import Publication
from core.errors import Conflict, InvalidInput, NotFound

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def texts(limit: float = 15) -> dict[str, str]:
    return {
        "covers.yaml": f"""
groups:
  - name: covers
    rules:
      - alert: CoverDisplaced
        expr: tilt_deg > {limit:g}
        for: 20s
        labels: {{severity: critical}}
        scope: {{profile: manhole_cover}}
        raises: {{deadline: 1 hour}}
        annotations: {{summary: displaced, summary_zh: 井盖移位}}
"""
    }


async def publish(database: str, limit: float = 15, mode: versions.Mode = "live") -> versions.Version:
    async with await AsyncConnection.connect(database) as conn:
        publication = Publication(texts=texts(limit), actor="wang", reason=f"limit {limit:g}", mode=mode)
        return await versions.publish(conn, publication, NOW)


async def states(database: str) -> list[tuple[int, str]]:
    async with await AsyncConnection.connect(database) as conn:
        return [(version.version, version.state) for version in await versions.history(conn)]


async def test_a_published_version_is_in_force_and_its_rules_know_it(database: str) -> None:
    published = await publish(database)

    async with await AsyncConnection.connect(database) as conn:
        found = await versions.in_force(conn)
    assert found == published
    book = published.book()
    assert (book.version, [rule.version for rule in book.rules]) == (1, [1])


async def test_publishing_ends_the_version_before(database: str) -> None:
    await publish(database, 15)
    await publish(database, 20)

    assert await states(database) == [(1, "retired"), (2, "live")]


async def test_the_very_rules_in_force_are_not_published_again(database: str) -> None:
    await publish(database)

    with pytest.raises(Conflict, match="version 1"):
        await publish(database)


async def test_rules_that_cannot_be_read_are_never_published(database: str) -> None:
    async with await AsyncConnection.connect(database) as conn:
        with pytest.raises(rulebook.WrongRules, match="broken"):
            await versions.publish(conn, Publication(texts={"broken.yaml": "groups: 3"}, actor="a", reason="b"), NOW)

    assert await states(database) == []


@pytest.mark.parametrize(("actor", "reason", "asked"), [(" ", "why", "--actor"), ("who", "", "--reason")])
async def test_who_and_why_are_asked_for(database: str, actor: str, reason: str, asked: str) -> None:
    async with await AsyncConnection.connect(database) as conn:
        with pytest.raises(InvalidInput, match=asked):
            await versions.publish(conn, Publication(texts=texts(), actor=actor, reason=reason), NOW)


async def test_rolling_back_is_a_new_version_with_the_old_rules(database: str) -> None:
    first = await publish(database, 15)
    await publish(database, 20)

    async with await AsyncConnection.connect(database) as conn:
        again = await versions.roll_back(conn, 1, "li", "too many missed", NOW)

    assert (again.version, again.digest) == (3, first.digest)
    assert await states(database) == [(1, "retired"), (2, "retired"), (3, "live")]


async def test_a_shadow_runs_beside_and_is_promoted_in_one_step(database: str) -> None:
    await publish(database, 15)
    await publish(database, 20, "shadow")
    assert await states(database) == [(1, "live"), (2, "shadow")]

    async with await AsyncConnection.connect(database) as conn:
        promoted = await versions.promote(conn, 2, "li", "fewer false alarms", NOW)

    assert promoted.texts == texts(20)
    assert await states(database) == [(1, "retired"), (2, "retired"), (3, "live")]


async def test_only_a_shadow_can_be_promoted_or_ended(database: str) -> None:
    await publish(database)

    async with await AsyncConnection.connect(database) as conn:
        with pytest.raises(Conflict, match="version 1 is live"):
            await versions.promote(conn, 1, "li", "x", NOW)
        with pytest.raises(NotFound, match="version 7"):
            await versions.retire_shadow(conn, 7, "li", "x", NOW)


async def test_every_change_is_in_the_audit_log_with_who_and_why(database: str) -> None:
    await publish(database, 15)
    await publish(database, 20, "shadow")
    async with await AsyncConnection.connect(database) as conn:
        await versions.promote(conn, 2, "li", "fewer false alarms", NOW)

    with psycopg.connect(database) as conn:
        rows = conn.execute("SELECT actor, action, subject, detail ->> 'reason' FROM audit ORDER BY audit_id")
        assert rows.fetchall() == [
            ("wang", "rules.publish", "rules version 1", "limit 15"),
            ("wang", "rules.publish", "rules version 2", "limit 20"),
            ("li", "rules.shadow_ended", "rules version 2", "fewer false alarms"),
            ("li", "rules.promote", "rules version 3", "fewer false alarms"),
        ]
