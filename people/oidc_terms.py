"""What an installation says of its OpenID provider, and what the claims of a token mean here."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from core.errors import InvalidInput
from people.grant import Grant, parsed

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_NOT_IN_NAMES = re.compile(r"[^a-z0-9._@-]+")
_NAME_LENGTH = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcTerms:
    """The provider, and us as its client."""

    issuer: str
    client_id: str
    client_secret: str = ""
    """Empty = a public client: PKCE alone protects the code."""
    title: str = "OpenID Connect"
    scopes: str = "openid profile"
    grants_claim: str = "groups"
    """Where a token lists what somebody is; nested claims by dots: `realm_access.roles`."""
    grants: Mapping[str, tuple[Grant, ...]]
    """What a value of that claim grants. Empty = the provider says who somebody is, administrators here grant."""
    audience: str = ""
    """Of access tokens that programs may send; empty = none are taken."""

    def __post_init__(self) -> None:
        """Refuse a provider that anybody on the way could speak for."""
        address = urlsplit(self.issuer)
        if address.scheme != "https" and (address.scheme != "http" or address.hostname not in _LOOPBACK):
            raise InvalidInput(f"the OpenID issuer {self.issuer} must be https")
        if not self.client_id:
            raise InvalidInput("an OpenID issuer needs a client id too")
        if self.audience == self.client_id:
            raise InvalidInput("the audience of access tokens must differ from the client id: that is ID tokens' own")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """Who somebody is, as a token of the provider says that was found genuine."""

    issuer: str
    subject: str
    name: str
    """What the account is to be called here, if there is none yet."""
    display_name: str
    grants: tuple[Grant, ...] | None
    """None = the provider does not say."""
    ends_at_s: int


def claimed(terms: OidcTerms, claims: Mapping[str, Any]) -> Claimed:
    """Read the claims of a genuine token."""
    subject = str(claims["sub"])
    wished = next((str(claims[key]) for key in ("preferred_username", "email", "client_id") if claims.get(key)), "")
    name = _NOT_IN_NAMES.sub("-", wished.lower()).strip("-._@")[:_NAME_LENGTH]
    return Claimed(
        issuer=terms.issuer,
        subject=subject,
        name=name or f"oidc-{_short(subject)}",
        display_name=(str(claims.get("name") or wished or subject).replace("\0", "").strip() or subject)[:100],
        grants=_granted(terms, claims) if terms.grants else None,
        ends_at_s=int(claims["exp"]),
    )


def other_name(who: Claimed) -> str:
    """Give a name that is free when the wished one is somebody else's: nobody gets an account by choosing its name."""
    return f"{who.name}-{_short(who.subject)}"


def mapping(text: str) -> dict[str, tuple[Grant, ...]]:
    """Read `value=grant,grant; value=grant`; raises `InvalidInput`."""
    read: dict[str, tuple[Grant, ...]] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        value, equals, grants = part.rpartition("=")
        if not equals or not value.strip():
            raise InvalidInput(f"{part!r} is not value=grant,grant")
        read[value.strip()] = tuple(parsed(one) for one in grants.split(","))
    return read


def _granted(terms: OidcTerms, claims: Mapping[str, Any]) -> tuple[Grant, ...]:
    found: Any = claims
    for key in terms.grants_claim.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    values = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    granted = [grant for value in values if isinstance(value, str) for grant in terms.grants.get(value, ())]
    return tuple(dict.fromkeys(granted))


def _short(subject: str) -> str:
    return hashlib.sha256(subject.encode()).hexdigest()[:8]
