"""Serves the built pages: files as they are, `/field` and the like their page, every other path the console."""

from collections.abc import Mapping
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.convertors import StringConvertor, register_url_convertor

from api.services import Use
from core.errors import NotFound

router = APIRouter(include_in_schema=False)

PAGE = "index.html"
PAGES = frozenset({"field", "registry", "login", "citizens", "people", "silences"})
"""Pages beside the console, each at its name and below it; the same names as in console/vite.config.ts."""
HASHED = "assets"
"""Folder of files whose names change with their content."""
FOREVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
MORE: Mapping[str, Mapping[str, str]] = {
    "field": {"Permissions-Policy": "camera=(self), geolocation=(self), microphone=(), payment=(), usb=()"},
}
"""Headers of one page alone: `/field` reads labels with the camera and says where the phone is."""


class PageConvertor(StringConvertor):
    """Any path but those of the API: what is missing there is answered there, with the methods it does have."""

    regex = "(?!(?:api|ogc)/|(?:healthz|readyz|metrics)).*"


register_url_convertor("page", PageConvertor())

NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>CityGrid</title>
<style>body{font:16px/1.6 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}</style>
<h1>CityGrid</h1>
<p>The API is running, but the console has not been built yet. Build it with</p>
<pre>make console</pre>
<p>and load this page again. Meanwhile: <a href="/api/docs">the API's documentation</a>, <a href="/api/v1/summary">the
city in counts</a>.</p>
<p lang="zh-CN">接口已在运行，但控制台页面尚未构建。请运行 <code>make console</code> 后刷新本页。</p>
</html>
"""


@router.get("/{path:page}")
async def get_console(path: str, request: Request, services: Use) -> Response:
    """Give a built file, or the page an address belongs to."""
    if not (services.console / PAGE).is_file():
        if path:
            raise NotFound(f"There is nothing at /{path}.")
        return HTMLResponse(NOT_BUILT, headers={"Cache-Control": "no-store"})
    file = _file(services.console, path)
    below_page = path.partition("/")[0] in PAGES  # where a dot is in a name: /people/accounts/li.na
    if file is None and not below_page and "." in path.rpartition("/")[2]:
        raise NotFound(f"There is nothing at /{path}.")
    if file is None:
        file = _page(services.console, path)
    kept = FOREVER if path.startswith(f"{HASHED}/") else ASK_AGAIN
    headers = {"Cache-Control": kept, **MORE.get(file.stem if file.suffix == ".html" else "", {})}
    response = FileResponse(file, headers=headers, stat_result=file.stat())
    if response.headers.get("etag") and request.headers.get("if-none-match") == response.headers["etag"]:
        return Response(status_code=304, headers={"ETag": response.headers["etag"], "Cache-Control": kept})
    return response


def _page(folder: Path, path: str) -> Path:
    """Give the page whose address this is, or is below."""
    name = path.partition("/")[0]
    return folder / (f"{name}.html" if name in PAGES else PAGE)


def _file(folder: Path, path: str) -> Path | None:
    """Give the file at `path` inside `folder`, never one outside it."""
    if "\0" in path:
        return None
    file = (folder / path).resolve()
    return file if file.is_relative_to(folder.resolve()) and file.is_file() else None
