"""Outermost layer: gives each request an id, answers 500 when the code crashed, and reports one `Exchange`."""

import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import is_catch_all, problem

REQUEST_ID = "x-request-id"
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its answer, for the log and the metrics."""

    request_id: str
    method: str
    route: str
    """Template of the route, so that metrics stay few; `console` for its files, `other` when none matched."""
    path: str
    status: int
    """499 when the client left before the answer."""
    duration_s: float
    """Until the last byte; for a stream, until it ended."""
    sent_bytes: int
    error: BaseException | None = None


class Observe:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, report: Callable[[Exchange], None], templates: Mapping[str, str]) -> None:
        self._app = app
        self._report = report
        self._templates = templates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and report what became of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        started_s = time.perf_counter()
        status, sent_bytes = 0, 0

        async def watch(message: Message) -> None:
            nonlocal status, sent_bytes
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (REQUEST_ID.encode(), request_id.encode())]
            elif message["type"] == "http.response.body":
                sent_bytes += len(message.get("body", b""))
            await send(message)

        error: BaseException | None = None
        try:
            await self._app(scope, receive, watch)
        except Exception as crash:  # noqa: BLE001  # the edge: a crash becomes a 500 and an entry in the log
            error = crash
            if not status:
                answer = problem("internal-error", "The request crashed; the log says why.", scope)
                await answer(scope, receive, watch)
        finally:
            self._report(
                Exchange(
                    request_id=request_id,
                    method=scope["method"],
                    route=self._template(scope),
                    path=scope["path"],
                    status=status or 499,
                    duration_s=time.perf_counter() - started_s,
                    sent_bytes=sent_bytes,
                    error=error,
                )
            )

    def _template(self, scope: Scope) -> str:
        name = getattr(scope.get("route"), "name", "")
        return self._templates.get(name) or ("console" if is_catch_all(scope) else "other")


def _request_id(scope: Scope) -> str:
    given = Request(scope).headers.get(REQUEST_ID, "")
    return given if _ID.fullmatch(given) else uuid.uuid4().hex
