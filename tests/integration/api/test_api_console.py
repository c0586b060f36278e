"""The console at `/`: its files, its page for its own addresses, and what stands there before it is built."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.integration.api.conftest import calling, serving


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "dist" / "assets").mkdir(parents=True)
    (tmp_path / "dist" / "index.html").write_text("<title>console</title>")
    for page in ("field", "registry", "login", "citizens", "people", "silences"):
        (tmp_path / "dist" / f"{page}.html").write_text(f"<title>{page}</title>")
    (tmp_path / "dist" / "assets" / "app-1a2b.js").write_text("export {}")
    (tmp_path / "secret.txt").write_text("secret")
    return tmp_path / "dist"


@pytest.fixture
def address(shared_city: str, built: Path) -> Iterator[str]:
    with serving(shared_city, console=built) as address:
        yield address


async def test_the_console_says_how_to_build_it_until_it_is_built(api: httpx2.AsyncClient):
    answer = await api.get("/")

    assert answer.status_code == 200
    assert "make console" in answer.text


async def test_the_console_is_served_with_the_right_times_to_live(address: str):
    async with calling(address) as client:
        page, own, script = [await client.get(path) for path in ("/", "/incidents/7", "/assets/app-1a2b.js")]

        assert page.text == own.text == "<title>console</title>"
        assert page.headers["cache-control"] == "no-cache"
        assert "immutable" in script.headers["cache-control"]
        assert script.headers["content-type"].startswith("text/javascript")
        again = await client.get("/", headers={"If-None-Match": page.headers["etag"]})
        assert again.status_code == 304


@pytest.mark.parametrize(
    "path", ["/assets/gone.js", "/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/a%00b.js", "/api/v2/x"]
)
async def test_what_is_not_in_the_console_is_not_found(address: str, path: str):
    async with calling(address) as client:
        answer = await client.get(path)

        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("page", ["field", "registry", "login", "citizens", "people", "silences"])
async def test_each_page_is_served_at_its_address_and_below_it(address: str, page: str):
    async with calling(address) as client:
        answers = [await client.get(path) for path in (f"/{page}", f"/{page}/", f"/{page}/surveys/17.a?lang=en")]

        assert {answer.text for answer in answers} == {f"<title>{page}</title>"}
        assert {answer.headers["cache-control"] for answer in answers} == {"no-cache"}


async def test_an_address_that_only_begins_like_a_page_is_the_consoles(address: str):
    async with calling(address) as client:
        assert (await client.get("/fieldwork")).text == "<title>console</title>"


async def test_only_the_page_in_the_street_may_use_the_camera(address: str):
    async with calling(address) as client:
        policies = [(await client.get(path)).headers["permissions-policy"] for path in ("/field", "/", "/registry")]

        assert policies[0].startswith("camera=(self), geolocation=(self)")
        assert all(policy.startswith("camera=()") for policy in policies[1:])
