"""`citygrid dead-letters`: what was refused and why, and trying it again after the cause was mended."""

import asyncio
import json
import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from psycopg import AsyncConnection
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from cli.moment import instant
from core.errors import InvalidInput, NotFound
from runtime import settings
from storage import dead_letters
from storage.dead_letters import Asked, Outcome
from storage.pool import READER, WRITER, connect
from storage.queries import dead_letters as queries

app = typer.Typer(no_args_is_help=True, help="Messages that could not be accepted: list, show, try again.")

LOOK_EVERY_S = 0.5
SHOWN_BYTES = 2000

Reason = Annotated[str, typer.Option(help="Only this reason, such as unknown_device.")]
Topic = Annotated[str, typer.Option(help="Only topics like this; % stands for anything.")]
Since = Annotated[str, typer.Option(help="Only last seen since: RFC 3339, or how long ago: 30m, 24h, 7d.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(name="list")
def list_letters(
    reason: Reason = "",
    topic: Topic = "",
    since: Since = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most letters shown, the last seen first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what was refused, the last seen first, and how many of each reason are kept.

    Examples: citygrid dead-letters list --since 24h

    citygrid dead-letters list --reason unknown_device --topic 'jt808/%' --json
    """
    rows, counts = asyncio.run(_list(_filters(reason, topic, since), limit))
    if as_json:
        print(json.dumps({"items": rows, "counts": counts}, ensure_ascii=False, default=_shown, indent=1))
        return
    table = Table("id", "last seen", "seen", "reason", "topic", "detail")
    for row in rows:
        mark = " (waits)" if row["waiting_since"] else ""
        seen = row["last_seen"].astimezone().strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(row["id"][:12], seen, str(row["seen"]), row["reason"] + mark, row["topic"], row["detail"])
    Console().print(table)
    for count in counts:
        dropped = f", {count['dropped']} dropped" if count["dropped"] else ""
        print(f"{count['reason']}: {count['kept']} kept{dropped}")


@app.command()
def show(
    letter: Annotated[str, typer.Argument(help="The letter's id, or how it begins.")], as_json: AsJson = False
) -> None:
    """Show one letter with what came, as text or in hexadecimal digits.

    Example: citygrid dead-letters show 5d1f0c9a
    """
    row = asyncio.run(_show(_id(letter)))
    payload = bytes(row.pop("payload"))
    if as_json:
        print(json.dumps({**row, "payload_hex": payload.hex()}, ensure_ascii=False, default=_shown, indent=1))
        return
    for name, value in row.items():
        print(f"{name}: {_shown(value)}")
    try:
        print(f"payload: {payload[:SHOWN_BYTES].decode()}")
    except UnicodeDecodeError:
        print(f"payload: {payload[:SHOWN_BYTES].hex()} (hexadecimal)")


@app.command()
def reprocess(
    letters: Annotated[
        list[str] | None, typer.Argument(help="Ids, or how they begin; none = all that the options choose.")
    ] = None,
    reason: Reason = "",
    topic: Topic = "",
    since: Since = "",
    limit: Annotated[int, typer.Option(min=1, help="Most letters, those refused first first.")] = 10_000,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many would be tried.")] = False,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for the running ingest.")] = 60,
    as_json: AsJson = False,
) -> None:
    """Try refused messages again, after the registry, a codec or a profile was mended.

    The running ingest carries them like messages that come now: what is accepted vanishes from the list in the same
    transaction that stores it, what is refused again stays with the new reason. A message whose payload was too long to
    be kept whole cannot be tried again. Exit status 1 when some were refused again or still wait.

    Examples: citygrid dead-letters reprocess --reason unknown_device --since 7d

    citygrid dead-letters reprocess --topic 'jt808/%' --dry-run --json
    """
    given = _filters(reason, topic, since)
    if letters:
        given["digests"] = asyncio.run(_digests(letters))
    if not given:
        raise InvalidInput("say which: ids, --reason, --topic or --since (--topic '%' means all)")
    asked, outcome = asyncio.run(_reprocess(given, limit, dry_run=dry_run, wait_s=wait))
    refused = sum(outcome.refused.values())
    accepted = 0 if dry_run else len(asked.digests) - refused - outcome.waiting
    if as_json:
        print(
            json.dumps(
                {
                    "asked": len(asked.digests),
                    "dry_run": dry_run,
                    "accepted": accepted,
                    "refused": dict(outcome.refused),
                    "waiting": outcome.waiting,
                    "truncated": asked.truncated,
                }
            )
        )
    else:
        _tell(asked, outcome, accepted, dry_run=dry_run)
    raise typer.Exit(1 if not dry_run and (refused or outcome.waiting) else 0)


def _tell(asked: Asked, outcome: Outcome, accepted: int, *, dry_run: bool) -> None:
    if dry_run:
        print(f"{len(asked.digests)} letters would be tried again")
    else:
        print(f"{accepted} of {len(asked.digests)} letters accepted")
    for reason, count in outcome.refused.items():
        print(f"{count} refused again: {reason}")
    if outcome.waiting and not dry_run:
        print(f"{outcome.waiting} still wait; they are taken when ingest runs (citygrid run ingest)")
    if asked.truncated:
        print(f"{asked.truncated} more cannot be tried again: their payload was too long to be kept whole")


def _filters(reason: str, topic: str, since: str) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if reason:
        given["reason"] = reason
    if topic:
        given["topic"] = topic
    if since:
        given["since"] = instant(since, datetime.now(UTC))
    return given


def _id(text: str) -> str:
    if not (4 <= len(text) <= 64 and set(text) <= set("0123456789abcdef")):
        raise InvalidInput(
            f"{text!r} is no id of a letter: at least four of its hexadecimal digits, as `list` shows them"
        )
    return text


def _shown(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


async def _list(given: dict[str, Any], limit: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    async with await connect(settings.load().reader_dsn(), role=READER, name="cli") as conn:
        return await queries.find(conn, given, limit=limit), await queries.counts(conn)


async def _show(start: str) -> dict[str, Any]:
    async with await connect(settings.load().reader_dsn(), role=READER, name="cli") as conn:
        return await _one(conn, start)


async def _one(conn: AsyncConnection, start: str) -> dict[str, Any]:
    rows = await queries.show(conn, start)
    if not rows:
        raise NotFound(f"no dead letter {start}")
    if len(rows) > 1:
        raise InvalidInput(f"more than one letter begins with {start}: write more of the id")
    return rows[0]


async def _digests(starts: list[str]) -> list[bytes]:
    async with await connect(settings.load().reader_dsn(), role=READER, name="cli") as conn:
        return [bytes.fromhex((await _one(conn, _id(start)))["id"]) for start in starts]


async def _reprocess(given: dict[str, Any], limit: int, *, dry_run: bool, wait_s: float) -> tuple[Asked, Outcome]:
    async with await connect(settings.load().writer_dsn(), role=WRITER, name="cli") as conn:
        asked = await dead_letters.ask(conn, given, limit=limit, now=datetime.now(UTC))
        if dry_run:
            await conn.rollback()
            return asked, Outcome(refused={}, waiting=0)
        await conn.commit()
        return asked, await _watch(conn, asked, wait_s)


async def _watch(conn: AsyncConnection, asked: Asked, wait_s: float) -> Outcome:
    """Follow until nothing waits, or for `wait_s`."""
    await conn.set_autocommit(True)
    deadline_s = asyncio.get_running_loop().time() + wait_s
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("letters", total=len(asked.digests))
        while True:
            outcome = await dead_letters.outcome(conn, asked.digests)
            progress.update(task, completed=len(asked.digests) - outcome.waiting)
            if not outcome.waiting or asyncio.get_running_loop().time() >= deadline_s:
                return outcome
            await asyncio.sleep(LOOK_EVERY_S)
