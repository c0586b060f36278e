"""`citygrid simulate`: play simulated devices, record any feed, replay a recording."""

import json
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from core.errors import InvalidInput
from runtime import log, settings, simulation
from runtime.settings import Settings
from runtime.simulation import Replay, Run
from simulators.recorder import Job
from wire import topics

app = typer.Typer(no_args_is_help=True, help="Simulated devices over real MQTT; recording and replaying any feed.")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document at the end.")]
Url = Annotated[
    str | None, typer.Option("--url", help="Broker to use, with its account: mqtt://user:password@host:1883.")
]


@app.command()
def run(  # typer: one argument an option
    fleet: Annotated[Path | None, typer.Option(help="Device list; default: the city's devices.csv.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same start: same feed, byte for byte.")] = 1,
    duration: Annotated[float | None, typer.Option(min=0.1, help="Seconds; without it until Ctrl-C.")] = None,
    rate_scale: Annotated[float, typer.Option(min=0.01, max=1000, help="Multiplies every reporting rate.")] = 1.0,
    scenario: Annotated[str, typer.Option(help="Shipped scenario (demo, healthy), or a file.")] = "demo",
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Publish what a fleet of devices measures, with labelled faults, as the districts' gateways.

    Ground truth of the faults goes to simulate/faults.jsonl in the data directory.

    Example: citygrid simulate run --duration 60 --rate-scale 2 --scenario healthy
    """
    config = _settings()
    job = Run(
        fleet_file=fleet or config.data_dir / "city" / "devices.csv",
        scenario=scenario,
        seed=seed,
        duration_s=duration,
        rate_scale=rate_scale,
        start_epoch_s=round(time.time(), 3),
        url_of=_accounts(config, url),
    )
    with _progress("published") as tick:
        result = simulation.until_interrupted(lambda stop: simulation.run_feed(config, job, stop, tick))
    _tell(result, as_json=as_json)


@app.command()
def record(
    file: Annotated[Path, typer.Argument(help="Where to; a name that ends in .gz is compressed.")],
    topic: Annotated[str, typer.Option(help="Topic filter to record.")] = f"{topics.ROOT}/#",
    duration: Annotated[float | None, typer.Option(min=0.1, help="Seconds; without it until Ctrl-C.")] = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Record any feed from the broker to a file: one JSON line a message, exact bytes.

    Example: citygrid simulate record morning.ndjson.gz --topic 'citygrid/v1/130203/#' --duration 600
    """
    config = _settings()
    if not file.parent.is_dir():
        raise InvalidInput(f"there is no folder {file.parent}")
    job = Job(file=file, topic_filter=topic, started=datetime.now(UTC), duration_s=duration)
    address = url or config.broker_url("recorder")
    with _progress("recorded") as tick:
        result = simulation.until_interrupted(lambda stop: simulation.record(address, job, stop, tick))
    _tell(result, as_json=as_json)


@app.command()
def replay(  # typer: one argument an option
    file: Annotated[Path, typer.Argument(help="A recording.")],
    speed: Annotated[float, typer.Option(min=0.001, max=100_000, help="Times as fast as it was.")] = 1.0,
    shift: Annotated[
        Literal["now", "none"], typer.Option(help="now: times follow the clock; none: times stay as they were.")
    ] = "now",
    loop: Annotated[bool, typer.Option("--loop", help="Again and again, until Ctrl-C.")] = False,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Publish a recording again, marked as replayed; all else stays byte for byte.

    Example: citygrid simulate replay morning.ndjson.gz --speed 10 --shift now
    """
    config = _settings()
    job = Replay(
        file=file,
        speed=speed,
        is_shifted=shift == "now",
        loop=loop,
        url_of=_accounts(config, url),
        is_one_account=url is not None,
    )
    with _progress("replayed") as tick:
        result = simulation.until_interrupted(lambda stop: simulation.replay_file(job, stop, tick))
    _tell(result, as_json=as_json)


def _settings() -> Settings:
    loaded = settings.load()
    log.configure(loaded.log_format, loaded.log_level)
    return loaded


def _accounts(config: Settings, url: str | None) -> Callable[[str], str]:
    return config.broker_url if url is None else lambda _: url


@contextmanager
def _progress(verb: str) -> Generator[Callable[[int], None]]:
    """Show a count on standard error when it is a terminal."""
    columns = SpinnerColumn(), TextColumn("{task.description} {task.completed:,}"), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(verb, total=None)
        yield lambda count: progress.update(task, completed=count)


def _tell(result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(result))
        return
    print(", ".join(f"{key.replace('_', ' ')} {value}" for key, value in result.items()))
