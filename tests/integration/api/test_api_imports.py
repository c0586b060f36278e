"""Surveys and grids sent over HTTP: checked, imported, what is bad comes back, and what may not be sent is refused."""

import asyncio
import csv
import io
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import numpy as np
import psycopg
import pyogrio.raw
import pytest
import shapely
from psycopg import conninfo

from core.errors import TookTooLong
from runtime.import_desk import ImportDesk
from runtime.settings import Settings
from tests.conftest import Cluster, create_database, drop_database
from tests.credentials import add_key, bearer
from tests.integration.api.city import build
from tests.integration.api.conftest import calling, serving, signed_in
from tests.integration.api.test_api_grid_versions import partition

SURVEYS = "/api/v1/surveys"
GRIDS = "/api/v1/grids/imports"
FILE = {"Content-Type": "application/octet-stream"}
HEADER = "code,state,x,y,owner"
GOOD = "1302030101000101,完好,118.18012,39.63021,自来水公司"
BAD = "1302030101000000,完好,118.18052,39.63022,自来水公司"
MEGABYTE = 1024 * 1024
PATIENCE_S = 90
"""An import starts a process, which a busy machine lets wait."""


@pytest.fixture(scope="module")
def url(cluster: Cluster, template_database: str) -> Iterator[str]:
    name = create_database(cluster, template_database)
    url = conninfo.make_conninfo(cluster.database_url, dbname=name)
    with psycopg.connect(url) as conn:
        build(conn)
    yield url
    drop_database(cluster, name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="module")
def address(url: str, folder: Path) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CITYGRID_UPLOAD_LARGEST_MB", "1")
        patch.setenv("CITYGRID_UPLOAD_DIR", str(folder))
        with serving(url) as address:
            yield address


@pytest.fixture(autouse=True)
def leftovers(folder: Path) -> Iterator[None]:
    yield
    assert list(folder.iterdir()) == [], "what was sent is removed, whatever became of it"


@pytest.fixture
async def client(address: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with calling(address) as client:
        client.timeout = PATIENCE_S
        yield client


async def sent(client: httpx2.AsyncClient, path: str, content: bytes | AsyncIterator[bytes], **asked: object):
    return await client.post(path, content=content, headers=FILE, params={k: str(v) for k, v in asked.items()})


def rows(*lines: str) -> bytes:
    return "\n".join((HEADER, *lines)).encode("gb18030")


def asked_of(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as conn:
        return conn.execute(query).fetchall()  # type: ignore[call-overload]


async def test_a_check_keeps_nothing_and_gives_its_bad_rows_to_mend(client: httpx2.AsyncClient, url: str) -> None:
    before = asked_of(url, "SELECT count(*), (SELECT count(*) FROM survey) FROM component")

    answer = await sent(client, SURVEYS, rows(GOOD, BAD), name="井盖.csv", dry_run=True, require="maintainer")

    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["dry_run"], found["survey_id"], found["source"]) == (True, None, "井盖.csv")
    assert (found["rows_read"], found["created"], found["refused"]) == (2, 1, 1)
    assert {(row["reason"], row["refused"]) for row in found["reasons"]} == {
        ("code_serial_zero", True), ("no_department", False)
    }  # fmt: skip
    assert [(row["line"], row["lon"]) for row in found["findings"] if row["refused"]] == [(3, 118.18052)]
    assert asked_of(url, "SELECT count(*), (SELECT count(*) FROM survey) FROM component") == before

    (row,) = csv.DictReader(io.StringIO(found["refused_rows"]))
    assert (row["finding_reason"], row["code"], found["refused_rows_cut"]) == (
        "code_serial_zero", "1302030101000000", False
    )  # fmt: skip


def zipped_shapefile(folder: Path) -> bytes:
    codes = np.asarray(["1302030137000101", "13020301370001"], object)
    pyogrio.raw.write(
        folder / "路灯.shp", shapely.to_wkb(shapely.points([118.1812, 118.1813], 39.6303)), [codes], ["code"],
        driver="ESRI Shapefile", geometry_type="Point", crs="EPSG:4490", encoding="GB18030",
    )  # fmt: skip
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as sink:
        for part in folder.iterdir():
            sink.write(part, f"成果/{part.name}")
    return packed.getvalue()


async def test_a_zipped_shapefile_is_imported_and_its_bad_rows_are_kept(
    client: httpx2.AsyncClient, url: str, tmp_path: Path
) -> None:
    answer = await sent(client, SURVEYS, zipped_shapefile(tmp_path), name="成果.zip")

    assert answer.status_code == 201, answer.text
    done = answer.json()
    assert (done["source"], done["crs"], done["created"], done["refused"]) == ("路灯.shp", "EPSG:4490", 1, 1)
    report = (await client.get(f"{SURVEYS}/{done['survey_id']}")).json()
    assert (report["actor"], report["mendable"]) == ("tester/test", True)
    assert asked_of(url, "SELECT actor, subject FROM audit WHERE action = 'survey.import'") == [
        ("tester/test", f"survey {done['survey_id']}")
    ]
    mend = (await client.get(f"{SURVEYS}/{done['survey_id']}/refused.csv")).content.decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(mend))
    assert (row["finding_reason"], row["code"], row["wkt"]) == (
        "code_length", "13020301370001", "POINT (118.1813 39.6303)"
    )  # fmt: skip


