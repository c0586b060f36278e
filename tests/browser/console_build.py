"""The console's build for the tests: made when it is absent or older than its sources."""

import shutil
import subprocess
from pathlib import Path

CONSOLE = Path(__file__).parents[2] / "console"
DIST = CONSOLE / "dist"
PAGES = ("index.html", "field.html", "registry.html", "login.html", "citizens.html", "people.html", "silences.html")
SOURCES = ("src", "bundling", "public", *PAGES, "package-lock.json", "vite.config.ts")


def newest(paths: list[Path]) -> float:
    """Give when the newest of these files was written."""
    files = [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()]
    return max((file.stat().st_mtime for file in files), default=0.0)


def ensure_built() -> Path:
    """Give the folder of an up-to-date build; raises `RuntimeError` with what to do when it cannot be made."""
    page = DIST / "index.html"
    if page.is_file() and page.stat().st_mtime >= newest([CONSOLE / name for name in SOURCES]):
        return DIST
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError("the console is not built and npm is not installed: apt-get install nodejs npm")
    commands = [] if (CONSOLE / "node_modules").is_dir() else [[npm, "ci"]]
    for command in [*commands, [npm, "run", "build"]]:
        done = subprocess.run(command, cwd=CONSOLE, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"`{' '.join(command)}` in console/ failed:\n{done.stdout}\n{done.stderr}")
    return DIST
