"""One table: which error becomes which HTTP problem (RFC 9457). Every error of the API leaves through here."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from psycopg import errors
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from core.errors import (
    Busy,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    NotGranted,
    NotSignedIn,
    Outdated,
    PlatformError,
    Refused,
    TookTooLong,
    TooLarge,
    TooManyTries,
    TooOften,
    Unavailable,
)

MEDIA_TYPE = "application/problem+json"
DOCS = "/api/docs#problem-"
RETRY_AFTER_S = 2
BUSY_RETRY_AFTER_S = 30
"""An import takes seconds to a minute."""
CATCH_ALL = "get_console"
CHALLENGE = 'Bearer realm="CityGrid"'
"""What a 401 must say: how a program identifies itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of problem: its anchor in the documentation, its status, its fixed title, and what to do."""

    name: str
    status: int
    title: str
    advice: str


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(name="invalid-request", status=422, title="The request is not valid",
             advice="`errors` names each parameter or field and what is wrong with it."),
        Kind(name="invalid-input", status=400, title="The request cannot be answered as it stands",
             advice="`detail` says which value is wrong and what would be right."),
        Kind(name="unknown-parameter", status=400, title="Unknown query parameter",
             advice="A misspelt filter would silently give everything, so it is refused; `detail` lists what exists."),
        Kind(name="not-found", status=404, title="No such thing",
             advice="Check the code, label or number; lists show what exists."),
        Kind(name="method-not-allowed", status=405, title="This method is not allowed here",
             advice="The header Allow names the methods that are."),
        Kind(name="conflict", status=409, title="Its state forbids this",
             advice="Fetch it again: somebody else may have changed it. `detail` says what is possible now."),
        Kind(name="registration-refused", status=409, title="The device cannot be registered so",
             advice="`reason` is one word for why, `facts` name what stands in the way; docs/devices.md lists both."),
        Kind(name="not-signed-in", status=401, title="Nobody is signed in",
             advice="Sign in at /login, or send a key: `Authorization: Bearer ...`."),
        Kind(name="not-granted", status=403, title="You may not do this",
             advice="`detail` names the roles that may; an administrator grants them."),
        Kind(name="too-many-tries", status=429, title="Too many failed sign-ins",
             advice="Wait the seconds in Retry-After; nobody is locked out for good."),
        Kind(name="too-often", status=429, title="Too many requests",
             advice="Wait the seconds in Retry-After; keep answers as long as Cache-Control allows."),
        Kind(name="wrong-role", status=403, title="Another role may do this",
             advice="`detail` says which; GET /incidents/{id}/actions lists what a role may do now."),
        Kind(name="changed-meanwhile", status=412, title="Somebody else changed it meanwhile",
             advice="Fetch it again and look: If-Match named a version that is no longer the newest."),
        Kind(name="too-large", status=413, title="The body is too large",
             advice="Commands are short; send less. How large a file may be, `detail` says."),
        Kind(name="unsupported-media-type", status=415, title="Commands are JSON",
             advice="Send `Content-Type: application/json`."),
        Kind(name="cross-site", status=403, title="Commands come from the console's own pages",
             advice="The browser says that another site sent this; it was not done."),
        Kind(name="wrong-host", status=421, title="This server does not answer to that name",
             advice="Name it in CITYGRID_HTTP_HOSTS, or use the address it listens on."),
        Kind(name="unavailable", status=503, title="A service does not answer",
             advice="Try again after the seconds in Retry-After; `citygrid services status` shows which one is down."),
        Kind(name="busy", status=503, title="As much of this is done as may be at once",
             advice="Try again after the seconds in Retry-After."),
        Kind(name="too-slow", status=503, title="The question took too long",
             advice="Ask for less: a smaller box, a shorter time, fewer points, a file in parts."),
        Kind(name="internal-error", status=500, title="CityGrid made a mistake",
             advice="The log has the details under the same `request_id`; please report it."),
        Kind(name="http-error", status=400, title="The request was refused", advice="See `status` and `detail`."),
    )
}  # fmt: skip

OF_ERROR: Mapping[type[PlatformError], str] = {
    TooLarge: "too-large",
    Busy: "busy",
    TookTooLong: "too-slow",
    InvalidInput: "invalid-input",
    NotFound: "not-found",
    Refused: "registration-refused",
    Conflict: "conflict",
    NotGranted: "not-granted",
    Forbidden: "wrong-role",
    NotSignedIn: "not-signed-in",
    TooOften: "too-often",
    TooManyTries: "too-many-tries",
    Outdated: "changed-meanwhile",
    Unavailable: "unavailable",
}
OF_STATUS: Mapping[int, str] = {
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "unsupported-media-type",
    503: "unavailable",
}


class FieldError(BaseModel):
    """One wrong parameter or field."""

    pointer: str = Field(description="Where: `query/limit`, or a JSON pointer into the body: `body/actor`.")
    detail: str = Field(description="What is wrong with it.")


class Problem(BaseModel):
    """Problem details after RFC 9457."""

    type: str = Field(description="Address of the explanation of this kind of problem.")
    title: str = Field(description="The kind of problem, always the same words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened this time, and what to do.")
    instance: str = Field(description="The path that was asked for.")
    request_id: str = Field(description="Finds this request in the server's log.")
    errors: list[FieldError] | None = Field(default=None, description="Each wrong parameter or field.")
    reason: str | None = Field(default=None, description="registration-refused: why, in one word.")
    facts: dict[str, Any] | None = Field(default=None, description="registration-refused: what stands in the way.")


class UnknownParameter(InvalidInput):
    """A query parameter that the operation does not have."""


def problem(  # one argument a part of the answer
    name: str,
    detail: str,
    scope: Mapping[str, Any],
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> JSONResponse:
    """Give the response for a problem of kind `name`; `status` only where it differs from the kind's."""
    kind = KINDS[name]
    body = Problem(
        type=f"{DOCS}{kind.name}",
        title=kind.title,
        status=status or kind.status,
        detail=detail,
        instance=str(scope.get("path", "")),
        request_id=str(scope.get("state", {}).get("request_id", "")),
        **(extra or {}),
    )
    wait = {"Retry-After": str(RETRY_AFTER_S)} if body.status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return JSONResponse(
        body.model_dump(mode="json", exclude_none=True),
        status_code=body.status,
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store", **wait, **(headers or {})},
    )


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem."""
    app.add_exception_handler(PlatformError, _platform)
    app.add_exception_handler(psycopg.OperationalError, _database)
    app.add_exception_handler(errors.WithCheckOptionViolation, _out_of_scope)
    app.add_exception_handler(errors.InsufficientPrivilege, _out_of_scope)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


def _platform(request: Request, error: Exception) -> JSONResponse:
    name = next((name for family, name in OF_ERROR.items() if isinstance(error, family)), "internal-error")
    if isinstance(error, UnknownParameter):
        name = "unknown-parameter"
    headers = {"WWW-Authenticate": CHALLENGE} if isinstance(error, NotSignedIn) else None
    if isinstance(error, TooManyTries):
        headers = {"Retry-After": str(math.ceil(error.wait.total_seconds()))}
    if isinstance(error, Busy):
        headers = {"Retry-After": str(BUSY_RETRY_AFTER_S)}
    extra = {"reason": error.reason, "facts": dict(error.facts)} if isinstance(error, Refused) else None
    return problem(name, str(error), request.scope, headers=headers, extra=extra)


def _database(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, errors.QueryCanceled):
        return problem("too-slow", "The database gave up after its time limit; ask for less.", request.scope)
    return problem("unavailable", "The database does not answer; it is tried again by itself.", request.scope)


def _out_of_scope(request: Request, error: Exception) -> JSONResponse:
    """Say that the database kept a limited person from rows of elsewhere, or from what is the whole city's."""
    if all(grant.area_code is None and grant.patrol_grid is None for grant in request.state.grants or ()):
        raise error
    detail = "It lies outside the area your roles are granted for, or is the whole city's."
    return problem("not-granted", detail, request.scope)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = [
        FieldError(pointer="/".join(str(part) for part in item["loc"]), detail=str(item["msg"]))
        for item in error.errors()
    ]
    detail = "; ".join(f"{item.pointer}: {item.detail}" for item in found[:3])
    return problem("invalid-request", detail, request.scope, extra={"errors": found})


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    status, detail, headers = error.status_code, error.detail, error.headers
    if status == HTTPStatus.METHOD_NOT_ALLOWED and is_catch_all(request.scope):
        status, headers = HTTPStatus.NOT_FOUND, None
    if status == HTTPStatus.METHOD_NOT_ALLOWED and (allowed := _allowed(request)):
        headers = {**(headers or {}), "Allow": allowed}
    if status == HTTPStatus.NOT_FOUND:
        detail = f"There is nothing at {request.url.path}."
    return problem(OF_STATUS.get(status, "http-error"), detail, request.scope, status=status, headers=headers)


def _allowed(request: Request) -> str | None:
    """Give the methods of every operation of this path: the framework names those of one route only."""
    operation = request.app.state.operations.get(getattr(request.scope.get("route"), "name", ""))
    return operation.methods if operation else None


def is_catch_all(scope: Mapping[str, Any]) -> bool:
    """Tell whether only the console's route, which takes every path, matched."""
    return getattr(scope.get("route"), "name", None) == CATCH_ALL
