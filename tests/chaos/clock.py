"""The clock of the ingest process jumps, by libfaketime (Debian package `faketime`); the machine's is left alone."""

from pathlib import Path

from tests.chaos.fault import Fault, fault
from tests.chaos.scene import Scene

HOUR_S = 3600


def library() -> Path | None:
    """Find libfaketime for programs with threads."""
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)


def no_library() -> str:
    """Say what is missing."""
    return "" if library() else "libfaketime is not installed (Debian package `faketime`)"


def _jump(scene: Scene, *steps_s: int) -> None:
    offset = scene.stage.folder / f"{scene.name}.offset"
    offset.write_text("+0\n", encoding="ascii")
    scene.environment |= {
        "LD_PRELOAD": str(library()),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_CACHE_DURATION": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    scene.ingest()
    scene.publish()
    scene.calm(scene.load.before_s)
    for step_s in steps_s:
        offset.write_text(f"{step_s:+d}\n", encoding="ascii")
        scene.calm(8)
    scene.note(recovered_s=round(scene.flowing(), 2))
    scene.calm(scene.load.after_s)


def clock_an_hour_ahead(scene: Scene) -> None:
    _jump(scene, HOUR_S, 0)


def clock_an_hour_back(scene: Scene) -> None:
    _jump(scene, -HOUR_S, 0)


FAULTS: tuple[Fault, ...] = (
    fault(clock_an_hour_ahead, "ingest's clock jumps an hour ahead, and back", "clock_jumped", lacks=no_library),
    fault(clock_an_hour_back, "ingest's clock jumps an hour back, and ahead", "clock_jumped", lacks=no_library),
)
