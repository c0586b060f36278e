"""The cookie of a session: not readable by scripts, sent by our own pages only, over https to this host only."""

from datetime import datetime

from fastapi import Request, Response

from api.authentication import COOKIE, SECURE_COOKIE


def set_session(request: Request, response: Response, token: str, expires_at: datetime, now: datetime) -> None:
    """Give the browser a session. Strict: no link from elsewhere takes it along, and the pages need none to load."""
    secure = is_secure(request)
    response.set_cookie(
        SECURE_COOKIE if secure else COOKIE,
        token,
        max_age=max(1, int((expires_at - now).total_seconds())),
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )


def clear_session(request: Request, response: Response) -> None:
    """Take the session from the browser."""
    secure = is_secure(request)
    response.delete_cookie(
        SECURE_COOKIE if secure else COOKIE, path="/", secure=secure, httponly=True, samesite="strict"
    )


def is_secure(request: Request) -> bool:
    """Whether the browser came by https, as far as we or a proxy that is believed know."""
    return request.url.scheme == "https" or request.app.state.services.authenticator.always_secure
