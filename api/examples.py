"""An example of every operation's answer and body, from `examples.json`; tests hold each against its schema."""

import json
from pathlib import Path
from typing import Any

_FILE: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "examples.json").read_text(encoding="utf-8"))

ANSWERS = _FILE["answers"]
"""By operation id."""
COMMANDS = _FILE["commands"]
"""Bodies, by operation id."""
