"""`citygrid run`: the long-running processes."""

import subprocess
import sys

import typer

from runtime import log, settings

app = typer.Typer(
    no_args_is_help=True, help="Run a process of the platform in the foreground; Ctrl-C ends it in order."
)


def _settings() -> settings.Settings:
    loaded = settings.load()
    log.configure(loaded.log_format, loaded.log_level)
    return loaded


@app.command()
def ingest() -> None:
    """Carry readings from the broker to the database and to incidents. Example: citygrid run ingest."""
    from runtime.ingest_process import run_ingest  # noqa: PLC0415  # a process imports only what it runs

    run_ingest(_settings())


@app.command()
def api() -> None:
    """Serve the HTTP API and the console. Example: CITYGRID_HTTP_PORT=8077 citygrid run api."""
    from runtime.server import run_api  # noqa: PLC0415  # a process imports only what it runs

    run_api(_settings())


@app.command()
def notify() -> None:
    """Send notices of live incidents. Example: CITYGRID_NOTIFY_URLS=json://localhost:9000 citygrid run notify."""
    from runtime.notifier import run_notifier  # noqa: PLC0415  # a process imports only what it runs

    run_notifier(_settings())


@app.command()
def jt808() -> None:
    """Take JT/T 808 terminals (buses, muck trucks) over TCP and publish where they are.

    A report is acknowledged to the terminal after the broker has acknowledged it to us; devices are registered with
    --format jt808 and the phone number as address.

    Examples: citygrid run jt808

    CITYGRID_JT808_HOST=0.0.0.0 CITYGRID_JT808_PORT=7611 citygrid run jt808
    """
    from runtime.bridges.process import run_jt808  # noqa: PLC0415  # a process imports only what it runs

    run_jt808(_settings())


@app.command(name="gtfs-rt")
def gtfs_rt() -> None:
    """Poll GTFS-Realtime feeds of vehicle positions and publish them; devices: --format gtfs_rt, address = vehicle id.

    Examples: CITYGRID_GTFS_RT_FEEDS="tangshan=https://host/vehicles.pb" citygrid run gtfs-rt

    CITYGRID_GTFS_RT_FEEDS="city=https://a/v.pb region=https://b/v.pb?key=..." CITYGRID_GTFS_RT_INTERVAL_S=30
    citygrid run gtfs-rt
    """
    from runtime.bridges.process import run_gtfs_rt  # noqa: PLC0415  # a process imports only what it runs

    run_gtfs_rt(_settings())


@app.command(name="all")
def everything() -> None:
    """Run ingest, api and notify together until one ends or Ctrl-C. Example: citygrid run all."""
    children = [
        subprocess.Popen([sys.executable, "-m", "cli.main", "run", name]) for name in ("ingest", "api", "notify")
    ]
    code = 0
    try:
        while all(child.poll() is None for child in children):
            try:
                children[0].wait(timeout=0.5)
            except subprocess.TimeoutExpired:
                continue
        code = next((child.returncode for child in children if child.returncode), 0)
    except KeyboardInterrupt:
        pass
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait()
    raise typer.Exit(code)
