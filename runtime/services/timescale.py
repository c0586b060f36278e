"""A private PostgreSQL tree with TimescaleDB built into it, for Debian 12, which has no TimescaleDB package.

Debian 13's source package is fetched with the machine's own apt (its own mirror and keyring, but a private state, so
the machine's package lists stay as they are), built once in about half a minute, and kept in a cache. PostgreSQL finds
its libraries relative to its own program, so a tree of copied programs and linked libraries next to the built files is
a full server: nothing is installed into system folders, and no root is needed.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from core.errors import Unavailable
from runtime.services import packages

SOURCE_RELEASE = "trixie"
SOURCE_PACKAGE = "timescaledb"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SHARED_CACHE = Path("/var/cache/citygrid")
MAIN_ARCHIVES = frozenset({"bookworm", "oldstable", "trixie", "stable"})
PROGRAMS = ("postgres", "initdb")
CMAKE_OPTIONS = (
    "-DAPACHE_ONLY=ON",
    "-DREGRESS_CHECKS=OFF",
    "-DTAP_CHECKS=OFF",
    "-DWARNINGS_AS_ERRORS=OFF",
    "-DCMAKE_BUILD_TYPE=Release",
)

Say = Callable[[str], None]
Places = tuple[Path, Path, Path]  # PostgreSQL's folders: programs, libraries, shared data


def private_tree(major: int, version: str, places: Places, say: Say) -> Path:
    """Give the root of a tree with TimescaleDB for the PostgreSQL `version` in `places`, building what is missing."""
    name = f"postgresql-{major}-{_fingerprint(version, places)}"
    for cache in _readable_caches():
        if (cache / name).exists():
            return cache / name
    cache = _writable_cache()
    with _only_one(cache):
        if not (cache / name).exists():
            built = cache / f"{SOURCE_PACKAGE}-for-{major}"
            if not built.exists():
                _build(places[0] / "pg_config", built, say)
            _assemble(cache / name, built, major, places)
    return cache / name


def bin_of(major: int) -> str:
    """Give the folder of the programs inside a tree."""
    return f"lib/postgresql/{major}/bin"


def is_cached(major: int, version: str, places: Places) -> bool:
    """Whether `private_tree` would return at once."""
    name = f"postgresql-{major}-{_fingerprint(version, places)}"
    return any((cache / name).exists() for cache in _readable_caches())


def _fingerprint(version: str, places: Places) -> str:
    """Change when the system's PostgreSQL or its extensions are upgraded: then the tree is assembled anew."""
    _programs, lib, share = places
    facts = f"{version} {lib.stat().st_mtime_ns} {(share / 'extension').stat().st_mtime_ns}"
    return hashlib.sha256(facts.encode()).hexdigest()[:12]


def _readable_caches() -> Iterator[Path]:
    yield SHARED_CACHE  # made by root: every account may use it
    if os.geteuid() != 0:
        yield _own_cache()


def _writable_cache() -> Path:
    cache = SHARED_CACHE if os.geteuid() == 0 else _own_cache()
    cache.mkdir(parents=True, exist_ok=True)
    return cache


def _own_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "citygrid"


@contextmanager
def _only_one(cache: Path) -> Generator[None]:
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(pg_config: Path, target: Path, say: Say) -> None:
    """Fetch, compile and install TimescaleDB into `target` (as a DESTDIR)."""
    lacking = packages.missing(("services", "build"))
    if lacking:
        raise Unavailable(
            f"TimescaleDB must be built and {', '.join(lacking)} is missing: {packages.remedy(('services', 'build'))}"
        )
    with tempfile.TemporaryDirectory(prefix="build-", dir=target.parent) as scratch:
        work = Path(scratch)
        say("fetching TimescaleDB's source package with apt")
        source = _fetch(work)
        say("building TimescaleDB (once on this machine, about 30 s)")
        build = work / "build"
        _run(["cmake", "-S", source, "-B", build, f"-DPG_CONFIG={pg_config}", *CMAKE_OPTIONS], work)
        _run(["make", "-C", build, f"-j{os.cpu_count() or 1}"], work)
        _run(["make", "-C", build, "install", f"DESTDIR={work / 'out'}"], work)
        (work / "out").rename(target)


