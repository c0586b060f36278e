"""Builds the HTTP application from `Services`: routers, problems, middleware; no globals."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.gzip import GZipMiddleware

from api import console, docs, problems
from api.access import admit
from api.authentication import authenticate
from api.caching import GZIP_LEVEL
from api.description import describe
from api.guard import Guard, SecurityHeaders
from api.observe import Observe
from api.parameters import operations, require_known, require_media
from api.routes import (
    accounts,
    aggregate,
    audit,
    catalogue,
    claims,
    codes,
    commands,
    components,
    coverage,
    dead_letters,
    departments,
    device_about,
    device_certificates,
    device_health,
    device_life,
    device_sheets,
    device_types,
    devices,
    events,
    explanations,
    exports,
    grid_imports,
    grid_versions,
    grids,
    health,
    incident_actions,
    incidents,
    kpi,
    me,
    notices,
    ogc,
    ogc_tiles,
    ownership,
    public_places,
    readings,
    registration,
    rules,
    search,
    session,
    session_oidc,
    silences,
    stream,
    summary,
    survey_imports,
    surveys,
    tiles,
    unknown_devices,
    within,
)
from api.services import Services

PREFIX = "/api/v1"
VERSION = "1.0.0"
"""Of the API, not of the program: grows by SemVer with what `openapi.json` promises."""
ROUTERS = (
    catalogue,
    codes,
    surveys,
    survey_imports,
    departments,
    ownership,
    registration,
    device_sheets,
    within,
    components,
    search,
    devices,
    device_life,
    device_about,
    device_certificates,
    device_health,
    device_types,
    coverage,
    unknown_devices,
    commands,
    claims,
    readings,
    aggregate,
    events,
    grid_versions,
    grid_imports,
    grids,
    incident_actions,
    incidents,
    explanations,
    exports,
    rules,
    kpi,
    silences,
    notices,
    dead_letters,
    stream,
    summary,
    tiles,
    public_places,
    session,
    session_oidc,
    me,
    accounts,
    audit,
)

GZIP_FROM_BYTES = 1024

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(services: Services, lifespan: Lifespan | None = None) -> FastAPI:
    """Give the application; `lifespan` opens and closes what `services` stands on."""
    app = _bare_app(lifespan)
    app.state.services = services
    app.state.operations = operations(app.openapi())
    templates = {name: operation.template for name, operation in app.state.operations.items()}
    app.add_middleware(GZipMiddleware, minimum_size=GZIP_FROM_BYTES, compresslevel=GZIP_LEVEL)
    app.add_middleware(Guard, hosts=services.hosts)
    app.add_middleware(Observe, report=services.observe, templates=templates)
    app.add_middleware(SecurityHeaders)
    return app


def describe_api() -> dict[str, Any]:
    """Give the OpenAPI description without anything running."""
    return _bare_app(None).openapi()


def _bare_app(lifespan: Lifespan | None) -> FastAPI:
    app = FastAPI(
        title="CityGrid",
        version=VERSION,
        docs_url=None,  # both would load scripts from elsewhere; `api.docs` works offline
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=lifespan,
        generate_unique_id_function=_operation_id,
        dependencies=[Depends(authenticate), Depends(admit), Depends(require_known), Depends(require_media)],
        redirect_slashes=False,
        strict_content_type=True,
    )
    for module in ROUTERS:
        app.include_router(module.router, prefix=PREFIX)
    app.include_router(ogc.router)
    app.include_router(ogc_tiles.router)
    app.include_router(health.router)
    app.include_router(docs.router)
    app.include_router(console.router)
    problems.install(app)
    _complete_description(app)
    return app


def _operation_id(route: APIRoute) -> str:
    """Name an operation after its function: stable, and what a generated client will call it."""
    return route.name


def _complete_description(app: FastAPI) -> None:
    plain = app.openapi
    kept: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not kept:
            kept.update(describe(plain()))
        return kept

    app.openapi = openapi
