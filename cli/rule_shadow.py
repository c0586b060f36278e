"""`citygrid rules shadow`: a version beside the live one; what it would have raised more or less; its end."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from psycopg import AsyncConnection
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from alerts import shadow_store, versions
from alerts.versions import Publication, Version
from cli import rule_books
from cli.rule_books import Actor, AsJson, Reason
from core.errors import NotFound
from runtime import rulebooks, settings


class _StartUnlessNamed(TyperGroup):
    """Takes a path in place of a command: `rules shadow PATH` is `rules shadow start PATH`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # typer does not export click's types
        """Give the command that is meant."""
        named = args if args[0] in self.commands else ["start", *args]
        return super().resolve_command(ctx, named)


app = typer.Typer(
    cls=_StartUnlessNamed,
    no_args_is_help=True,
    help="Run rules beside the live ones, telling nobody. Example: citygrid rules shadow my-rules/ --actor 王磊"
    " --reason 'lower limit'",
)

VersionNumber = Annotated[
    int | None, typer.Argument(help="Number of the version; the newest in shadow when left out.", min=1)
]


@app.command()
def start(
    path: Annotated[Path, typer.Argument(help="A rule file or a folder of them.")],
    actor: Actor,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Run a version beside the live one on live data; nothing it decides reaches anybody. Exit code 1: checks fail.

    Example: citygrid rules shadow my-rules/ --actor 王磊 --reason 'lower limit for covers'
    """
    checked = rulebooks.checked(settings.load(), path)
    if checked.faults:
        for fault in checked.faults:
            print(fault)
        raise typer.Exit(1)
    publication = Publication(texts=checked.texts, actor=actor, reason=reason, mode="shadow", action="rules.shadow")
    version = asyncio.run(rule_books.writing(lambda conn: versions.publish(conn, publication, rule_books.now())))
    if as_json:
        rule_books.show(rule_books.row(version))
    else:
        print(f"version {version.version} runs in shadow: see `citygrid rules shadow report`")


@app.command()
def report(version: VersionNumber = None, as_json: AsJson = False) -> None:
    """Say what a shadow would have raised more, or less, than the live rules, by rule and patrol grid.

    Of a live version it tells of its rules with `mode: shadow`.

    Example: citygrid rules shadow report --json
    """
    found, rows = asyncio.run(rule_books.reading(lambda conn: _report(conn, version)))
    if as_json:
        rule_books.show({**rule_books.row(found), "rows": rows})
        return
    table = Table("rule", "patrol grid", "both", "more", "less")
    for row in rows:
        table.add_row(row["rule"], row["patrol_grid"], *(str(row[key]) for key in ("both", "more", "less")))
    Console().print(table)
    more, less = (sum(row[key] for row in rows) for key in ("more", "less"))
    print(f"version {found.version} ({found.state}): {more} incidents more than live, {less} less")


@app.command()
def end(
    version: Annotated[int, typer.Argument(help="Number of the version.", min=1)],
    actor: Actor,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """End a shadow and free what it remembers; its report stays.

    Example: citygrid rules shadow end 5 --actor 王磊 --reason 'no better than live'
    """

    async def change(conn: AsyncConnection) -> Version:
        await versions.retire_shadow(conn, version, actor, reason, rule_books.now())
        return await versions.numbered(conn, version)

    ended = asyncio.run(rule_books.writing(change))
    if as_json:
        rule_books.show(rule_books.row(ended))
    else:
        print(f"version {version} is no longer in shadow")


async def _report(conn: AsyncConnection, version: int | None) -> tuple[Version, list[dict[str, Any]]]:
    if version is None:
        shadows = await versions.in_shadow(conn)
        if not shadows:
            raise NotFound("no version is in shadow: name one, as `citygrid rules history` shows it")
        found = shadows[-1]
    else:
        found = await versions.numbered(conn, version)
    rules = found.book(rulebooks.calendar(settings.load())).rules
    wanted = [rule.name for rule in rules if found.mode == "shadow" or rule.mode == "shadow"]
    until = found.retired_at or rule_books.now()
    if found.mode == "shadow":  # rules that only the live book has count as well: it raised what this one would not
        wanted += [name for name in await _live_rules(conn) if name not in wanted]
    return found, await shadow_store.report(conn, found.version, wanted, found.published_at, until)


async def _live_rules(conn: AsyncConnection) -> list[str]:
    live = await versions.in_force(conn)
    return [rule.name for rule in live.book().rules] if live else []
