"""Which rule book a command means: files, a published version, or the one in force."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from psycopg import AsyncConnection

from alerts import rulebook, versions
from alerts.rule import Rulebook
from core.errors import InvalidInput
from runtime import rulebooks, settings
from storage.pool import READER, WRITER, connect

T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Actor = Annotated[str, typer.Option(help="Who does it; kept in the audit log.")]
Reason = Annotated[str, typer.Option(help="Why; kept with the version and in the audit log.")]


def named(text: str | None) -> tuple[str, Rulebook]:
    """Give a book and how it is called: a path, the number of a version, or what is in force when `text` is None.

    While nothing is published, the installation's files are in force.
    """
    if text is not None and not text.isdecimal():
        return text, rulebook.load(Path(text), rulebooks.calendar(settings.load()))
    version = asyncio.run(reading(lambda conn: _version(conn, text)))
    calendar = rulebooks.calendar(settings.load())
    if version is None:
        path = rulebooks.source(settings.load())
        return f"{path} (nothing is published)", rulebook.load(path, calendar)
    return f"version {version.version}", version.book(calendar)


async def _version(conn: AsyncConnection, text: str | None) -> versions.Version | None:
    return await versions.in_force(conn) if text is None else await versions.numbered(conn, int(text))


async def reading(action: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """Do something with a connection that only reads."""
    async with await connect(settings.load().reader_dsn(), role=READER, name="cli") as conn:
        return await action(conn)


async def writing(action: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """Do something in one transaction; it commits at the end, when ingest hears of it."""
    async with await connect(settings.load().writer_dsn(), role=WRITER, name="cli") as conn:
        return await action(conn)


def number(text: str) -> int:
    """Give the number of a version; raises `InvalidInput`."""
    if not text.isdecimal():
        raise InvalidInput(f"{text!r} is no version: write its number, as `citygrid rules history` shows it")
    return int(text)


def now() -> datetime:
    """Give the time."""
    return datetime.now(UTC)


def show(document: Any) -> None:
    """Print a JSON document."""
    print(json.dumps(document, ensure_ascii=False, default=lambda value: value.isoformat()))


def row(version: versions.Version) -> dict[str, Any]:
    """Give a version as JSON, without its texts."""
    return {
        "version": version.version,
        "state": version.state,
        "mode": version.mode,
        "digest": version.digest,
        "published_at": version.published_at,
        "retired_at": version.retired_at,
        "actor": version.actor,
        "reason": version.reason,
        "files": sorted(version.texts),
    }
