"""HTTP for signing in at the OpenID provider. Its parameters are the provider's, so it is not in the description."""

import hmac
from typing import Annotated

import structlog
from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from psycopg import OperationalError

from api.authentication import Authenticator
from api.cookies import is_secure, set_session
from api.routes.session import client_of
from api.services import Use
from core.errors import NotFound, PlatformError
from people import elsewhere
from people.elsewhere import Answer
from people.oidc import Provider

router = APIRouter(include_in_schema=False)
log: structlog.stdlib.BoundLogger = structlog.get_logger()

START, CALLBACK = "/session/oidc/start", "/session/oidc/callback"
COOKIE = "citygrid_oidc"
"""Holds the state: who comes back must be who was sent. Lax, because he comes back from another site."""
FAILED = "/login?problem=oidc"
NO_STORE = {"Cache-Control": "no-store"}
LOCAL = r"^/([!-.0-\[\]-~][!-~]*)?$"
"""A page of ours: never `//elsewhere`, nor `/\\elsewhere`."""

Text = Annotated[str, Query(max_length=4096)]


@router.get(START)
async def start_oidc(
    request: Request, services: Use, return_to: Annotated[str, Query(max_length=500, pattern=LOCAL)] = "/"
) -> Response:
    """Send the browser to the provider."""
    authenticator = services.authenticator
    try:
        question = await elsewhere.ask(
            authenticator.doors,
            _provider(authenticator),
            redirect_uri=_redirect_uri(request),
            return_to=return_to,
            now=services.clock(),
        )
    except (PlatformError, OperationalError) as error:
        return _failed(request, error)
    response = RedirectResponse(question.address, status_code=303, headers=NO_STORE)
    response.set_cookie(
        _cookie(request),
        question.state,
        max_age=int(elsewhere.ANSWER_WITHIN.total_seconds()),
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )
    return response


@router.get(CALLBACK)
async def finish_oidc(
    request: Request, services: Use, state: Text = "", code: Text = "", error: Text = "", iss: Text = ""
) -> Response:
    """Take the browser back from the provider and open its session."""
    provider = _provider(services.authenticator)
    shown = request.cookies.get(_cookie(request), "")
    if error or not code or not shown or not hmac.compare_digest(shown.encode(), state.encode()):
        return _failed(request, error or "the browser did not bring back the state it was sent with")
    if iss and iss != provider.terms.issuer:
        return _failed(request, "the answer is another issuer's")
    answer = Answer(state=state, code=code, redirect_uri=_redirect_uri(request))
    now = services.clock()
    try:
        opened, page = await elsewhere.answered(services.authenticator.doors, provider, answer, client_of(request), now)
    except (PlatformError, OperationalError) as problem:
        return _failed(request, problem)
    response = RedirectResponse(page, status_code=303, headers=NO_STORE)
    set_session(request, response, opened.token, opened.expires_at, now)
    response.delete_cookie(_cookie(request), path="/", secure=is_secure(request), httponly=True, samesite="lax")
    return response


def _provider(authenticator: Authenticator) -> Provider:
    if authenticator.provider is None:
        raise NotFound("No OpenID provider is configured: CITYGRID_OIDC_ISSUER.")
    return authenticator.provider


def _failed(request: Request, why: object) -> Response:
    """Send the browser to the sign-in page, which says that it did not work; the log says why."""
    log.warning("oidc_refused", why=str(why)[:500], request_id=request.scope.get("state", {}).get("request_id"))
    return RedirectResponse(FAILED, status_code=303, headers=NO_STORE)


def _redirect_uri(request: Request) -> str:
    """Give the address the provider sends the browser back to; `api.guard` has checked the host."""
    scheme = "https" if is_secure(request) else "http"
    return (
        f"{scheme}://{request.headers['host']}{request.url.path.removesuffix(START).removesuffix(CALLBACK)}{CALLBACK}"
    )


def _cookie(request: Request) -> str:
    return f"__Host-{COOKIE}" if is_secure(request) else COOKIE
