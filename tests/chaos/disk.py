"""The disk of the database is full: PostgreSQL on a small file system of its own that is filled and freed again."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.errors import PlatformError
from runtime.services.account import account_for
from tests.chaos.fault import Fault, fault
from tests.chaos.scene import Scene
from tests.chaos.stage import Stage, read_log, wait_until

SIZE_MB = 1500
LEFT_BYTES = 6 << 20
FULL_S = 20.0
WORDS = "No space left on device"


def no_small_disk() -> str:
    """Say why no file system can be mounted here."""
    if os.geteuid() != 0:
        return "mounting a small file system needs root"
    probe = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/mnt"],
        capture_output=True,
        text=True,
        check=False,
    )
    return probe.stderr.strip() if probe.returncode else ""


@contextmanager
def small_disk(scene: Scene) -> Iterator[Stage]:
    """Give a stage of its own whose PostgreSQL has little room."""
    folder = scene.stage.folder.with_name(scene.stage.folder.name + "-disk")
    place = folder / "postgres"
    account = account_for(place)
    place.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    options = f"size={SIZE_MB}m,mode=0700,uid={account.uid},gid={account.gid}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True)
    stage = Stage(folder, scene.stage.devices)
    stage.ranges = scene.stage.ranges
    try:
        stage.up()
        stage.build()
        yield stage
    finally:
        (place / "ballast").unlink(missing_ok=True)
        with suppress(OSError):
            stage.down()
        subprocess.run(["umount", "--lazy", place], check=True)
        shutil.rmtree(folder, ignore_errors=True)


def disk_full(scene: Scene) -> None:
    with small_disk(scene) as stage:
        home, scene.stage = scene.stage, stage
        scene.environment = stage.environment()
        try:
            _fill_and_free(scene, stage)
            scene.finish()
        finally:
            scene.close()
            scene.stage = home


def _fill_and_free(scene: Scene, stage: Stage) -> None:
    server_log = stage.folder / "logs" / "postgres.log"
    scene.ingest()
    scene.publish()
    scene.calm(scene.load.before_s)
    ballast = stage.folder / "postgres" / "ballast"
    mark, began = server_log.stat().st_size, scene.mark()
    fill(ballast)
    wait_until(lambda: WORDS in server_log.read_text(errors="replace")[mark:], "PostgreSQL says that the disk is full")
    until = time.monotonic() + FULL_S
    while time.monotonic() < until:
        supervise(stage)
        time.sleep(0.5)
    text = server_log.read_text(errors="replace")[mark:]
    scene.note(full_s=FULL_S, heap_refused=text.count("could not extend file"), panics=text.count("PANIC"))
    told = [str(line.get("reason")) for line in read_log(scene.log, began) if line.get("event") == "batch_retry"]
    assert any(WORDS in reason for reason in told), f"the log does not say that the disk is full: {told[:3]}"
    ballast.unlink()
    wait_until(lambda: supervise(stage), "PostgreSQL runs again")
    scene.note(recovered_s=round(scene.flowing(), 2))
    scene.calm(scene.load.after_s)


def fill(ballast: Path) -> None:
    """Take all room but a little."""
    usage = os.statvfs(ballast.parent)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, usage.f_bavail * usage.f_frsize - LEFT_BYTES)


def supervise(stage: Stage) -> bool:
    """Start PostgreSQL when it has given up; tell whether it runs."""
    if stage.pid("postgres") is None:
        with suppress(PlatformError, OSError):
            stage.up()
    return stage.pid("postgres") is not None


FAULTS: tuple[Fault, ...] = (
    fault(disk_full, "the database's disk is full for 20 s, then freed", "batch_retry", lacks=no_small_disk),
)
