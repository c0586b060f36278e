"""`citygrid devices describe | last-message`: what a device is, and what it sent last."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from core.errors import InvalidInput, NotFound
from devices import describing
from devices.about import WORDS
from devices.last_message import shown
from devices.model import Change
from runtime import settings
from storage import device_messages
from storage.pool import READER, WRITER, connect

ACTOR = "command line"
Maker = Annotated[str | None, typer.Option(help="Who made it.")]
Model = Annotated[str | None, typer.Option(help="Its maker's model.")]
Serial = Annotated[str | None, typer.Option(help="Its maker's serial number.")]
Hardware = Annotated[str | None, typer.Option(help="Version of its hardware.")]
Firmware = Annotated[str | None, typer.Option(help="Version of its firmware.")]


def install(app: typer.Typer) -> None:
    """Add the commands to `citygrid devices`."""
    app.command()(describe)
    app.command(name="last-message")(last_message)


def describe(  # one argument a word
    label: str,
    maker: Maker = None,
    model: Model = None,
    serial: Serial = None,
    hardware: Hardware = None,
    firmware: Firmware = None,
    reason: Annotated[str, typer.Option(help="Why; kept in its history.")] = "",
) -> None:
    """Note what a device is; an empty word is taken back. Example: citygrid devices describe MC-1 --firmware 1.4.2."""
    given = dict(zip(WORDS, (maker, model, serial, hardware, firmware), strict=True))
    words = {word: said.strip() for word, said in given.items() if said is not None}
    if not words:
        raise InvalidInput("say at least one of " + ", ".join(f"--{word}" for word in WORDS))
    asyncio.run(_describe(label, words, reason))
    print(f"{label}: " + ", ".join(f"{word} {said or 'taken back'}" for word, said in words.items()))


def last_message(label: str, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """What a device sent last, as it came. Example: citygrid devices last-message MC-000123."""
    message = asyncio.run(_last(label))
    if as_json:
        print(json.dumps(message, ensure_ascii=False, default=str))
        return
    if message is None:
        print("none was kept yet: it has sent nothing since, or ingest does not run")
        return
    print(f"{message['received_at']}  {message['topic']}  {message['bytes']} bytes, {message['encoding']}")
    if message["refused"]:
        print(f"refused: {message['refused']}")
    if message["is_followed"]:
        print("it was heard since: at most one message a minute is kept")
    print(message["payload"] + (" ..." if message["truncated"] else ""))


async def _describe(label: str, words: dict[str, str], reason: str) -> None:
    async with await connect(settings.load().writer_dsn(), role=WRITER, name="cli") as conn:
        by = Change(now=datetime.now(UTC), actor=ACTOR, reason=reason)
        await describing.describe(conn, label, words, by)


async def _last(label: str) -> dict[str, Any] | None:
    async with await connect(settings.load().reader_dsn(), role=READER, name="cli") as conn:
        row = await device_messages.last(conn, label)
        found = await conn.execute("SELECT FROM device WHERE label = %(label)s", {"label": label})
        if await found.fetchone() is None:
            raise NotFound(f"there is no device {label}")
    return shown(row, label, sees_all=True) if row else None
