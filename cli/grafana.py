"""`citygrid grafana`: our dashboards on an existing Grafana server."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from runtime import grafana

app = typer.Typer(no_args_is_help=True, help="Dashboards on an existing Grafana server.")

Url = Annotated[
    str, typer.Option("--url", envvar="CITYGRID_GRAFANA_URL", help="Grafana's address, e.g. http://127.0.0.1:3000.")
]
Token = Annotated[
    str,
    typer.Option(
        "--token", envvar="CITYGRID_GRAFANA_TOKEN", help="Service account token with role Editor.", show_envvar=True
    ),
]
Folder = Annotated[Path, typer.Option("--from", help="Folder with the dashboards' JSON.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command()
def push(url: Url, token: Token, source: Folder = grafana.SHIPPED, as_json: Json = False) -> None:
    """Make folder CityGrid and bring its dashboards up to date; repeating changes nothing.

    Example: citygrid grafana push --url http://127.0.0.1:3000 --token glsa_xxx
    """
    pushed = grafana.push(url, token, grafana.dashboards(source))
    if as_json:
        print(json.dumps([asdict(one) for one in pushed], ensure_ascii=False))
        return
    for one in pushed:
        print(f"{one.outcome:9} {one.uid:18} {one.title}")


@app.command()
def check(url: Url, token: Token, source: Folder = grafana.SHIPPED, as_json: Json = False) -> None:
    """Say whether data source, folder and dashboards are there; exit code 1 when something is not.

    Example: citygrid grafana check --url http://127.0.0.1:3000 --token glsa_xxx
    """
    checks = grafana.check(url, token, grafana.dashboards(source))
    if as_json:
        print(json.dumps([asdict(one) for one in checks], ensure_ascii=False))
    else:
        for one in checks:
            print(f"{'ok ' if one.is_good else 'NOT'} {one.subject}: {one.detail}")
    if not all(one.is_good for one in checks):
        raise typer.Exit(1)
