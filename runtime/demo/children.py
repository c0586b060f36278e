"""The demo's child processes: started with a log file each, restarted when they die, ended in order.

A child lives in a session of its own, so that Ctrl-C reaches only us; if we are killed ourselves, the kernel ends it.
"""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from core.errors import Unavailable

log = structlog.get_logger()

RESTART_S = 0.5
STARTING_S = 15.0
"""A child that ends sooner than this never worked; three times in a row and we give up."""
TRIES = 3
PATIENCE_S = 15.0
"""How long a child may take to end when asked."""
_PR_SET_PDEATHSIG = 1


@dataclass(slots=True, kw_only=True)
class Child:
    """One supervised process; `name` is the argument of `citygrid run`."""

    name: str
    log_file: Path
    pid: int | None = None
    restarts: int = 0
    last_exit: int | None = None


class Children:
    """Keeps the platform's processes running until `stop`."""

    def __init__(self, names: tuple[str, ...], log_dir: Path, environment: Mapping[str, str]) -> None:
        log_dir.mkdir(parents=True, exist_ok=True)
        self.children = tuple(Child(name=name, log_file=log_dir / f"{name}.log") for name in names)
        self._environment = {**os.environ, **environment}
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._stopping = False

    async def supervise(self, child: Child) -> None:
        """Run one child for ever; raises `Unavailable` with its last words when it cannot start."""
        failures = 0
        while not self._stopping:
            started = asyncio.get_running_loop().time()
            process = await self._launch(child)
            code = await process.wait()
            child.pid, child.last_exit = None, code
            if self._stopping:
                return
            lived_s = asyncio.get_running_loop().time() - started
            failures = failures + 1 if lived_s < STARTING_S and code != -signal.SIGKILL else 0
            if failures >= TRIES:
                raise Unavailable(f"`citygrid run {child.name}` does not start: {_last_words(child.log_file)}")
            child.restarts += 1
            log.warning("child_died", child=child.name, exit=code, restart_s=RESTART_S)
            await asyncio.sleep(RESTART_S)

    async def stop(self) -> None:
        """End the children in the order they were given: each has ended before the next is asked."""
        self._stopping = True
        for child in self.children:
            process = self._processes.get(child.name)
            if process is None or process.returncode is not None:
                continue
            process.terminate()
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await process.wait()
            except TimeoutError:
                log.warning("child_killed", child=child.name, patience_s=PATIENCE_S)
                process.kill()
                await process.wait()

    async def _launch(self, child: Child) -> asyncio.subprocess.Process:
        with child.log_file.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "cli.main",
                "run",
                child.name,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment,
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )
        self._processes[child.name] = process
        child.pid = process.pid
        return process


def _end_with_parent() -> None:
    """Ask the kernel to end this process when its parent is gone; runs in the child before it starts."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _last_words(file: Path) -> str:
    lines = file.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return (lines[-1] if lines else "it said nothing") + f" (see {file})"
