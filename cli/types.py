"""`citygrid types`: device types as data: what there is, whether a file is right, and a new one to begin with."""

import json
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from cli import known
from core.errors import InvalidInput, NotFound
from devices import profile as profiles
from devices.profile import Profile
from devices.typelint import findings
from runtime import settings

app = typer.Typer(no_args_is_help=True, help="Device types: the shipped ones and the city's own.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
NEW = """\
# What it is, and where its numbers come from. docs/devices.md says what every line means.
profile = "{name}"
version = 1
kind = "{kind}"
name_zh = "{name}"
name_en = "{name}"
interval_s = 3600
sentinels = [-9999, 65535]
classes = []

[[channel]]
name = "temperature_degc"
unit = "degC"
min = -40
max = 85
name_zh = "温度"
name_en = "temperature"

[[channel]]
name = "battery_pct"
unit = "%"
min = 0
max = 100
name_zh = "电量"
name_en = "battery"
"""


@app.command(name="list")
def list_types(as_json: AsJson = False) -> None:
    """Every device type. Example: citygrid types list."""
    found = known.types()
    if as_json:
        print(json.dumps([_row(it) for it in found.values()], ensure_ascii=False))
        return
    table = Table("type", "version", "name", "kind", "every", "channels", "classes", "")
    for it in found.values():
        row = _row(it)
        own = "" if row["shipped"] else "own"
        names = [str(row[name]) for name in ("profile", "version", "name_zh", "kind", "interval_s", "channels")]
        table.add_row(*names, " ".join(it.classes), own)
    Console().print(table)


@app.command()
def show(name: str) -> None:
    """One device type as JSON. Example: citygrid types show manhole_cover."""
    found = known.types().get(name)
    if found is None:
        raise NotFound(f"there is no device type {name!r}: see `citygrid types list`")
    print(json.dumps(msgspec.to_builtins(found), ensure_ascii=False, indent=2))


@app.command()
def lint(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders; default: CITYGRID_PROFILES_DIR.")
    ] = None,
) -> None:
    """Look for what cannot be right; 1 when there is something. Example: citygrid types lint mine/well.toml."""
    own = settings.load().profiles_dir
    places = files or ([own] if own else [profiles.SHIPPED])
    paths = [path for place in places for path in (sorted(place.glob("*.toml")) if place.is_dir() else [place])]
    wrong = [f"{path}: {said}" for path in paths for said in _faults(path)]
    for said in wrong:
        print(said)
    print(f"{len(paths)} types, {len(wrong)} findings")
    raise typer.Exit(1 if wrong else 0)


@app.command()
def new(
    file: Annotated[Path, typer.Argument(help="Where it goes; its name is the type's.")],
    kind: Annotated[str, typer.Option(help="The topic's segment for devices of this type.")] = "",
) -> None:
    """Write a type to begin with. Example: citygrid types new types/well.toml."""
    if file.exists():
        raise InvalidInput(f"{file} is there already")
    text = NEW.format(name=file.stem, kind=kind or file.stem.replace("_", ""))
    profiles.parse(text, file.name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    print(f"{file} is written; set CITYGRID_PROFILES_DIR={file.parent} and see `citygrid types lint`")


def _faults(path: Path) -> list[str]:
    try:
        found = profiles.parse(path.read_text(encoding="utf-8"), path.name)
    except InvalidInput as error:
        return [str(error)]
    others = {name: it for name, it in known.types().items() if name != found.profile}
    return findings(found, others)


def _row(it: Profile) -> dict[str, object]:
    return {
        "profile": it.profile,
        "version": it.version,
        "kind": it.kind,
        "name_zh": it.name_zh,
        "name_en": it.name_en,
        "interval_s": it.interval_s,
        "channels": len(it.channels),
        "classes": it.classes,
        "shipped": profiles.shipped().get(it.profile) == it,
    }
