"""The documentation says what is: generated pages are current, commands and targets exist, links lead somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from cli.main import tree
from docs import generate
from ingest.message import Reason
from runtime.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
GENERATED = generate.pages()
HAND_WRITTEN = [page for page in PAGES if page.name not in GENERATED]
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
COMMANDS = {" ".join(path) for path, _ in generate.walk(typer.main.get_command(tree()), ("citygrid",))}


def code(page: Path) -> Iterator[str]:
    """Every line of a code block and every code span."""
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL):
        yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def prefixes(words: list[str]) -> set[str]:
    return {" ".join(words[:length]) for length in range(1, len(words) + 1)}


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_a_generated_page_says_what_the_code_says(name: str) -> None:
    written = (generate.FOLDER / name).read_text(encoding="utf-8")

    assert written == GENERATED[name], "run: python -m docs.generate"


def test_every_setting_is_documented() -> None:
    text = (generate.FOLDER / "settings.md").read_text(encoding="utf-8")

    assert [name for name in Settings.model_fields if f"`CITYGRID_{name.upper()}`" not in text] == []


def test_every_reason_for_a_dead_letter_is_documented() -> None:
    text = (generate.FOLDER / "payloads.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^\| `(\w+)` \| ", text.partition("## Dead letters")[2], re.MULTILINE)) == set(Reason)


@pytest.mark.parametrize("page", HAND_WRITTEN, ids=lambda page: page.name)
def test_every_make_target_on_a_page_exists(page: Path) -> None:
    named = {match[1] for line in code(page) if (match := re.match(r"make ([a-z-]+)", line))}

    assert named - TARGETS == set()


@pytest.mark.parametrize("page", HAND_WRITTEN, ids=lambda page: page.name)
def test_every_command_on_a_page_exists(page: Path) -> None:
    call = re.compile(r"\b(citygrid(?: [a-z][a-z0-9-]*)+)")
    called = [match[1].split() for line in code(page) if (match := call.search(line))]

    unknown = [" ".join(words) for words in called if not (prefixes(words) & COMMANDS or is_group(words))]
    assert unknown == []


def is_group(words: list[str]) -> bool:
    return any(command.startswith(" ".join(words) + " ") for command in COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_inside_the_repository_leads_somewhere(page: Path) -> None:
    broken: list[str] = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = page.parent / path if path else page
        if not found.exists() or (anchor and anchor not in anchors(found)):
            broken.append(target)

    assert broken == []


def test_every_variable_named_on_a_page_is_a_setting_or_is_read_somewhere() -> None:
    others = {"CITYGRID_GRAFANA_URL", "CITYGRID_GRAFANA_TOKEN", "CITYGRID_TEST_DATABASE_URL", "CITYGRID_TEST_MQTT_URL"}
    settings = {f"CITYGRID_{name.upper()}" for name in Settings.model_fields}
    named = {name for page in PAGES for name in re.findall(r"CITYGRID_[A-Z0-9_]+", page.read_text(encoding="utf-8"))}

    assert named - settings - others == set()
