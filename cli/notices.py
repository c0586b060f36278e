"""`citygrid notices`: what was told to whom, what is parked and why; and where notices go."""

import asyncio
import getpass
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from alerts import channels, delivery, route, routefile, routelint
from alerts.route import Routing
from cli.moment import instant
from core.errors import InvalidInput
from runtime import settings
from runtime.routes_in_force import routing as routing_in_force
from storage.pool import READER, WRITER, connect
from storage.queries import notices as queries

app = typer.Typer(no_args_is_help=True, help="Notices: list, try again; where they go.")
routes = typer.Typer(no_args_is_help=True, help="The file of routes: check it, ask it.")
app.add_typer(routes, name="routes")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
FilePath = Annotated[Path | None, typer.Option("--file", help="A file of routes; not given = the one in force.")]


@app.command(name="list")
def list_notices(
    state: Annotated[str, typer.Option(help="Only these: waiting, sent or parked.")] = "",
    receiver: Annotated[str, typer.Option(help="Only those of this receiver.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most notices, the newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List notices, the newest first, and how many wait.

    Examples: citygrid notices list --state parked

    citygrid notices list --receiver desk --json
    """
    if state not in {"", "waiting", "sent", "parked"}:
        raise InvalidInput(f"--state: {state!r} is none of waiting, sent, parked")
    rows, counts = asyncio.run(_list(state, receiver, limit))
    if as_json:
        print(json.dumps({"items": rows, "counts": counts}, ensure_ascii=False, default=_shown, indent=1))
        return
    table = Table("no", "state", "kind", "receiver", "address", "incidents", "tries", "error")
    for row in rows:
        numbers = ", ".join(map(str, row["incidents"][:5])) + (" …" if len(row["incidents"]) > 5 else "")
        table.add_row(
            str(row["notice_no"]), row["state"], row["kind"], row["receiver"], row["address_name"] or "", numbers,
            str(row["attempts"]), row["last_error"] or "",
        )  # fmt: skip
    Console().print(table)
    print(", ".join(f"{count} {what}" for what, count in counts.items()))


@app.command()
def retry(
    notices: Annotated[list[int] | None, typer.Argument(help="Numbers; none = all that are parked.")] = None,
    receiver: Annotated[str, typer.Option(help="Only those of this receiver.")] = "",
    reason: Annotated[str, typer.Option(help="Why; kept in the audit log.")] = "",
    author: Annotated[str, typer.Option(help="Who does it; not given = who is logged in.")] = "",
) -> None:
    """Have parked notices tried again by the running notifier, from the first attempt.

    Examples: citygrid notices retry 17 --reason "the mail server is back"

    citygrid notices retry --receiver desk --reason "new address"
    """
    numbers = asyncio.run(_retry(notices or None, receiver or None, (author or getpass.getuser(), reason)))
    print(f"{len(numbers)} notices will be tried again")
    raise typer.Exit(0 if numbers else 1)


@routes.command()
def lint(
    file: Annotated[Path | None, typer.Argument(help="A file of routes; not given = the one in force.")] = None,
) -> None:
    """Check a file of routes; exit status 1 when something looks like a mistake, 2 when it is one.

    Example: citygrid notices routes lint routes.yaml
    """
    routing = _routing(file)
    channels.check(routing)
    found = routelint.findings(routing)
    for finding in found:
        print(finding)
    if not found:
        print(f"{len(list(route.walk(routing.root)))} routes, {len(routing.receivers)} receivers: nothing to say")
    raise typer.Exit(1 if found else 0)


@routes.command(name="test")
def ask(
    label: Annotated[list[str] | None, typer.Option(help="Any label: --label event=closed.")] = None,
    severity: Annotated[str, typer.Option(help="info, minor, major or critical.")] = "",
    district: Annotated[str, typer.Option(help="Six digits.")] = "",
    class_code: Annotated[str, typer.Option("--class", help="Four digits.")] = "",
    alertname: Annotated[str, typer.Option(help="The rule.")] = "",
    department: Annotated[str, typer.Option(help="Its Chinese name.")] = "",
    at: Annotated[str, typer.Option(help="When, RFC 3339; not given = now.")] = "",
    expect: Annotated[str, typer.Option(help="Receivers it must reach, separated by commas.")] = "",
    file: FilePath = None,
    as_json: AsJson = False,
) -> None:
    """Say who would be told of a notice with these labels, in which group, and who is on duty then.

    Exit status 1 when --expect names other receivers.

    Examples: citygrid notices routes test --severity critical --district 130202

    citygrid notices routes test --label event=opened --severity minor --expect desk --file routes.yaml
    """
    named = {
        "severity": severity, "district": district, "class": class_code, "alertname": alertname,
        "department": department,
    }  # fmt: skip
    labels = {**_labels(label or []), **{name: value for name, value in named.items() if value}}
    now = datetime.now(UTC)
    found = _told(_routing(file), labels, instant(at, now) if at else now)
    if as_json:
        print(json.dumps({"labels": labels, "told": found}, ensure_ascii=False, indent=1))
    else:
        for each in found:
            addresses = ", ".join(each["addresses"]) or "nobody: it would be parked"
            print(f"{each['receiver']}: {addresses}\n  group {each['group_key']}")
    reached = [each["receiver"] for each in found]
    if expect and reached != [name.strip() for name in expect.split(",")]:
        print(f"expected {expect}, found {','.join(reached)}")
        raise typer.Exit(1)


def _told(routing: Routing, labels: dict[str, str], at: datetime) -> list[dict[str, Any]]:
    return [
        {
            "receiver": chosen.receiver,
            "route": chosen.key,
            "line": chosen.line,
            "group_key": route.group_key(chosen, labels),
            "quiet": chosen.is_quiet(at),
            "on_duty": list(routing.on_duty(chosen.receiver, at)),
            "addresses": [address.name for address in channels.of_contacts(routing.contacts(chosen.receiver, at))],
        }
        for chosen in route.matching(routing.root, labels)
    ]


def _labels(texts: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (equals and name):
            names = ", ".join(routefile.LABELS)
            raise InvalidInput(f"--label {text!r}: write name=value; names are {names}, and those of rules' labels")
        if wrong := routefile.mistaken(name):
            raise InvalidInput(f"--label {text!r}: {wrong}")
        found[name] = value
    return found


def _routing(file: Path | None) -> Routing:
    loaded = settings.load()
    if file is None:
        return routing_in_force(loaded)
    return routefile.load(file, loaded.timezone, loaded.notify_urls.split())


def _shown(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


async def _list(state: str, receiver: str, limit: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    async with await connect(settings.load().reader_dsn(), role=READER, name="cli") as conn:
        rows = await queries.find(conn, {"receiver": receiver or None}, state=state or None, limit=limit)
        return rows, await queries.counts(conn)


async def _retry(numbers: list[int] | None, receiver: str | None, who: tuple[str, str]) -> tuple[int, ...]:
    async with await connect(settings.load().writer_dsn(), role=WRITER, name="cli") as conn:
        return await delivery.retry(conn, numbers, receiver, who, datetime.now(UTC))
