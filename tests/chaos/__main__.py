"""`make chaos`: breaks things under full load and counts. See `--help`."""

import argparse
import json
import random
import shutil
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from tests.chaos.catalogue import FAULTS
from tests.chaos.fault import Fault
from tests.chaos.scene import Load, Outcome, Scene
from tests.chaos.stage import Stage, staged

ROOT = Path(__file__).parents[2]
OUT = ROOT / "build" / "chaos.json"
DEVICES = 5_000
CALM_S, SHORTEST_CALM = 4.0, 0.25
JUDGED = ("lost", "doubled", "unexplained", "altered")
EXAMPLE = """
examples:
  make chaos                                             every fault once, some twenty minutes
  make chaos ARGS="ingest_killed database_away --rate 2000 --scale 0.1"
  python -m tests.chaos --rounds 3 --seed 7 --json
"""


def main() -> int:
    """Run the faults asked for; 0 when nothing was lost, doubled, unexplained, altered or left unsaid."""
    options = arguments()
    console = Console(stderr=True)
    if options.list:
        for one in FAULTS:
            print(f"{one.name:32} {one.tells}")
        return 0
    chosen = [one for one in FAULTS if one.name in options.faults] if options.faults else list(FAULTS)
    calm_s = CALM_S * min(1, max(options.scale, SHORTEST_CALM))
    load = Load(rate=options.rate, scale=options.scale, before_s=calm_s, after_s=calm_s)
    skipped = {one.name: reason for one in chosen if (reason := one.lacks())}
    started = time.monotonic()
    outcomes: list[Outcome] = []
    rng = random.Random(options.seed)
    columns = (
        SpinnerColumn(),
        BarColumn(20),
        TextColumn("{task.completed}/{task.total} {task.description}"),
        TimeElapsedColumn(),
    )
    todo = [one for _ in range(options.rounds) for one in chosen if one.name not in skipped]
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("starting PostgreSQL and Mosquitto", total=len(todo))
        with staged(options.data_dir, DEVICES) as stage:
            for number, one in enumerate(todo):
                progress.update(task, description=f"{one.name}: {one.tells}")
                scene = Scene(stage, one.name, number, load, random.Random(rng.random()))
                scene.say = lambda words, name=one.name: progress.update(task, description=f"{name}: {words}")
                outcomes.append(play(one, scene, stage))
                progress.console.print(line(outcomes[-1]), highlight=False)
                progress.advance(task)
            if options.keep_logs:
                shutil.copytree(stage.folder / "logs", options.keep_logs, dirs_exist_ok=True)
    report = summary(outcomes, skipped, options)
    report["seconds"] = round(time.monotonic() - started)
    OUT.parent.mkdir(exist_ok=True)
    full = report | {"outcomes": [asdict(one) for one in outcomes]}
    OUT.write_text(json.dumps(full, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(full if options.json else report))
    return report["status"]


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="make chaos", description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "faults",
        nargs="*",
        choices=[[], *(one.name for one in FAULTS)],
        metavar="fault",
        help="default: all; --list names them",
    )
    parser.add_argument("--list", action="store_true", help="list the faults")
    parser.add_argument("--rounds", type=int, default=1, help="how often each (default 1)")
    parser.add_argument("--rate", type=float, default=10_000, help="messages a second (default 10,000)")
    parser.add_argument("--scale", type=float, default=1.0, help="outages and bursts as a share of the full length")
    parser.add_argument("--seed", type=int, default=1, help="of every random moment (default 1)")
    parser.add_argument("--json", action="store_true", help="the last line has each outcome in full")
    parser.add_argument("--data-dir", type=Path, default=ROOT / ".citygrid" / "chaos", help="deleted at the end")
    parser.add_argument("--keep-logs", type=Path, help="copy the logs here")
    return parser.parse_args()


def play(one: Fault, scene: Scene, stage: Stage) -> Outcome:
    """Run one fault to its verdict; whatever breaks becomes its outcome."""
    outcome, started = scene.outcome, time.monotonic()
    try:
        one.run(scene)
        scene.finish()
        outcome.unsaid = sorted(one.says - scene.said())
    except (AssertionError, TimeoutError, RuntimeError, OSError) as error:
        outcome.broken = f"{type(error).__name__}: {error}"
    finally:
        scene.close()
        stage.up()
    outcome.seconds = round(time.monotonic() - started, 1)
    return outcome


def line(outcome: Outcome) -> str:
    """Give an outcome in one line for people."""
    counts = ", ".join(f"{name} {outcome.total(name):,}" for name in ("sent", "acknowledged", "stored", *JUDGED))
    mark = "[green]ok[/]" if good(outcome) else "[bold red]BAD[/]"
    unsaid = f" [red]log does not say: {', '.join(outcome.unsaid)}[/]" if outcome.unsaid else ""
    broken = f" [red]{outcome.broken}[/]" if outcome.broken else ""
    return f"{mark} {outcome.fault} ({outcome.seconds:.0f} s): {counts} {outcome.measured}{unsaid}{broken}"


def good(outcome: Outcome) -> bool:
    """Whether nothing is wrong with it."""
    return not (outcome.broken or outcome.unsaid or any(outcome.total(name) for name in JUDGED))


def summary(outcomes: list[Outcome], skipped: dict[str, str], options: argparse.Namespace) -> dict[str, Any]:
    """Give the last line."""
    survived: dict[str, int] = {}
    for outcome in outcomes:
        survived[outcome.fault] = survived.get(outcome.fault, 0) + good(outcome)
    costs = [
        one.measured[name]
        for one in outcomes
        for name in ("broker_kill_lost_without_republish",)
        if name in one.measured
    ]
    return {
        "faults": survived,
        **{
            name: sum(one.total(name) for one in outcomes)
            for name in ("sent", "acknowledged", "stored", "dead_lettered", *JUDGED)
        },
        "broker_kill_lost_without_republish": costs,
        "recovered_s": {one.fault: one.measured["recovered_s"] for one in outcomes if "recovered_s" in one.measured},
        "failed": {one.fault: one.broken or one.unsaid for one in outcomes if not good(one)},
        "skipped": skipped,
        "rate": options.rate,
        "scale": options.scale,
        "seed": options.seed,
        "status": int(not outcomes or not all(good(one) for one in outcomes)),
    }


if __name__ == "__main__":
    sys.exit(main())
