"""Offline documentation at `/api/docs`: every operation, its parameters and an example; every kind of problem.

Written from the OpenAPI description at start; no script and nothing from elsewhere.
"""

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse

from api.problems import KINDS

router = APIRouter(include_in_schema=False)

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a2530;background:#fff}
h2{margin-top:2.5rem;border-bottom:1px solid #cdd6de}h3{margin-bottom:.2rem}
code,pre{font:13px/1.45 ui-monospace,monospace}
pre{background:#f3f6f8;padding:.7rem;overflow:auto;border-radius:4px}table{border-collapse:collapse}
td,th{text-align:left;vertical-align:top;padding:.15rem 1rem .15rem 0}
.verb{display:inline-block;min-width:3.2rem;font-weight:700}
@media(prefers-color-scheme:dark){body{color:#dde5ec;background:#10161c}pre{background:#1a232c}h2{border-color:#33424f}
a{color:#7db7e8}}
"""


@router.get("/api/docs")
async def get_docs(request: Request) -> HTMLResponse:
    """Give the page."""
    app: FastAPI = request.app
    return HTMLResponse(page(app.openapi()), headers={"Cache-Control": "no-cache"})


def page(schema: Mapping[str, Any]) -> str:
    """Give the documentation of an OpenAPI description as one HTML page."""
    parts = [
        (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<title>CityGrid API</title><style>{STYLE}</style>"
            f"<h1>{escape(schema['info']['title'])} API {escape(schema['info']['version'])}</h1>"
            f"<p>{escape(schema['info']['description'])}</p>"
            '<p><a href="/api/openapi.json">OpenAPI description</a> (for client generators and API browsers)</p>'
        )
    ]
    for tag in schema["tags"]:
        parts.append(f'<h2 id="{escape(tag["name"])}">{escape(tag["name"])}</h2><p>{escape(tag["description"])}</p>')
        parts.extend(
            _operation(method, path, operation)
            for path, operations in schema["paths"].items()
            for method, operation in operations.items()
            if tag["name"] in operation.get("tags", [])
        )
    parts.append(_problems())
    return "".join(parts) + "</html>"


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(item['name'])}</code>{'*' if item.get('required') else ''}</td>"
        f"<td>{escape(item['in'])}</td><td>{escape(item.get('description', ''))}</td></tr>"
        for item in operation.get("parameters", [])
    )
    table = f"<table>{rows}</table>" if rows else ""
    content = operation["responses"].get("200", {}).get("content", {})
    example = next((media["example"] for media in content.values() if "example" in media), None)
    shown = example if isinstance(example, str) else json.dumps(example, ensure_ascii=False, indent=1)
    answer = f"<pre>{escape(shown)}</pre>" if example else ""
    sent = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
    body = f"<p>Body:</p><pre>{escape(json.dumps(sent, ensure_ascii=False, indent=1))}</pre>" if sent else ""
    return (
        f'<h3 id="{escape(operation["operationId"])}"><span class="verb">{method.upper()}</span> '
        f"<code>{escape(path)}</code></h3><p>{escape(operation.get('description', ''))}</p>{table}{body}{answer}"
    )


def _problems() -> str:
    return '<h2 id="problems">problems</h2>' + "".join(
        f'<h3 id="problem-{kind.name}">{kind.status} {escape(kind.title)}</h3><p>{escape(kind.advice)}</p>'
        for kind in KINDS.values()
    )
