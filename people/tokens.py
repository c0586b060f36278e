"""Random tokens that let somebody in, and what of them is stored: SHA-256, enough for 256 random bits."""

import hashlib
import secrets

TOKEN_BYTES = 32
KEY_PREFIX = "cg_"
"""Of API keys, so that secret scanners and people know one when they see it."""
SHOWN_CHARACTERS = len(KEY_PREFIX) + 6
"""Of a key so much is kept in the clear, so that its owner finds it in the list; 216 random bits stay unknown."""


def fresh() -> str:
    """Draw the token of a session, of a link or of a sign-in elsewhere."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def fresh_key() -> str:
    """Draw an API key."""
    return KEY_PREFIX + fresh()


def hashed(token: str) -> bytes:
    """Give what is stored of a token."""
    return hashlib.sha256(token.encode()).digest()
