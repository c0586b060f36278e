"""What tests of notices stand on."""

import threading
from collections.abc import AsyncIterator, Iterator

import pytest
from psycopg import AsyncConnection

from tests.notice_surroundings import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.hold.set()
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture
async def conn(database: str) -> AsyncIterator[AsyncConnection]:
    async with await AsyncConnection.connect(database, autocommit=True) as connection:
        await connection.execute("SET timezone = 'UTC'")
        yield connection
