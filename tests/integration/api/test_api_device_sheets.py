"""Many devices over HTTP: a sheet is checked, loaded, and what was refused comes back; labels as PDF."""

import httpx2
import psycopg
import pypdfium2
import zxingcpp

from tests.integration.api.city import CODES

BULK = "/api/v1/devices/bulk"
CSV = {"Content-Type": "text/csv"}
SHEET = f"""标签,设备类型,部件编码
MC-N1,manhole_cover,{CODES[5]}
MC-N2,manhole_cover,1302030101999999
MC-N1,manhole_cover,{CODES[4]}
MC-N3,streetlight,{CODES[5]}
""".encode("gb18030")


def count(city: str) -> int:
    with psycopg.connect(city) as conn:
        row = conn.execute("SELECT count(*) FROM device WHERE label LIKE 'MC-N%'").fetchone()
        assert row
        return row[0]


async def test_a_sheet_is_loaded_but_for_its_bad_rows_which_come_back(own_api: httpx2.AsyncClient, city: str):
    tried = (await own_api.post(BULK, content=SHEET, headers=CSV, params={"dry_run": True})).json()
    kept = count(city)
    done = (await own_api.post(BULK, content=SHEET, headers=CSV)).json()

    assert kept == 0
    assert {**tried, "dry_run": False} == done
    assert (done["read"], done["registered"], done["refused"]) == (4, 1, 3)
    assert [(finding["line"], finding["reason"]) for finding in done["findings"]] == [
        (3, "unknown_component"),
        (4, "duplicate_in_file"),
        (5, "wrong_class"),
    ]
    assert done["refused_rows"].splitlines()[1].endswith("MC-N2,manhole_cover,1302030101999999")
    assert count(city) == 1


async def test_a_sheet_of_another_type_or_too_large_is_refused(api: httpx2.AsyncClient):
    as_json = await api.post(BULK, json={})
    large = await api.post(BULK, content=b"x" * (4 * 1024 * 1024 + 1), headers=CSV)

    assert (as_json.status_code, large.status_code) == (415, 413)


async def test_the_labels_of_registered_devices_open_the_page_in_the_street(api: httpx2.AsyncClient):
    device = (await api.get("/api/v1/devices", params={"profile": "manhole_cover"})).json()["items"][0]["label"]
    answer = await api.get("/api/v1/devices/labels.pdf", params={"label": device})

    assert answer.headers["content-type"] == "application/pdf"
    page = pypdfium2.PdfDocument(answer.content)[0]
    (code,) = zxingcpp.read_barcodes(page.render(scale=4, grayscale=True).to_numpy().squeeze())
    assert code.text == f"{str(api.base_url).rstrip('/')}/field?label={device}"
    assert (await api.get("/api/v1/devices/labels.pdf", params={"label": "NOBODY"})).status_code == 404
