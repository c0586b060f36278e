"""A small OpenID provider on a loopback port: discovery, keys, authorization with PKCE, tokens. Says yes to everybody.

What it puts into tokens, and how it signs them, can be made wrong, as an attacker or a broken provider would.
"""

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID, CLIENT_SECRET = "citygrid-test", "a secret of the client"


def fresh_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)


@dataclass
class OpenIdProvider:
    """The provider's state; tests change it between steps."""

    clock: Callable[[], float]
    """Gives the time its tokens are issued at."""
    issuer: str = ""
    subject: str = "sub-1"
    claims: dict[str, Any] = field(default_factory=dict)
    """Put into every token, over what belongs there; None takes a claim out."""
    unsigned: bool = False
    key: RSAKey = field(default_factory=fresh_key)
    hidden_key: RSAKey | None = None
    """Signs instead of the published one."""
    key_requests: int = 0
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def rotate(self) -> None:
        self.key = fresh_key()

    def authorized(self, asked: dict[str, str]) -> str:
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT_ID
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        back = {"code": code, "state": asked["state"], "iss": self.issuer, "session_state": "x"}
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def tokens(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        asked = self._codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode()
        if (
            asked is None
            or form["client_id"] != CLIENT_ID
            or form.get("client_secret") != CLIENT_SECRET
            or form["redirect_uri"] != asked["redirect_uri"]
            or challenge.rstrip("=") != asked["code_challenge"]
        ):
            return 400, {"error": "invalid_grant"}
        token = self.token(aud=CLIENT_ID, nonce=asked["nonce"])
        return 200, {"access_token": "opaque", "token_type": "Bearer", "id_token": token}

    def token(self, **claims: Any) -> str:
        now = int(self.clock())
        given = {"iss": self.issuer, "sub": self.subject, "iat": now, "exp": now + 300, **claims, **self.claims}
        given = {name: value for name, value in given.items() if value is not None}
        if self.unsigned:
            parts = [json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, given)]
            return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."
        key = self.hidden_key or self.key
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, given, key)

    def documents(self, path: str) -> dict[str, Any] | None:
        if path == "/.well-known/openid-configuration":
            ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
            return {"issuer": self.issuer, **{name: f"{self.issuer}/{end}" for name, end in ends.items()}}
        if path == "/jwks":
            self.key_requests += 1
            return {"keys": [self.key.as_dict(private=False), {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"}]}
        return None


@contextmanager
def running(clock: Callable[[], float]) -> Iterator[OpenIdProvider]:
    """Run a provider until the block is left."""
    provider = OpenIdProvider(clock)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            if address.path == "/authorize":
                asked = {name: values[0] for name, values in parse_qs(address.query).items()}
                self.send_response(302)
                self.send_header("Location", provider.authorized(asked))
                self.end_headers()
                return
            document = provider.documents(address.path)
            self._answer(404 if document is None else 200, document or {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            self._answer(*provider.tokens({name: values[0] for name, values in parse_qs(body).items()}))

        def _answer(self, status: int, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # as the library names it
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield provider
        server.shutdown()
        thread.join()
