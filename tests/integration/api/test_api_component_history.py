"""What a component was, and the registry of a past moment."""

from datetime import UTC, datetime

import httpx2
from psycopg import AsyncConnection

from tests.integration.api.city import CODES

CODE = CODES[0]


async def test_a_changed_component_has_a_history_and_a_past(own_api: httpx2.AsyncClient, city: str):
    before = datetime.now(UTC).isoformat()
    async with await AsyncConnection.connect(city, autocommit=True) as conn:
        await conn.execute("UPDATE component SET state = 'missing' WHERE code = %s", (CODE,))

    items = (await own_api.get(f"/api/v1/components/{CODE}/history")).json()["items"]
    then = await own_api.get(f"/api/v1/components/{CODE}", params={"as_of": before})
    listed = await own_api.get("/api/v1/components", params={"as_of": before, "code": CODE})

    assert [item["state"] for item in items] == ["missing", "intact"]
    assert items[0]["until"] is None
    assert items[1]["until"] == items[0]["since"]
    assert (then.json()["state"], then.json()["devices"]) == ("intact", [])
    assert [item["state"] for item in listed.json()["items"]] == ["intact"]
    assert (await own_api.get(f"/api/v1/components/{CODE}")).json()["state"] == "missing"


async def test_before_it_was_registered_a_component_is_not_found(api: httpx2.AsyncClient):
    gone = await api.get(f"/api/v1/components/{CODE}", params={"as_of": "2000-01-01T00:00:00Z"})

    assert gone.status_code == 404
    assert (await api.get("/api/v1/components/1302030101999999/history")).status_code == 404
    assert (await api.get("/api/v1/components", params={"as_of": "2000-01-01T00:00:00Z"})).json()["items"] == []
