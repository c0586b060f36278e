"""The folder of a city's own edition of the catalogue, as docs/components.md shows it."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[1] / "docs" / "components.md").read_text(encoding="utf-8")
FILES = ("edition.toml", "classes.csv", "mapping.csv")
_SECTION = PAGE.partition("### A city's own edition")[2].partition("\n## ")[0]
TEXTS = dict(zip(FILES, re.findall(r"```(?:toml|csv)\n(.*?)```", _SECTION, re.DOTALL), strict=True))
"""By file."""


def write(folder: Path, **changed: str | None) -> Path:
    """Write the folder; `edition`, `classes` and `mapping` give other texts, None no such file."""
    folder.mkdir(exist_ok=True)
    for name, text in TEXTS.items():
        content = changed.get(name.partition(".")[0], text)
        if content is not None:
            (folder / name).write_text(content, encoding="utf-8")
    return folder
