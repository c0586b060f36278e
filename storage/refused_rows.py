"""The refused rows of surveys that were sent over HTTP, as the file to mend: kept in parts, given as a stream."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

PART_BYTES = 256 * 1024
COPY = "COPY survey_refused (survey_id, part, content) FROM STDIN"
EXISTS = "SELECT EXISTS (SELECT FROM survey_refused WHERE survey_id = %(survey_id)s)"
CONTENT = "SELECT content FROM survey_refused WHERE survey_id = %(survey_id)s ORDER BY part"
AUDIT = """
INSERT INTO audit (at, actor, action, subject, detail)
VALUES (%(now)s, %(actor)s, 'survey.import', %(subject)s, %(detail)s)
"""


async def keep(conn: AsyncConnection[Any], survey_id: int, file: Path) -> None:
    """Keep the file of a survey's refused rows with it."""
    async with conn.cursor() as cursor, cursor.copy(COPY) as copy:
        with file.open("rb") as stream:
            part = 0
            while content := stream.read(PART_BYTES):
                await copy.write_row((survey_id, part, content))
                part += 1


async def exist(conn: AsyncConnection[Any], survey_id: int) -> bool:
    """Tell whether a survey's refused rows were kept."""
    row = await (await conn.execute(EXISTS, {"survey_id": survey_id})).fetchone()
    return bool(row and row[0])


async def stream(conn: AsyncConnection[Any], survey_id: int) -> AsyncIterator[bytes]:
    """Give the file of a survey's refused rows, part by part; inside a transaction."""
    async with conn.cursor(name="refused") as cursor:
        cursor.itersize = 4
        await cursor.execute(CONTENT, {"survey_id": survey_id})
        async for (content,) in cursor:
            yield bytes(content)


async def audit(
    conn: AsyncConnection[Any], survey_id: int, detail: dict[str, Any], *, now: datetime, actor: str
) -> None:
    """Write who imported a survey."""
    values = {"now": now, "actor": actor, "subject": f"survey {survey_id}", "detail": Jsonb(detail)}
    await conn.execute(AUDIT, values)
