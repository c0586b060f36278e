"""Keyset paging: an opaque cursor holds the last row's key, so pages stay right while rows are added."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

import msgspec
from fastapi import Query
from pydantic import BaseModel, Field

from core.errors import InvalidInput

Item = TypeVar("Item")
Key = TypeVar("Key")

Limit = Annotated[int, Query(ge=1, le=1000, description="Most items in the answer.")]
Cursor = Annotated[
    str | None, Query(max_length=200, description="`next` of the page before; keep the filters as they were.")
]


class Page(BaseModel, Generic[Item]):
    """A page of a list."""

    items: list[Item]
    next: str | None = Field(description="Cursor of the next page; null on the last one.")


def encode(name: str, key: Sequence[object]) -> str:
    """Give the cursor of list `name` after `key`."""
    return base64.urlsafe_b64encode(msgspec.json.encode([name, *key])).decode().rstrip("=")


def decode(name: str, cursor: str, types: type[Key]) -> Key:
    """Give the key in a cursor of list `name`, as the tuple type `types`; raises `InvalidInput` for any other text."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        whole = msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=list[object])
        if not whole or whole[0] != name:
            raise InvalidInput(f"cursor: not one of the list of {name}")
        return msgspec.convert(whole[1:], types)
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise InvalidInput(f"cursor: not a cursor of this server: take `next` of a page of {name}") from error