def _fetch(work: Path) -> Path:
    mirror = _mirror()
    (work / "sources.list").write_text(
        f"deb-src [signed-by={KEYRING}] {mirror} {SOURCE_RELEASE} main\n", encoding="utf-8"
    )
    for folder in ("state/lists/partial", "cache/archives/partial", "download"):
        (work / folder).mkdir(parents=True)
    private = [
        "-o", f"Dir::State={work / 'state'}",
        "-o", "Dir::State::status=/var/lib/dpkg/status",
        "-o", f"Dir::Cache={work / 'cache'}",
        "-o", f"Dir::Etc::SourceList={work / 'sources.list'}",
        "-o", "Dir::Etc::SourceParts=/dev/null",
        "-o", f"APT::Sandbox::User={'root' if os.geteuid() == 0 else ''}",
    ]  # fmt: skip
    _run(["apt-get", *private, "--quiet", "update"], work)
    _run(
        ["apt-get", *private, "--quiet", "--only-source", "--download-only", "source", SOURCE_PACKAGE],
        work / "download",
    )
    description = next((work / "download").glob("*.dsc"))
    _run(["dpkg-source", "--no-check", "--extract", description, work / "source"], work)  # apt has checked the hashes
    return work / "source"


def _mirror() -> str:
    """Give the address this machine's apt already takes Debian's main archive from; works before `apt-get update`."""
    done = subprocess.run(
        [
            "apt-get",
            "indextargets",
            "--no-release-info",
            "--format",
            "$(REPO_URI)|$(RELEASE)|$(COMPONENT)",
            "Created-By: Packages",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    rows = [line.split("|") for line in done.stdout.splitlines()]
    for address, release, component in (row for row in rows if len(row) == 3):
        if release in MAIN_ARCHIVES and component == "main":
            return address
    raise Unavailable("apt knows no mirror of Debian's main archive: look at /etc/apt/sources.list.d")


def _assemble(tree: Path, built: Path, major: int, places: Places) -> None:
    """Make a tree: programs copied, the system's libraries and shared files linked, TimescaleDB's copied in."""
    system_bin, system_lib, system_share = places
    with tempfile.TemporaryDirectory(prefix="tree-", dir=tree.parent) as scratch:
        root = Path(scratch) / "tree"
        programs, lib, share = (
            root / bin_of(major),
            root / f"lib/postgresql/{major}/lib",
            root / f"share/postgresql/{major}",
        )
        programs.mkdir(parents=True)
        for program in PROGRAMS:
            shutil.copy2(system_bin / program, programs / program)
        _link_all(system_lib, lib)
        _link_all(system_share, share)
        for folder, target in ((system_lib, lib), (system_share, share)):
            shutil.copytree(built / folder.relative_to("/"), target, dirs_exist_ok=True)
        _run(["chmod", "-R", "a+rX", root], tree.parent)
        root.rename(tree)


def _link_all(folder: Path, target: Path) -> None:
    """Mirror `folder` as real folders with links to its files."""
    for here, _folders, files in os.walk(folder):
        mirrored = target / Path(here).relative_to(folder)
        mirrored.mkdir(parents=True)
        for file in files:
            (mirrored / file).symlink_to(Path(here) / file)


def _run(command: Sequence[str | Path], folder: Path) -> None:
    """Run one step; on failure raise `Unavailable` with its last line, and keep its whole output in the cache."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        text=True, check=False, env=environment, umask=0o022,
    )  # fmt: skip
    if done.returncode:
        log = _writable_cache() / "build.log"
        log.write_text(done.stdout, encoding="utf-8")
        errors = [line for line in done.stdout.splitlines() if "rror" in line or line.startswith("E:")]
        reason = "the disk is full" if "No space left" in done.stdout else (errors or ["see the log"])[0].strip()
        raise Unavailable(f"building TimescaleDB failed at `{command[0]}`: {reason} (log: {log})")
