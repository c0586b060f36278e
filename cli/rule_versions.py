"""`citygrid rules publish | history | rollback | promote | diff`: what is in force, by whom, and what would change."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from psycopg import AsyncConnection
from rich.console import Console
from rich.table import Table

from alerts import book_diff, rulebook, versions
from alerts.versions import Publication
from cli import rule_backtest, rule_books
from cli.rule_books import Actor, AsJson, Reason
from runtime import rulebooks, settings

VersionNumber = Annotated[str, typer.Argument(help="Number of a version, as `citygrid rules history` shows it.")]


def publish(
    path: Annotated[Path, typer.Argument(help="A rule file or a folder of them.")],
    actor: Actor,
    reason: Reason,
    force: Annotated[
        bool, typer.Option("--force", help="Publish although checks fail; what failed is shown and audited.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put rules into force: checked, tested, versioned; a running ingest takes them up between two batches.

    Checks are those of `rules lint` and the tests beside the rules. Exit code 1: they failed, nothing was published.

    Example: citygrid rules publish my-rules/ --actor 王磊 --reason 'covers: 20 degrees after the field test'
    """
    checked = rulebooks.checked(settings.load(), path)
    faults = checked.faults
    if faults and not force:
        _refuse(path, faults, as_json=as_json)
    publication = Publication(
        texts=checked.texts, actor=actor, reason=reason, detail={"forced_despite": faults} if faults else None
    )
    before = _in_force_or_none()
    changes = book_diff.differences(before, checked.book)
    version = asyncio.run(rule_books.writing(lambda conn: versions.publish(conn, publication, rule_books.now())))
    if as_json:
        rule_books.show(
            {**rule_books.row(version), "changes": [asdict(it) for it in changes], "forced_despite": faults}
        )
        return
    for line in (*(f"forced despite: {fault}" for fault in faults), *book_diff.lines(changes)):
        print(line)
    tests = f"{len(checked.verdicts)} tests" if checked.verdicts else "no rule tests lie beside it"
    print(f"version {version.version} is in force: {len(checked.book.rules)} rules, {tests}")


def history(as_json: AsJson = False) -> None:
    """List the versions of the rules: who put what into force when, and why.

    Example: citygrid rules history --json
    """
    found = asyncio.run(rule_books.reading(versions.history))
    if as_json:
        rule_books.show({"versions": [rule_books.row(version) for version in found]})
        return
    table = Table("version", "state", "published", "until", "by", "why", "digest")
    for it in found:
        until = f"{it.retired_at:%Y-%m-%d %H:%M}" if it.retired_at else ""
        published = f"{it.published_at:%Y-%m-%d %H:%M}"
        table.add_row(str(it.version), it.state, published, until, it.actor, it.reason, it.digest)
    Console().print(table)


def rollback(version: VersionNumber, actor: Actor, reason: Reason, as_json: AsJson = False) -> None:
    """Put the rules of an earlier version into force again, as a new version.

    Example: citygrid rules rollback 3 --actor 王磊 --reason 'false alarms since version 4'
    """
    wanted = rule_books.number(version)

    async def change(conn: AsyncConnection) -> versions.Version:
        return await versions.roll_back(conn, wanted, actor, reason, rule_books.now())

    made = asyncio.run(rule_books.writing(change))
    _said(made, f"version {made.version} is in force: the rules of version {wanted}", as_json=as_json)


def promote(version: VersionNumber, actor: Actor, reason: Reason, as_json: AsJson = False) -> None:
    """Put a version in shadow into force, in one step.

    Example: citygrid rules promote 5 --actor 王磊 --reason 'a week in shadow: no false alarms'
    """
    wanted = rule_books.number(version)

    async def change(conn: AsyncConnection) -> versions.Version:
        return await versions.promote(conn, wanted, actor, reason, rule_books.now())

    made = asyncio.run(rule_books.writing(change))
    _said(made, f"version {made.version} is in force: version {wanted}, which was in shadow", as_json=as_json)


def diff(
    old: Annotated[str, typer.Argument(help="A rule file, a folder, or the number of a version.")],
    new: Annotated[
        str | None, typer.Argument(help="The same; when left out, the first is compared with what is in force.")
    ] = None,
    backtest: Annotated[
        bool, typer.Option("--backtest", help="Compare the incidents too, over --from and --to.")
    ] = False,
    start: rule_backtest.Start = "24h",
    end: rule_backtest.End = "0s",
    as_json: AsJson = False,
) -> None:
    """Say what differs between two rule books by meaning: rules added, removed, changed key by key.

    Exit code 1 when something differs.

    Example: citygrid rules diff my-rules/

    Example: citygrid rules diff 3 my-rules/ --backtest --from 7d
    """
    (was, before), (will, after) = (
        (rule_books.named(old), rule_books.named(new)) if new else (rule_books.named(None), rule_books.named(old))
    )
    changes = book_diff.differences(before, after)
    document: dict[str, Any] = {"old": was, "new": will, "changes": [asdict(it) for it in changes]}
    if backtest:
        document["incidents"] = rule_backtest.difference((was, before), (will, after), start, end)
    if as_json:
        rule_books.show(document)
    else:
        print(f"{was} -> {will}: {len(changes)} rules differ")
        for line in book_diff.lines(changes):
            print(line)
        for line in rule_backtest.difference_lines(document.get("incidents")):
            print(line)
    if changes:
        raise typer.Exit(1)


def _in_force_or_none() -> rulebook.Rulebook:
    found = asyncio.run(rule_books.reading(versions.in_force))
    return found.book(rulebooks.calendar(settings.load())) if found else rulebook.Rulebook()


def _refuse(path: Path, faults: list[str], *, as_json: bool) -> None:
    if as_json:
        rule_books.show({"published": False, "faults": faults})
    else:
        for fault in faults:
            print(fault)
        print(f"{path} was not published: {len(faults)} faults (--force publishes it nevertheless)")
    raise typer.Exit(1)


def _said(version: versions.Version, sentence: str, *, as_json: bool) -> None:
    if as_json:
        rule_books.show(rule_books.row(version))
    else:
        print(sentence)
