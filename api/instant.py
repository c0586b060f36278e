"""The type of every time that a request names."""

import re
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator


def _as_written(text: object) -> object:
    """Let only text through that begins with a date: a bare number would be taken for seconds."""
    if isinstance(text, str) and not re.match(r"\d{4}-\d\d-\d\d[Tt ]", text):
        raise ValueError("a time is written as 2026-11-22T04:00:00Z")
    return text


Instant = Annotated[AwareDatetime, BeforeValidator(_as_written)]
"""RFC 3339 with an offset."""
