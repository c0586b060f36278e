"""Every module is pure by contract or does I/O, and one that does I/O shows it: nothing stands between."""

import importlib.util

from tests.architecture.tree import CONTRACTS, PACKAGES, Module, modules

PURE: list[str] = CONTRACTS["pure"]["source_modules"]
IO_LIBRARIES = frozenset(CONTRACTS["pure"]["forbidden_modules"])
IO_WITHOUT_A_LIBRARY = {
    "components_registry.layerfile": "reads survey layers",
    "components_registry.mending": "writes the rows that were refused",
    "components_registry.workbook": "reads survey workbooks",
    "components_registry.reading": "reads survey files",
    "ingest.load_directory": "reads the registry",
    "simulators.city.generate": "writes the city's files",
    "simulators.launch": "reads the city's files",
    "simulators.ledger": "writes what was sent",
    "people.tokens": "draws random tokens",
    "storage.locks": "names the database's advisory locks",
    "runtime.demo.report": "speaks of what runtime.demo.count counted in the database",
    "storage.layers.city": "names what storage.queries reads",
    "storage.layers.formats": "writes files",
    "api.acting": "speaks of who api.principal found to ask",
    "api.scope": "speaks of who api.principal found to ask",
    "api.description": "describes the problems of api.problems",
    "api.ogc.asked": "reads a request's parameters into what storage.layers asks",
    "api.ogc.documents": "describes the layers of storage.layers",
    "api.ogc.openapi": "describes the routes of api.routes.ogc",
    "api.ogc.systems": "names the coordinate systems of storage.layers",
    "api.ogc.tilesets": "describes the tiles of storage.tiles",
}


def is_pure(module: Module) -> bool:
    return any(module.name == pure or module.name.startswith(f"{pure}.") for pure in PURE)


def does_io(module: Module) -> bool:
    top = module.name.partition(".")[0]
    return top in {"cli", "runtime"} or bool(module.imports() & IO_LIBRARIES) or module.name in IO_WITHOUT_A_LIBRARY


def is_empty(module: Module) -> bool:
    return module.path.name == "__init__.py" and len(module.tree.body) <= 1


def test_a_module_is_in_the_pure_contract_or_does_io() -> None:
    undeclared = [
        module.name
        for module in modules(*PACKAGES)
        if not is_empty(module) and not is_pure(module) and not does_io(module)
    ]

    assert undeclared == [], "add it to the contract `pure` in pyproject.toml, or say here what it reads or writes"


def test_every_pure_module_exists() -> None:
    assert [name for name in PURE if importlib.util.find_spec(name) is None] == []


def test_every_exception_is_still_needed() -> None:
    names = {module.name for module in modules(*PACKAGES)}

    assert set(IO_WITHOUT_A_LIBRARY) - names == set()
