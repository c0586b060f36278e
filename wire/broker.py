"""The address of a broker: `mqtt://user:password@host:port` or `mqtts://...`."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from core.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where and as whom to connect."""

    host: str
    port: int
    username: str | None
    password: str | None
    tls: bool


def parse(url: str) -> Broker:
    """Give the parts of an address; raises `InvalidInput` without repeating the password."""
    parts = urlsplit(url)
    if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
        raise InvalidInput("a broker's address looks like mqtt://user:password@host:1883")
    tls = parts.scheme == "mqtts"
    return Broker(
        host=parts.hostname,
        port=parts.port or (8883 if tls else 1883),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=tls,
    )
