"""The file of routes changes under a running notifier."""

from pathlib import Path

import pytest

from core.errors import InvalidInput
from runtime.routes_in_force import RoutesInForce
from runtime.settings import Settings

FILE = """
route: {{receiver: {receiver}}}
receivers:
  - {{name: desk, urls: ["json://127.0.0.1:1/desk"]}}
  - {{name: night, urls: ["json://127.0.0.1:1/night"]}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "routes.yaml"
    path.write_text(FILE.format(receiver="desk"))
    return path


@pytest.fixture
def routes(file: Path) -> RoutesInForce:
    return RoutesInForce(Settings(notify_routes=file))


def test_a_changed_file_is_in_force_at_the_next_look(routes: RoutesInForce, file: Path) -> None:
    before = routes.renew()
    assert before.routing.root.receiver == "desk"

    file.write_text(FILE.format(receiver="night"))

    assert routes.renew().routing.root.receiver == "night"


@pytest.mark.parametrize("text", ["route: {receiver: dask}", "route: [", "\udcff", None])
def test_what_is_wrong_or_gone_changes_nothing_until_it_is_mended(
    routes: RoutesInForce, file: Path, text: str | None
) -> None:
    before = routes.renew()
    if text is None:
        file.unlink()
    else:
        file.write_bytes(text.encode("utf-8", "surrogateescape"))

    assert routes.renew() is before
    assert routes.renew() is before

    file.write_text(FILE.format(receiver="night"))
    assert routes.renew().routing.root.receiver == "night"


def test_a_wrong_file_at_the_start_is_refused(file: Path) -> None:
    file.write_text("route: {receiver: dask}")

    with pytest.raises(InvalidInput, match=r"routes\.yaml:1"):
        RoutesInForce(Settings(notify_routes=file))
