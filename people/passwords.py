"""Hashes of passwords: Argon2id with RFC 9106's second recommended parameters, in threads, a few at a time."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher, profiles
from argon2.exceptions import InvalidHashError, VerificationError

from core.errors import Unavailable
from people.password_rule import normalized

Answer = TypeVar("Answer")
AT_A_TIME = 2
"""Each takes 64 MiB and all cores for some 50 ms."""
MOST_WAITING = 100
"""Further sign-ins are refused at once: nobody waits for minutes, and requests do not pile up."""


class Passwords:
    """Hashes and verifies outside the event loop."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)
        self._threads = ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="passwords")
        self._waiting = 0
        self._nobodys = ""

    async def hashed(self, password: str) -> str:
        """Give the hash that is stored, with its parameters and a salt of its own."""
        return await self._run(lambda: self._hasher.hash(normalized(password)))

    async def fits(self, stored: str | None, password: str) -> bool:
        """Whether the password is the stored one's; takes the same time when nothing is stored."""
        return await self._run(lambda: self._fits(stored, normalized(password)))

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _fits(self, stored: str | None, password: str) -> bool:
        if not self._nobodys:
            self._nobodys = self._hasher.hash("nobody's")
        try:
            return self._hasher.verify(stored or self._nobodys, password) and stored is not None
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], Answer]) -> Answer:
        if self._waiting >= MOST_WAITING:
            raise Unavailable("too many people sign in at this moment: try again in a few seconds")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
