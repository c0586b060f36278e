"""The encoding of a survey's Chinese texts, by what decodes: what the file declares is checked, not believed. Pure."""

import codecs
from collections.abc import Sequence

from core.errors import InvalidInput

UTF_8 = "UTF-8"
GB_18030 = "GB18030"
"""Holds GBK and GB 2312: what decodes there decodes here to the same characters."""
_CHINESE = frozenset({"936", "CP936", "ANSI936", "GBK", "GB2312", "GB18030", "EUCCN", "OEM936", "MS936"})


def encoding_of(texts: Sequence[bytes], declared: str, name: str) -> tuple[str, str]:
    """Give the encoding in which all of `texts` are text, and a note when it is not the declared one.

    A last character that the field was too short for is no fault. `declared` may be empty.
    Raises: `InvalidInput` when neither it nor UTF-8 nor GB 18030 decodes all.
    """
    said = _normal(declared)
    for encoding in (said, UTF_8, GB_18030):
        if encoding and all(_is_text(text, encoding) for text in texts):
            return encoding, _note(encoding, said, texts, name)
    raise InvalidInput(f"{name}: its texts are neither UTF-8 nor GB 18030 (GBK): name their encoding with --encoding")


def _normal(declared: str) -> str:
    word = declared.strip().upper()
    bare = word.replace("-", "").replace("_", "").replace(" ", "")
    if bare in _CHINESE:
        return GB_18030
    try:
        return codecs.lookup(word).name.upper() if word else ""
    except LookupError:
        return ""


def _is_text(text: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(text, final=False)
    except UnicodeDecodeError:
        return False
    return True


def _note(encoding: str, said: str, texts: Sequence[bytes], name: str) -> str:
    if encoding == said or all(text.isascii() for text in texts):
        return ""
    if said:
        return f"{name} says its texts are {said}, but they are not: read as {encoding}"
    return f"{name} does not say how its texts are encoded: read as {encoding}, which fits all that were looked at"
