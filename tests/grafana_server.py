"""A small HTTP server that answers the part of Grafana's API we use, keeps what it is sent, and writes down every call.

A protocol peer, after Grafana's HTTP API reference: folders, dashboards by uid, data sources by uid and their health.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

EDITOR = "glsa_editor"
VIEWER = "glsa_viewer"


@dataclass(slots=True)
class State:
    """What the server holds, and what it was asked."""

    folders: dict[str, str] = field(default_factory=dict[str, str])
    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    folder_of: dict[str, str] = field(default_factory=dict[str, str])
    sources: dict[str, str] = field(default_factory=dict[str, str])
    calls: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    address: str = ""
    prefix: str = ""


@contextmanager
def grafana(prefix: str = "") -> Iterator[State]:
    """Run the server on a free port of this machine; `prefix` is a path it is served under, like `/grafana`."""
    state = State(prefix=prefix)

    class Handler(_Handler):
        pass

    Handler.state = state
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{server.server_address[1]}{prefix}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    state: State

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
        """Say nothing."""

    def _answer(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.removeprefix(self.state.prefix)
        self.state.calls.append((method, path))
        status, content = self._decide(method, path, json.loads(body) if body else {})
        payload = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def _decide(self, method: str, path: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in {EDITOR, VIEWER}:
            return 401, {"message": "Invalid API key"}
        if method == "POST" and token == VIEWER:
            return 403, {"message": "You'll need additional permissions"}
        return self._route(method, tuple(path.strip("/").split("/")), body)

    def _route(  # noqa: PLR0911  # one line an endpoint
        self, method: str, parts: tuple[str, ...], body: Mapping[str, Any]
    ) -> tuple[int, dict[str, Any]]:
        match method, parts:
            case "GET", ("api", "folders", uid):
                title = self.state.folders.get(uid)
                return (200, {"uid": uid, "title": title}) if title else (404, {"message": "folder not found"})
            case "POST", ("api", "folders"):
                self.state.folders[body["uid"]] = body["title"]
                return 200, dict(body)
            case "GET", ("api", "dashboards", "uid", uid):
                return self._dashboard(uid)
            case "POST", ("api", "dashboards", "db"):
                return self._save(body)
            case "GET", ("api", "datasources", "uid", uid):
                return (200, {"uid": uid}) if uid in self.state.sources else (404, {"message": "not found"})
            case "GET", ("api", "datasources", "uid", uid, "health"):
                status = self.state.sources[uid]
                return (200 if status == "OK" else 400), {"status": status, "message": f"it said {status}"}
            case _:
                return 500, {"message": f"the peer does not know {method} {parts}"}

    def _dashboard(self, uid: str) -> tuple[int, dict[str, Any]]:
        if uid not in self.state.dashboards:
            return 404, {"message": "Dashboard not found"}
        meta = {"folderUid": self.state.folder_of[uid]}
        return 200, {"dashboard": self.state.dashboards[uid], "meta": meta}

    def _save(self, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        document = dict(body["dashboard"])
        uid = document["uid"]
        if body["folderUid"] not in self.state.folders:
            return 400, {"message": "folder not found"}
        version = self.state.dashboards.get(uid, {}).get("version", 0) + 1
        if version > 1 and not body.get("overwrite"):
            return 412, {"message": "version-mismatch", "status": "version-mismatch"}
        number = sorted({*self.state.dashboards, uid}).index(uid) + 1
        self.state.dashboards[uid] = {**document, "id": number, "version": version}
        self.state.folder_of[uid] = body["folderUid"]
        return 200, {"uid": uid, "status": "success", "version": version}
