"""What every operation asks of a request: query parameters it has, and commands in JSON.

A misspelt filter would silently give everything; a body of another type may come from a form of another site.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, HTTPException, Request

from api.guard import COMMANDS
from api.problems import UnknownParameter
from core.errors import InvalidInput

JSON = frozenset({"application/json"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What the OpenAPI description says of one operation."""

    template: str
    methods: str
    """Of all operations with this template, as the header Allow names them."""
    query: frozenset[str]
    media: frozenset[str] = JSON
    """Types its body may have."""


def operations(schema: Mapping[str, Any]) -> Mapping[str, Operation]:
    """Give the operations of a description by their id, which is also their route's name."""
    return {
        operation["operationId"]: Operation(
            template=path,
            methods=", ".join(sorted(method.upper() for method in methods)),
            query=frozenset(item["name"] for item in operation.get("parameters", []) if item["in"] == "query"),
            media=frozenset(operation.get("requestBody", {}).get("content", JSON)),
        )
        for path, methods in schema["paths"].items()
        for operation in methods.values()
    }


def require_media(request: Request) -> None:
    """Raise 415 for a command whose body is not called JSON, or what the operation's description names instead.

    None of these a form of another site can send.
    """
    if request.method not in COMMANDS:
        return
    app: FastAPI = request.app
    known: Mapping[str, Operation] = app.state.operations
    operation = known.get(getattr(request.scope.get("route"), "name", ""))
    taken = operation.media if operation else JSON
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in taken:
        raise HTTPException(
            415, f"The body's type is {kind or 'not given'}; this operation takes {', '.join(sorted(taken))}."
        )


def require_known(request: Request) -> None:
    """Raise `UnknownParameter` when the query has a name that the operation's description has not.

    A value with a NUL character, which PostgreSQL can neither hold nor find, is refused too.
    """
    if not request.query_params:
        return
    app: FastAPI = request.app
    known: Mapping[str, Operation] = app.state.operations
    operation = known.get(getattr(request.scope.get("route"), "name", ""))
    if operation is None:
        return
    for name, value in request.query_params.multi_items():
        if "\0" in value:
            raise InvalidInput(f"{name}: no text holds a NUL character")
        if name not in operation.query:
            possible = ", ".join(sorted(operation.query)) or "none"
            raise UnknownParameter(f"{name!r} is not a parameter of this operation; it has: {possible}")
