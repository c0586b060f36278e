"""Write what repeats the code: docs/settings.md, docs/cli.md and the schemas of rule files; `--check` only compares.

Example: python -m docs.generate
"""  # noqa: INP001  # a script beside the pages it writes, not a package

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer.core
import typer.main
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from alerts import schema, trial_schema
from api.access import PUBLIC, SEES, SIGNED_IN, WHO, Who, names
from api.app import describe_api
from api.principal import Role
from cli.main import tree
from devices import profile
from runtime.settings import Settings

FOLDER = Path(__file__).parent
GENERATED = "<!-- Written by `python -m docs.generate`; a test compares. -->"


def pages() -> Mapping[str, str]:
    """Give file name -> text of the generated pages."""
    return {
        "settings.md": "\n".join(_settings()) + "\n",
        "cli.md": "\n".join(_commands()) + "\n",
        "roles.md": "\n".join(_roles()) + "\n",
        "schemas/rules.schema.json": _json(schema.rules()),
        "schemas/device-type.schema.json": _json(profile.schema()),
        "schemas/rule-tests.schema.json": _json(trial_schema.rule_tests()),
    }


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _settings() -> Iterator[str]:
    yield from ("# Settings", "", GENERATED, "")
    yield "Every setting is a variable of the environment, or a line of a file `.env` in the working directory."
    yield from ("", "| variable | default | what it sets |", "|---|---|---|")
    for name, field in Settings.model_fields.items():
        description = (field.description or "").replace("|", "\\|")
        yield f"| `CITYGRID_{name.upper()}` | {_default(field)} | {description} |"
    yield ""
    yield "`citygrid grafana` also takes `CITYGRID_GRAFANA_URL` and `CITYGRID_GRAFANA_TOKEN` in place of its options."


def _default(field: FieldInfo) -> str:
    if field.default is None or isinstance(field.default, SecretStr):
        return "none"
    return f"`{field.default}`" if str(field.default) else "empty"


def _roles() -> Iterator[str]:
    yield from ("# What a role may do", "", GENERATED, "")
    yield "Over HTTP. An administrator may do all of it."
    yield "Which rows somebody sees: [people](people.md#what-a-role-may-do)."
    yield "Which step of an incident is whose: [incidents](incidents.md)."
    yield from ("", "| operation | | who |", "|---|---|---|")
    for path, methods in describe_api()["paths"].items():
        for method, operation in methods.items():
            name = operation["operationId"]
            yield f"| `{name}` | {method.upper()} `{path}` | {_who(WHO.get(name, frozenset[Role]({Role.ADMIN})))} |"


def _who(who: Who) -> str:
    if who is PUBLIC:
        return "everybody"
    if who == SIGNED_IN:
        return "everybody signed in"
    return "every role" if who == SEES else names(who - {Role.ADMIN}) if who - {Role.ADMIN} else "admin"


def _commands() -> Iterator[str]:
    yield from ("# Commands", "", GENERATED, "")
    yield "Exit status: 0 done; 1 the work found something wrong; 2 wrong usage; 3 a service does not answer."
    for path, command in walk(typer.main.get_command(tree()), ("citygrid",)):
        yield from ("", f"## `{' '.join(path)}`", "")
        yield from (line.rstrip() for line in (command.help or "").strip().splitlines())
        options = [parameter for parameter in command.params if isinstance(parameter, typer.core.TyperOption)]
        shown = [option for option in options if not option.hidden and option.name != "help"]
        if shown:
            yield from ("", "| option | meaning |", "|---|---|")
        for option in shown:
            yield f"| `{', '.join(option.opts)}` | {(option.help or '').replace('|', chr(92) + '|')} |"


def walk(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Give every command that does something, with the words that call it, in the order of the tree."""
    children: Mapping[str, Any] = getattr(command, "commands", {})
    if not children or (command.invoke_without_command and len(path) > 1):
        yield path, command
    for name, child in children.items():
        yield from walk(child, (*path, name))


def main() -> int:
    """Write or compare; exit status 1 when `--check` finds a difference."""
    if "--check" in sys.argv[1:]:
        return int(any((FOLDER / name).read_text(encoding="utf-8") != text for name, text in pages().items()))
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
