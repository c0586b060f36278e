"""The OpenID provider: where it is, its keys, and whether a token is genuine, ours and fresh.

Signatures are checked by joserfc; which algorithm, issuer, audience, nonce and time are right is said here. Addresses
and keys are asked for at the first need and kept; a token signed by a key that is not known asks for the keys again.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import httpx2
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from core.errors import NotSignedIn, Unavailable
from people.oidc_terms import OidcTerms

ANSWER_S = 5.0
KEPT_S = 3600.0
KEYS_AGAIN_S = 30.0
"""Tokens with made-up keys ask the provider no oftener than this."""
LEEWAY_S = 60
"""How far the provider's clock may be off (our choice)."""
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""With a key pair: `none`, and secrets shared with the provider, are not among them."""
_PAIRS = frozenset({"RSA", "EC", "OKP"})
REFUSED = "The OpenID provider's answer was refused"


class Provider:
    """Speaks with one provider."""

    def __init__(self, terms: OidcTerms, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.terms = terms
        self.title = terms.title
        self._monotonic = monotonic
        self._metadata: tuple[float, Mapping[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._asking = asyncio.Lock()

    async def address(self, *, redirect_uri: str, state: str, nonce: str, challenge: str) -> str:
        """Give where the browser goes to sign in."""
        metadata = await self._found()
        asked = {
            "response_type": "code",
            "client_id": self.terms.client_id,
            "redirect_uri": redirect_uri,
            "scope": self.terms.scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        start = str(metadata["authorization_endpoint"])
        return f"{start}{'&' if '?' in start else '?'}{urlencode(asked)}"

    async def redeem(self, *, code: str, verifier: str, redirect_uri: str) -> str:
        """Exchange a code for the ID token; raises `NotSignedIn` when the provider does not."""
        metadata = await self._found()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": self.terms.client_id,
            "code_verifier": verifier,
        }
        if self.terms.client_secret:
            form["client_secret"] = self.terms.client_secret
        answer = await self._ask("POST", str(metadata["token_endpoint"]), form)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise NotSignedIn(f"{REFUSED}: it gave no ID token ({answer.get('error', 'no reason')})")
        return token

    async def id_claims(self, token: str, nonce: str, now_s: float) -> Mapping[str, Any]:
        """Give the claims of an ID token that answers our question; raises `NotSignedIn` for any other."""
        claims = await self._genuine(token, self.terms.client_id, now_s)
        if claims.get("nonce") != nonce:
            raise NotSignedIn(f"{REFUSED}: it answers another question (nonce)")
        parties = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if claims.get("azp", self.terms.client_id) != self.terms.client_id or (
            len(parties) > 1 and "azp" not in claims
        ):
            raise NotSignedIn(f"{REFUSED}: it is another client's (azp)")
        return claims

    async def access_claims(self, token: str, now_s: float) -> Mapping[str, Any]:
        """Give the claims of an access token made for us; raises `NotSignedIn`. An ID token is none."""
        if not self.terms.audience:
            raise NotSignedIn("This server takes API keys only.")
        claims = await self._genuine(token, self.terms.audience, now_s)
        if "nonce" in claims or claims.get("typ") == "ID":
            raise NotSignedIn(f"{REFUSED}: an ID token is no access token")
        return claims

    async def _genuine(self, token: str, audience: str, now_s: float) -> Mapping[str, Any]:
        try:
            read = jwt.decode(token, await self._known_keys(), algorithms=ALGORITHMS)
        except InvalidKeyIdError:
            read = await self._decoded_again(token)
        except (JoseError, ValueError) as error:
            raise NotSignedIn(f"{REFUSED}: {error}") from error
        rules = jwt.JWTClaimsRegistry(
            now=int(now_s),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self.terms.issuer},
            sub={"essential": True},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            iat={"essential": True},
        )
        try:
            rules.validate(read.claims)
        except JoseError as error:
            raise NotSignedIn(f"{REFUSED}: {error}") from error
        return read.claims

    async def _decoded_again(self, token: str) -> jwt.Token:
        """Read a token signed by a key we did not know: the provider may have changed its keys."""
        try:
            return jwt.decode(token, await self._known_keys(again=True), algorithms=ALGORITHMS)
        except (JoseError, ValueError) as error:
            raise NotSignedIn(f"{REFUSED}: {error}") from error

    async def _found(self) -> Mapping[str, Any]:
        async with self._asking:
            now = self._monotonic()
            if self._metadata and now - self._metadata[0] < KEPT_S:
                return self._metadata[1]
            metadata = await self._ask("GET", self.terms.issuer.rstrip("/") + "/.well-known/openid-configuration")
            if metadata.get("issuer") != self.terms.issuer:
                raise Unavailable(
                    f"the OpenID provider calls itself {metadata.get('issuer')!r}, not {self.terms.issuer}"
                )
            self._metadata = (now, metadata)
            return metadata

    async def _known_keys(self, *, again: bool = False) -> KeySet:
        metadata = await self._found()
        async with self._asking:
            now = self._monotonic()
            kept_for_s = KEYS_AGAIN_S if again else KEPT_S
            if self._keys and now - self._keys[0] < kept_for_s:
                return self._keys[1]
            answer = await self._ask("GET", str(metadata["jwks_uri"]))
            pairs = [key for key in answer.get("keys", ()) if key.get("kty") in _PAIRS and key.get("use") != "enc"]
            try:
                keys = KeySet.import_key_set({"keys": pairs})
            except (JoseError, ValueError) as error:
                raise Unavailable(f"the OpenID provider gives no keys that can be used: {error}") from error
            self._keys = (now, keys)
            return keys

    async def _ask(self, method: str, url: str, form: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        try:
            async with httpx2.AsyncClient(timeout=ANSWER_S) as client:
                response = await client.request(method, url, data=form, headers={"accept": "application/json"})
            answer: Any = response.json()
        except (httpx2.HTTPError, OSError, ValueError) as error:
            raise Unavailable(f"the OpenID provider does not answer ({type(error).__name__})") from error
        if not isinstance(answer, dict) or (response.is_error and form is None):
            raise Unavailable(f"the OpenID provider answered {response.status_code}")
        return answer
