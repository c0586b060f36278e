"""`make bench`: every benchmark on services of its own, one table, all figures in build/bench.json.

`python -m tests.bench ingest rules` runs only those. Figures are wall-clock: run it on a machine that has nothing else
to do; each report carries the load it met.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from runtime.services import control
from runtime.services.passwords import BrokerAccount
from tests.own_services import free_port, isolated_settings

DATA_DIR = Path(".citygrid/bench")
BUILD = Path("build")
ORDER = ("ingest", "rules", "backtest", "rollups", "queries", "registry", "survey", "tiles", "map")


def main(chosen: list[str]) -> int:
    """Run the benchmarks; 1 when one of them failed or missed what it must show."""
    names = chosen or list(ORDER)
    if unknown := set(names) - set(ORDER):
        sys.exit(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(ORDER)}")
    tester = BrokerAccount(name="bench", password="bench", reads=("#",), writes=("#",))
    settings = isolated_settings(DATA_DIR, free_port(), free_port())
    control.make_data_dir(DATA_DIR)
    extras = control.Extras(database_settings={"track_commit_timestamp": "on"}, broker_accounts=(tester,))
    control.prepare(settings, _say)
    control.bring_up(settings, _say, extras)
    try:
        superuser = settings.secrets()["database"]["postgres"]
        environment = os.environ | {
            "PYTHONPATH": ".",
            "CITYGRID_TEST_DATABASE_URL": f"postgresql://postgres:{superuser}@127.0.0.1:{settings.database_port}/postgres",
            "CITYGRID_TEST_MQTT_URL": f"mqtt://bench:bench@127.0.0.1:{settings.mqtt_port}",
            "CITYGRID_DATA_DIR": str(DATA_DIR),
            "CITYGRID_DATABASE_PORT": str(settings.database_port),
            "CITYGRID_MQTT_PORT": str(settings.mqtt_port),
        }
        codes = {name: _run(name, environment) for name in names}
    finally:
        control.stop(settings)
    _report(names)
    return int(any(codes.values()))


def _run(name: str, environment: dict[str, str]) -> int:
    _say(f"bench {name} ...")
    if name in {"tiles", "map"}:  # they look at a loaded city
        for step in (["db", "migrate"], ["city", "generate"], ["city", "load"]):
            subprocess.run([sys.executable, "-m", "cli.main", *step], env=environment, check=True, stdout=sys.stderr)
    script = Path(__file__).parent / f"bench_{name}.py"
    return subprocess.run([sys.executable, str(script)], env=environment, check=False, stdout=sys.stderr).returncode


def _report(names: list[str]) -> None:
    """Print one table of every figure and write them all to one file."""
    figures = {
        name: json.loads(file.read_text(encoding="utf-8"))
        for name in names
        if (file := BUILD / f"bench_{name}.json").exists()
    }
    (BUILD / "bench.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    for name, report in figures.items():
        for key, value in _flat(report):
            print(f"{name:9} {key:48} {value:,.3f}" if isinstance(value, float) else f"{name:9} {key:48} {value}")


def _flat(value: Any, key: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [pair for name, inner in value.items() for pair in _flat(inner, f"{key}.{name}" if key else str(name))]
    if isinstance(value, list):
        return [pair for number, inner in enumerate(value) for pair in _flat(inner, f"{key}[{number}]")]
    return [(key, value)]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
