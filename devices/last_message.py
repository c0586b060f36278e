"""How a device's last message is shown: as text or bytes; hidden where it speaks for others unseen. Pure."""

from collections.abc import Mapping
from typing import Any


def shown(row: Mapping[str, Any], label: str, *, sees_all: bool) -> dict[str, Any]:
    """Give a kept message as people read it; one that may speak for other devices only to who sees the whole city."""
    payload: bytes = row["payload"]
    truncated = len(payload) < row["bytes"]
    encoding, text = _readable(payload, truncated=truncated)
    if not sees_all and not _is_own(row["topic"], label, row["address"]):
        encoding, text = "hidden", ""
    names = ("received_at", "topic", "format", "bytes", "refused")
    return {
        **{name: row[name] for name in names},
        "encoding": encoding,
        "payload": text,
        "truncated": truncated,
        "is_followed": bool(row["is_followed"]),
    }


def _readable(payload: bytes, *, truncated: bool) -> tuple[str, str]:
    """Give encoding and text: a cut may have split the last character."""
    for end in range(len(payload), len(payload) - (4 if truncated else 1), -1):
        try:
            text = payload[: max(end, 0)].decode()
        except UnicodeDecodeError:
            continue
        return ("text", text) if all(it.isprintable() or it in "\r\n\t" for it in text) else ("hex", payload.hex(" "))
    return "hex", payload.hex(" ")


def _is_own(topic: str, label: str, address: str) -> bool:
    return not {label.casefold(), address.casefold()}.isdisjoint(topic.casefold().split("/"))
