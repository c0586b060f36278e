"""Fuzzing by coverage, with atheris (libFuzzer): one process, the first byte of an input chooses the target.

Runs as a process of its own, because libFuzzer ends the process when its time is over:
`python -m tests.fuzz.by_coverage <libFuzzer options> <corpus folder>`.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["wire", "ingest", "core"]):
    from tests.fuzz.targets import TARGETS, feed

NAMES = sorted(TARGETS)


def plant(folder: Path) -> int:
    """Write every seed into a folder, as inputs for `one`; give how many."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for number, name in enumerate(NAMES):
        for position, seed in enumerate(TARGETS[name].seeds):
            (folder / f"{name}-{position}").write_bytes(bytes([number]) + seed)
            count += 1
    return count


def one(data: bytes) -> None:
    """Feed one input."""
    if data:
        feed(NAMES[data[0] % len(NAMES)], data[1:])


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
