"""Reads a CQL2 filter (OGC 21-065r2), as text or JSON, into its JSON tree. Bounded before and after it is parsed.

The parser is compiled and descends recursively without a limit of its own: a text that nests too deep would end the
process, so depth is counted first.
"""

import re
from typing import Any, Literal

import cql2

from core.errors import InvalidInput

Language = Literal["cql2-text", "cql2-json", "cql-text"]
"""`cql-text` is what the draft called it: GDAL still asks for it."""

MOST_CHARACTERS = 8192
"""Our choice: a polygon of 300 corners fits; a URL of that length still passes servers on the way."""
DEEPEST = 24
MOST_PARTS = 800
"""Operators, names and values together."""

_QUOTED = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"")
_PREFIXES = re.compile(r"(?:(?:[-+]|\bnot\b)\s*){5,}", re.IGNORECASE)
_NUMBERS = re.compile(r"(?<![\w)])-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_CHAINED = re.compile(r"[-+*/%^]|\bdiv\b", re.IGNORECASE)
MOST_CHAINED = 100
"""Signs of arithmetic, which no filter needs: a chain of them nests as deep as it is long."""
_ILIKE = re.compile(r"([A-Za-z_]\w*|\"[^\"]+\")\s+ILIKE\s+('(?:[^']|'')*')", re.IGNORECASE)


def parse(text: str, language: Language) -> Any:
    """Give the tree of a filter.

    Raises: `InvalidInput` for a text that is no CQL2, too long or too deep.
    """
    if len(text) > MOST_CHARACTERS:
        raise InvalidInput(f"filter: longer than {MOST_CHARACTERS} characters")
    try:
        if language == "cql2-json":
            tree = cql2.parse_json(text).to_json()  # the JSON reader has a limit of its own: 128 levels
        else:
            _refuse_depth(text)
            if language == "cql-text":
                text = _ILIKE.sub(r"CASEI(\1) LIKE CASEI(\2)", text)
            tree = cql2.parse_text(text).to_json()
    except cql2.ParseError as error:
        raise InvalidInput(f"filter: not {language}: {_short(str(error))}") from error
    if _measure(tree, 1) > MOST_PARTS:
        raise InvalidInput(f"filter: more than {MOST_PARTS} parts")
    return tree


def _refuse_depth(text: str) -> None:
    plain = _QUOTED.sub("''", text)
    depth = deepest = 0
    for character in plain:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    if deepest > DEEPEST or _PREFIXES.search(plain):
        raise InvalidInput(f"filter: nested deeper than {DEEPEST} levels")
    if len(_CHAINED.findall(_NUMBERS.sub("0", plain))) > MOST_CHAINED:
        raise InvalidInput("filter: arithmetic is not supported")


def _measure(node: Any, depth: int) -> int:
    """Count the parts of a tree; coordinates of a geometry count as one."""
    if depth > DEEPEST + 8:
        raise InvalidInput(f"filter: nested deeper than {DEEPEST} levels")
    if isinstance(node, dict):
        if "coordinates" in node or "geometries" in node or "bbox" in node:
            return 1
        return 1 + sum(_measure(part, depth + 1) for part in node.values())
    if isinstance(node, list):
        return sum(_measure(part, depth + 1) for part in node)
    return 1


def _short(message: str) -> str:
    """Keep the parser's place and expectation, without its drawing."""
    lines = [line.strip(" |^-=") for line in message.splitlines()]
    return "; ".join(line for line in lines if line)[:300]
