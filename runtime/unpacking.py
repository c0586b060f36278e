"""Finds the survey in a file that somebody sent: the file itself, or what a zip holds, unpacked within limits.

What was sent is not trusted: a name may lead out of the folder, a zip may grow a thousandfold, a file may be another
than its name says, and GDAL opens by content; some of its formats read other files and addresses.
"""

import stat
import zipfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from core.errors import InvalidInput

ZIP = ".zip"
GEODATABASE = ".gdb"
MOST_PARTS = 5_000
"""Files in a zip; a geodatabase has some hundred."""
_CHUNK_BYTES = 1024 * 1024
_LOOKED_AT_BYTES = 64
_LOCKED = 0x1
_UTF8 = 0x800
_BEGINNINGS = {
    ".gpkg": (b"SQLite format 3\0",),
    ".shp": (b"\0\0\x27\x0a",),
    ".xlsx": (b"PK\x03\x04",),
    ".xlsm": (b"PK\x03\x04",),
    ".geojson": (b"{",),
    ".json": (b"{",),
    ".geojsonl": (b"{", b"\x1e"),
    ".geojsons": (b"{", b"\x1e"),
    ".ndjson": (b"{", b"\x1e"),
}
"""How a file of the kind begins: nothing else is handed to GDAL under that name."""


def survey_in(file: Path, suffixes: Collection[str], *, most_bytes: int) -> Path:
    """Give the file or geodatabase to read; a zip is unpacked beside it.

    Raises: `InvalidInput` when there is none or several, or what was sent is broken, too large or not what it says.
    """
    if file.suffix.lower() == ZIP:
        folder = file.parent / "unpacked"
        folder.mkdir()
        _unpack(file, folder, most_bytes)
        found = _only(file.name, folder, suffixes)
    else:
        found = file
    if found.suffix.lower() in {".xlsx", ".xlsm"}:
        _bounded(found, most_bytes)
    _look(found)
    return found


def _unpack(file: Path, folder: Path, most_bytes: int) -> None:
    left = most_bytes
    try:
        with zipfile.ZipFile(file) as packed:
            for part, path in _parts(packed, file.name, most_bytes):
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                with packed.open(part) as source, target.open("xb") as sink:
                    while chunk := source.read(_CHUNK_BYTES):
                        left -= len(chunk)
                        if left < 0:
                            raise _too_large(file.name, most_bytes)
                        sink.write(chunk)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise InvalidInput(f"{file.name} is no zip that can be unpacked, or did not come whole: {error}") from error
    except OSError as error:
        raise InvalidInput(f"{file.name} cannot be unpacked: {error.strerror}") from error


def _parts(packed: zipfile.ZipFile, name: str, most_bytes: int) -> Iterator[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """Give the files to unpack and where to; what no survey has, or what leads elsewhere, is refused or left out."""
    parts = [part for part in packed.infolist() if not part.is_dir()]
    if len(parts) > MOST_PARTS:
        raise InvalidInput(f"{name} holds {len(parts)} files; a survey has at most {MOST_PARTS}")
    if sum(part.file_size for part in parts) > most_bytes:
        raise _too_large(name, most_bytes)
    for part in parts:
        text = _name_of(part)
        path = PurePosixPath(text)
        if path.is_absolute() or ".." in path.parts or ":" in text or "\0" in text:
            raise InvalidInput(f"{name} holds {text!r}, which leads out of its folder: nothing was unpacked")
        if stat.S_ISLNK(part.external_attr >> 16):
            raise InvalidInput(f"{name} holds {text!r}, which is a link and no file")
        if part.flag_bits & _LOCKED:
            raise InvalidInput(f"{name} is locked with a password: send it without one")
        if not any(step.startswith((".", "__MACOSX")) for step in path.parts):
            yield part, path


def _name_of(part: zipfile.ZipInfo) -> str:
    """Give a name as it was meant: older zips of Chinese systems have GBK, which is read as code page 437."""
    text = part.filename
    if not part.flag_bits & _UTF8:
        said = text.encode("cp437", errors="replace")
        try:
            text = said.decode("utf-8")
        except UnicodeDecodeError:
            text = said.decode("gb18030", errors="replace")
    return text.replace("\\", "/")


def _only(name: str, folder: Path, suffixes: Collection[str]) -> Path:
    """Give the one survey in a folder. A geodatabase may have been zipped without its own folder."""
    if any(folder.glob("*.gdbtable")):
        stem = name[: -len(ZIP)]
        return folder.rename(folder.with_name(f"{stem.removesuffix(GEODATABASE)}{GEODATABASE}"))
    found = sorted(_surveys(folder, suffixes))
    if len(found) == 1:
        return found[0]
    if not found:
        raise InvalidInput(f"{name} holds no survey; one is {', '.join(sorted(suffixes))}")
    held = ", ".join(str(path.relative_to(folder)) for path in found[:5])
    raise InvalidInput(f"{name} holds {len(found)} surveys ({held}): send one at a time")


def _surveys(folder: Path, suffixes: Collection[str]) -> Iterator[Path]:
    for path in folder.iterdir():
        known = path.suffix.lower() in suffixes
        if path.is_dir() and not (known and path.suffix.lower() == GEODATABASE):
            yield from _surveys(path, suffixes)
        elif known and path.is_dir() == (path.suffix.lower() == GEODATABASE):
            yield path


def _bounded(workbook: Path, most_bytes: int) -> None:
    """Refuse a workbook that would grow beyond the limit."""
    try:
        with zipfile.ZipFile(workbook) as packed:
            if sum(part.file_size for part in packed.infolist()) > most_bytes:
                raise _too_large(workbook.name, most_bytes)
    except zipfile.BadZipFile as error:
        raise InvalidInput(f"{workbook.name} is no workbook, or did not come whole: {error}") from error


def _look(file: Path) -> None:
    suffix = file.suffix.lower()
    if suffix == GEODATABASE:
        if not any(file.glob("*.gdbtable")):
            raise InvalidInput(f"{file.name} has no tables of a File Geodatabase (.gdbtable)")
        return
    with file.open("rb") as stream:
        beginning = stream.read(_LOOKED_AT_BYTES)
    allowed = _BEGINNINGS.get(suffix)
    if allowed and not beginning.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n").startswith(allowed):
        raise InvalidInput(f"{file.name} does not begin as {suffix} files do: is it of another kind, or broken?")


def _too_large(name: str, most_bytes: int) -> InvalidInput:
    return InvalidInput(f"{name} holds more than {most_bytes // 1024**2} MB once unpacked: send it in parts")
