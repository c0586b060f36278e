"""Brings our dashboards to an existing Grafana server, and says whether they are there and can read.

Pushing twice changes nothing: a dashboard whose content is the same is left alone, so Grafana keeps no empty versions.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from grafana_client.api import GrafanaApi
from grafana_client.client import (
    GrafanaBadInputError,
    GrafanaClientError,
    GrafanaException,
    GrafanaUnauthorizedError,
    TokenAuth,
)
from niquests.exceptions import RequestException

from core.errors import Conflict, InvalidInput, Unavailable

SHIPPED = Path(__file__).parents[1] / "dashboards" / "json"
FOLDER_UID = "citygrid"
FOLDER_TITLE = "CityGrid"
DATASOURCE_UID = "citygrid"
TIMEOUT_S = 10.0

Outcome = Literal["created", "updated", "unchanged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What became of one dashboard."""

    uid: str
    title: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing a working installation needs, and how it stands."""

    subject: str
    is_good: bool
    detail: str


def dashboards(folder: Path = SHIPPED) -> tuple[dict[str, Any], ...]:
    """Read the dashboards in `folder`; raises `InvalidInput` when there are none, or one has no uid."""
    files = sorted(folder.glob("*.json"))
    if not files:
        raise InvalidInput(f"{folder} holds no dashboards: name the folder with --from")
    documents: list[dict[str, Any]] = []
    for file in files:
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise InvalidInput(f"{file} is not JSON: {error}") from error
        if not isinstance(document, dict) or not document.get("uid") or not document.get("title"):
            raise InvalidInput(f"{file} is no dashboard with a uid and a title")
        documents.append(document)
    return tuple(documents)


def push(url: str, token: str, documents: Sequence[Mapping[str, Any]]) -> list[Pushed]:
    """Make the folder when it is missing and bring every dashboard up to date.

    Raises: `InvalidInput` on a wrong address or token; `Conflict` when Grafana refuses a dashboard; `Unavailable`.
    """
    api = _connect(url, token)
    if _ask(url, lambda: api.folder.get_folder(FOLDER_UID)) is None:
        _ask(url, lambda: api.folder.create_folder(FOLDER_TITLE, uid=FOLDER_UID))
    return [_push_one(api, url, document) for document in documents]


def check(url: str, token: str, documents: Sequence[Mapping[str, Any]]) -> list[Check]:
    """Say of the data source, the folder and each dashboard whether it is there and as shipped."""
    api = _connect(url, token)
    folder = _ask(url, lambda: api.folder.get_folder(FOLDER_UID))
    there = "there" if folder else "missing: run `citygrid grafana push`"
    checks = [_check_source(api, url), Check(subject=f"folder {FOLDER_UID}", is_good=folder is not None, detail=there)]
    for document in documents:
        found = _find(api, url, str(document["uid"]))
        same = found is not None and _is_same(found, document)
        detail = "as shipped" if same else "differs: run `citygrid grafana push`" if found else "missing"
        checks.append(Check(subject=f"dashboard {document['uid']}", is_good=same, detail=detail))
    return checks


def _push_one(api: GrafanaApi, url: str, document: Mapping[str, Any]) -> Pushed:
    uid, title = str(document["uid"]), str(document["title"])
    found = _find(api, url, uid)
    if found is not None and _is_same(found, document):
        return Pushed(uid=uid, title=title, outcome="unchanged")
    body = {
        "dashboard": {**document, "id": None},
        "folderUid": FOLDER_UID,
        "overwrite": True,
        "message": "citygrid grafana push",
    }
    _ask(url, lambda: api.dashboard.update_dashboard(body))
    return Pushed(uid=uid, title=title, outcome="updated" if found else "created")


def _check_source(api: GrafanaApi, url: str) -> Check:
    subject = f"data source {DATASOURCE_UID}"
    if _ask(url, lambda: api.datasource.get_datasource_by_uid(DATASOURCE_UID)) is None:
        detail = "missing: provision dashboards/provisioning/datasources/citygrid.yaml, or add it with this uid"
        return Check(subject=subject, is_good=False, detail=detail)
    try:
        health = api.datasource.health(DATASOURCE_UID)
    except (GrafanaBadInputError, GrafanaClientError) as error:
        response = error.response
        said = str(response.get("message", response) if isinstance(response, dict) else response)
        return Check(subject=subject, is_good=False, detail=f"cannot read the database: {said}")
    return Check(subject=subject, is_good=health.get("status") == "OK", detail=str(health.get("message", "")))


def _find(api: GrafanaApi, url: str, uid: str) -> dict[str, Any] | None:
    return _ask(url, lambda: api.dashboard.get_dashboard(uid))


def _is_same(found: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    """Whether the stored dashboard is this one in our folder; Grafana's own id and version do not count."""
    stored = {key: value for key, value in found["dashboard"].items() if key not in {"id", "version"}}
    wanted = {key: value for key, value in document.items() if key not in {"id", "version"}}
    return stored == wanted and found.get("meta", {}).get("folderUid") == FOLDER_UID


def _connect(url: str, token: str) -> GrafanaApi:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidInput(f"{url!r} is not the address of a Grafana server: write http://host:3000")
    if not token:
        raise InvalidInput("a Grafana token is needed: --token, or CITYGRID_GRAFANA_TOKEN in the environment")
    return GrafanaApi.from_url(url.rstrip("/") + "/", credential=TokenAuth(token), timeout=TIMEOUT_S)


def _ask(url: str, call: Callable[[], Any]) -> Any:
    """Give the answer, or None for "no such thing"; what else goes wrong becomes one sentence."""
    try:
        return call()
    except GrafanaUnauthorizedError as error:
        raise InvalidInput(
            f"Grafana at {url} does not accept the token (401): make a service account token with role Editor"
        ) from error
    except GrafanaBadInputError as error:
        raise Conflict(f"Grafana at {url} refused what was sent: {error.response}") from error
    except GrafanaClientError as error:
        if error.status_code == 404:
            return None
        if error.status_code == 403:
            raise InvalidInput(f"the token may not do this at {url} (403): it needs role Editor") from error
        raise Conflict(f"Grafana at {url}: {error.message}") from error
    except (GrafanaException, RequestException) as error:
        raise Unavailable(f"Grafana at {url} does not answer ({type(error).__name__})") from error
