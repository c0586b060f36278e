"""Write every dashboard as JSON into `dashboards/json`, the same bytes each time; `--check` only compares.

Example: python -m dashboards.build --check
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from dashboards import city, devices, ingest, patrol, platform

FOLDER = Path(__file__).parent / "json"
DASHBOARDS: tuple[ModuleType, ...] = (city, patrol, devices, ingest, platform)


def documents() -> Mapping[str, str]:
    """Give file name -> text of every dashboard."""
    return {f"{module.UID}.json": _text(module.build(), module.UID) for module in DASHBOARDS}


def _text(built: dashboard.Dashboard, uid: str) -> str:
    """Add what all dashboards share: a fixed uid, panel ids by position, tags, links to the others."""
    links = dashboard.DashboardLink("CityGrid").type(model.DashboardLinkType.DASHBOARDS).tags(["citygrid"])
    shared = (
        built.uid(uid)
        .tags(["citygrid"])
        .timezone("browser")
        .refresh("30s")
        .editable()
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .link(links.keep_time(keep_time=True))
        .build()
    )
    for number, panel in enumerate(shared.panels or (), start=1):
        panel.id_val = number
    return json.dumps(shared, cls=JSONEncoder, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def main() -> int:
    """Write or compare; exit status 1 when `--check` finds a difference."""
    wanted = documents()
    if "--check" in sys.argv[1:]:
        stale = [name for name, text in wanted.items() if not _is_current(FOLDER / name, text)]
        stale += [file.name for file in FOLDER.glob("*.json") if file.name not in wanted]
        for name in sorted(stale):
            sys.stderr.write(f"dashboards/json/{name} is not what dashboards/ builds: run python -m dashboards.build\n")
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


def _is_current(file: Path, text: str) -> bool:
    return file.exists() and file.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