async def test_a_file_that_cannot_be_read_is_refused_with_a_sentence(client: httpx2.AsyncClient, folder: Path) -> None:
    broken = await sent(client, SURVEYS, b"PK\x03\x04 and no more", name="lamps.zip")
    unnamed = await sent(client, SURVEYS, rows(GOOD), name="lamps.doc")
    part = await sent(client, GRIDS, b"x", name="lamps.shp", level="unit")
    outside = await sent(client, SURVEYS, rows(GOOD), name="../lamps.csv")
    empty = await sent(client, SURVEYS, b"", name="lamps.csv")
    form = await client.post(SURVEYS, files={"file": ("lamps.csv", rows(GOOD))}, params={"name": "lamps.csv"})

    assert (broken.status_code, broken.json()["detail"][:46]) == (400, "lamps.zip is no zip that can be unpacked, or d")
    assert str(folder) not in broken.text
    assert (unnamed.status_code, part.status_code, outside.status_code) == (400, 400, 422)
    assert ".shp, .shx, .dbf and .prj together as one .zip" in part.json()["detail"]
    assert (empty.status_code, form.status_code) == (400, 415)


async def test_a_file_that_is_too_large_is_refused_whether_it_says_so_or_not(client: httpx2.AsyncClient) -> None:
    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"0" * (MEGABYTE // 2)

    said = await sent(client, SURVEYS, b"0" * (MEGABYTE + 1), name="lamps.csv")
    streamed = await sent(client, GRIDS, unannounced(), name="units.geojson", level="unit")

    for answer in (said, streamed):
        assert answer.status_code == 413
        assert "larger than 1 MB" in answer.json()["detail"]


async def test_only_some_are_worked_on_at_once(address: str) -> None:
    where = urlsplit(address)
    head = {"Host": where.netloc, **FILE, **signed_in(address), "Content-Length": "1"}
    fields = "".join(f"{name}: {value}\r\n" for name, value in head.items())

    async def slowly() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        writer.write(f"POST {SURVEYS}?name=lamps.csv HTTP/1.1\r\n{fields}\r\n".encode())
        return reader, writer

    # three begin and send no more: whichever comes last is turned away
    waiting = {
        asyncio.create_task(reader.readuntil(b"\r\n\r\n")): writer
        for reader, writer in [await slowly() for _ in range(3)]
    }
    async with asyncio.timeout(PATIENCE_S):
        (turned_away,), others = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for other in others:
            waiting[other].write(b"0")
        answers = await asyncio.gather(*others)
    for writer in waiting.values():
        writer.close()
        await writer.wait_closed()

    refused = turned_away.result().decode().lower()
    assert refused.startswith("http/1.1 503 ")
    assert "retry-after: 30\r\n" in refused
    assert [answer[:12] for answer in answers] == [b"HTTP/1.1 400"] * 2


async def test_what_takes_too_long_is_ended(url: str) -> None:
    desk = ImportDesk(Settings(database_url=url, data_dir=Path("/nowhere"), import_limit_s=0.01))  # type: ignore[arg-type]

    with pytest.raises(TookTooLong, match="nothing was kept"):
        await desk.work({"kind": "survey"})


async def test_who_holds_a_role_in_a_part_of_the_city_brings_nothing(address: str, url: str) -> None:
    with psycopg.connect(url) as conn:
        key = bearer(add_key(conn, "of-a-district", "engineer@130203"))
    async with calling(address, key) as client:
        survey = await sent(client, SURVEYS, rows(GOOD), name="lamps.csv")
        grids = await sent(client, GRIDS, b"{}", name="units.geojson", level="unit")
        activated = await client.post(f"{GRIDS}/1/activate", json={})
        mend = await client.get(f"{SURVEYS}/1/refused.csv")

    assert [it.status_code for it in (survey, grids, activated, mend)] == [403, 403, 403, 403]


async def test_grids_are_kept_as_a_draft_and_then_put_in_force(
    client: httpx2.AsyncClient, url: str, tmp_path: Path
) -> None:
    file = partition(tmp_path / "units.geojson", (0, 1), (1, 2.5), (2.5, 4))

    answer = await sent(client, GRIDS, file.read_bytes(), name=file.name, level="unit")

    assert answer.status_code == 201, answer.text
    done = answer.json()
    assert (done["state"], done["grids"], done["blocking"]) == ("draft", 3, 0)
    assert done["findings"]["type"] == "FeatureCollection"
    moved = await client.post(f"{GRIDS}/{done['version_id']}/activate", json={})
    assert moved.status_code == 200, moved.text
    assert moved.json()["moved"]["unit_grids_new"] == 2
    (version,) = (await client.get("/api/v1/grids/versions", params={"level": "unit", "limit": 1})).json()["items"]
    assert version["state"] in {"active", "past"}
    assert asked_of(url, "SELECT DISTINCT actor FROM audit WHERE action LIKE 'grids.%'") == [("tester/test",)]
