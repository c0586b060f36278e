"""Refuses what no route should see: foreign hosts, commands from other sites, bodies that are too large.

A browser takes its session along, so it is the way in for an attacker: a page of another site that posts to us
(cross-site request), or one whose name was re-pointed to us (DNS rebinding). The session's cookie is `SameSite=Strict`
(`api.cookies`), and `api.parameters` adds that commands are JSON, which a form of another site cannot send.
"""

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem

BODY_LIMIT_BYTES = 64 * 1024
LARGER: Mapping[str, int] = {"/api/v1/devices/bulk": 4 * 1024 * 1024}
"""Path -> limit, where a file is sent."""
STREAMED = frozenset({"/api/v1/surveys", "/api/v1/grids/imports"})
"""Where a large file is sent: it goes to disk as it comes, and is bounded there (`api.uploads`)."""
DRAIN_LIMIT_BYTES = 1024 * 1024
"""Of a body that is too large so much is read and thrown away: a client that still sends would not see the answer."""
COMMANDS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
SAME_SITE = frozenset({"same-origin", "none"})

# MapLibre draws in workers made from blobs and takes images from data and blob addresses; styles are set on elements by
# the map and the charts. Nothing is ever loaded from elsewhere.
SECURITY_HEADERS: Mapping[bytes, bytes] = {
    b"content-security-policy": b"default-src 'self'; worker-src 'self' blob:; child-src 'self' blob:; "
    b"img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; "
    b"form-action 'self'; frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), microphone=(), payment=(), usb=()",
}


class SecurityHeaders:
    """ASGI middleware: the same protective headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add the headers to the answer."""

        async def protect(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name for name, _ in message.get("headers", [])}
                message["headers"] = [
                    *message.get("headers", []),
                    *(item for item in SECURITY_HEADERS.items() if item[0] not in present),
                ]
            await send(message)

        await self._app(scope, receive, protect)


class Guard:
    """ASGI middleware: refuses before routing."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a problem, or pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(str(scope["method"]), Headers(scope=scope))
        if refusal:
            await problem(*refusal, scope)(scope, receive, send)
            return
        if scope["path"] in STREAMED:
            await self._app(scope, receive, send)
            return
        limit = LARGER.get(str(scope["path"]), BODY_LIMIT_BYTES)
        body = await _bounded(receive, limit) if scope["method"] in COMMANDS else receive
        if body is None:
            detail = f"The body is larger than {limit} bytes."
            await problem("too-large", detail, scope, headers={"Connection": "close"})(scope, receive, send)
            return
        await self._app(scope, body, send)

    def _refusal(self, method: str, headers: Headers) -> tuple[str, str] | None:
        """Give the kind and detail of the problem with this request, or None."""
        host = headers.get("host", "")
        if "*" not in self._hosts and host_name(host) not in self._hosts:
            return "wrong-host", f"The request names the host {host!r}."
        if method not in COMMANDS:
            return None
        site = headers.get("sec-fetch-site", "same-origin")
        origin = headers.get("origin")
        if site not in SAME_SITE or (origin and origin.partition("://")[2] != host):
            return "cross-site", f"The browser says it comes from {origin or site}."
        return None


def host_name(host: str) -> str:
    """Give the host without its port, in lower case; IPv6 keeps its brackets."""
    name = host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
    return name.lower()


async def _bounded(receive: Receive, limit: int) -> Receive | None:
    """Read the whole body and give it to the application; None when it is larger than the limit."""
    parts: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            break
        part = message.get("body", b"")
        size += len(part)
        if size <= limit:
            parts.append(part)
        more = message.get("more_body", False) and size <= max(limit, DRAIN_LIMIT_BYTES)
    if size > limit:
        return None
    pending: list[Message] = [{"type": "http.request", "body": b"".join(parts), "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay
