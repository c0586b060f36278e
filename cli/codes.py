"""`citygrid codes`: codes of components, issued before there is a component."""

import asyncio
import getpass
import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from psycopg import AsyncConnection

from components_registry import codes
from components_registry.codes import Request
from components_registry.departments import By
from runtime import own_classes, settings
from storage.pool import session_options

app = typer.Typer(no_args_is_help=True, help="Codes of components: issue new ones, list those that were issued.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def issue(
    district: Annotated[str, typer.Option(help="Six digits.")],
    class_code: Annotated[str, typer.Option("--class", help="Class of the city's edition.")],
    reason: Annotated[str, typer.Option(help="What for; kept with the codes.")],
    count: Annotated[int, typer.Option(help="How many.", min=1, max=codes.MOST)] = 1,
    author: Annotated[str, typer.Option(help="Who wants them; not given = who is logged in.")] = "",
    as_json: AsJson = False,
) -> None:
    """Issue consecutive codes that nobody has: all of them or none.

    Example: citygrid codes issue --district 130203 --class 0103 --count 10 --reason "new street"
    """
    by = By(actor=author or getpass.getuser(), reason=reason, now=datetime.now(UTC))
    catalogue = own_classes.editions(settings.load()).catalogue
    asked = Request(district=district, class_code=class_code, count=count, catalogue=catalogue)

    async def give() -> list[str]:
        async with await _connect() as conn:
            return await codes.issue(conn, asked, by)

    given = asyncio.run(give())
    print(json.dumps({"codes": given}) if as_json else "\n".join(given))


@app.command(name="list")
def list_codes(
    district: Annotated[str | None, typer.Option(help="Only this district.")] = None,
    class_code: Annotated[str | None, typer.Option("--class", help="Only this class.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Most rows.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List codes that were issued, and whether a component has them. Example: citygrid codes list --class 0103."""

    async def ask() -> list[dict[str, Any]]:
        async with await _connect() as conn:
            return list(await codes.issued(conn, district=district, class_code=class_code, after=None, limit=limit))

    rows = asyncio.run(ask())
    if as_json:
        print(json.dumps({"items": rows}, ensure_ascii=False, default=str))
        return
    for row in rows:
        used = "in use" if row["in_use"] else "free"
        when = row["issued_at"].isoformat(timespec="seconds")
        print(f"{row['code']}  {used:<6}  {when}  {row['issued_by']}: {row['reason']}")


async def _connect() -> AsyncConnection[Any]:
    url = settings.load().owner_dsn()
    return await AsyncConnection[Any].connect(url, autocommit=True, options=session_options(""))
