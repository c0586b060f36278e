"""Refuses query parameters that an operation does not have: a misspelt filter would silently give everything."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request

from api.problems import UnknownParameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What the OpenAPI description says of one operation."""

    template: str
    query: frozenset[str]


def operations(schema: Mapping[str, Any]) -> Mapping[str, Operation]:
    """Give the operations of a description by their id, which is also their route's name."""
    return {
        operation["operationId"]: Operation(
            template=path,
            query=frozenset(item["name"] for item in operation.get("parameters", []) if item["in"] == "query"),
        )
        for path, methods in schema["paths"].items()
        for operation in methods.values()
    }


def require_known(request: Request) -> None:
    """Raise `UnknownParameter` when the query has a name that the operation's description has not."""
    if not request.query_params:
        return
    app: FastAPI = request.app
    known: Mapping[str, Operation] = app.state.operations
    operation = known.get(getattr(request.scope.get("route"), "name", ""))
    if operation is None:
        return
    for name in request.query_params:
        if name not in operation.query:
            possible = ", ".join(sorted(operation.query)) or "none"
            raise UnknownParameter(f"{name!r} is not a parameter of this operation; it has: {possible}")
