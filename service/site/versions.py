"""Versions of a site: the files of its folder as they were written, comments and all, in one packed piece.

Packing and unpacking gives back the same bytes. What is unpacked was proposed by somebody: it is bounded,
and no path in it leaves the folder.
"""

import json
import re
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Final

from domain.paperwork import SiteVersion
from service.site.load import BrokenSite, load
from service.site.model import Site

Files = Mapping[str, str]  # path in the folder -> text

FOLDERS: Final = ("assets", "assets/templates", "limits", "organisation", "sources")
ALONE: Final = (
    *("site.yaml", "topology.yaml", "zones.yaml", "rosters.yaml", "linkage.yaml"),
    *("credit-rules.yaml", "notices.yaml", "feeders.yaml", "cameras.yaml", "replay.yaml"),
)
FILES_AT_MOST: Final = 500
BYTES_AT_MOST: Final = 24 * 2**20  # of all files together
PACKED_AT_MOST: Final = 8 * 2**20  # it travels in one line to core

_IN_A_FOLDER: Final = re.compile(rf"(?:{'|'.join(FOLDERS)})/[^/\\\0]+\.y[^/\\\0]*ml")


class NotPackable(ValueError):
    """A folder that cannot become a version; the message says what to change."""


class MalformedVersion(ValueError):
    """Packed bytes that hold no site's files."""


class FolderInUse(ValueError):
    """A folder that an export must not touch."""


def pack(folder: Path) -> tuple[bytes, str]:
    """The files and the sha-256 of what they were packed into. Raises NotPackable."""
    files = files_of(folder)
    if "site.yaml" not in files:
        raise NotPackable(f"{folder} is no site folder: it has no site.yaml")
    packed = _packed(files)
    if len(packed) > PACKED_AT_MOST:
        raise NotPackable(f"{folder} is too large for a site: {len(packed)} bytes when packed")
    return packed, sha256(packed).hexdigest()


def unpack(files: bytes) -> Files:
    """Raises MalformedVersion."""
    reader = zlib.decompressobj()
    try:
        # JSON writes a control character in six bytes: no honest text grows beyond that
        raw = reader.decompress(files, 6 * BYTES_AT_MOST)
        found = json.loads(raw) if reader.eof else None
    except (zlib.error, ValueError, RecursionError) as error:
        raise MalformedVersion(f"the version cannot be unpacked: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise MalformedVersion("the version holds no files of a site, or too much of them")
    for path in found:
        if not _belongs(path):
            raise MalformedVersion(f"{path!r} is no file of a site folder")
    return found


def files_of(folder: Path) -> Files:
    """The files that a site folder is read from, in order of their paths. Raises NotPackable."""
    paths = [path for path in _paths(folder) if path.is_file()]
    if len(paths) > FILES_AT_MOST:
        raise NotPackable(f"{folder} has more than {FILES_AT_MOST} files: join some of them")
    if sum(path.stat().st_size for path in paths) > BYTES_AT_MOST:
        raise NotPackable(f"{folder} is larger than {BYTES_AT_MOST // 2**20} MiB")
    return {path.relative_to(folder).as_posix(): _text(path) for path in sorted(paths)}


def write_folder(files: bytes, folder: Path, *, force: bool = False) -> None:
    """Byte for byte as it was packed. `force` writes into a folder that holds something, and removes what a
    site would be read from and this version has not; every other file stays. Raises FolderInUse."""
    texts = unpack(files)
    if folder.exists() and not folder.is_dir():
        raise FolderInUse(f"{folder} is a file: give a folder")
    if folder.is_dir() and any(folder.iterdir()):
        if not force:
            raise FolderInUse(f"{folder} is not empty: give a new folder, or --force to replace")
        for path in _paths(folder):
            if path.relative_to(folder).as_posix() not in texts:
                path.unlink()
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8"))


def site_of(version: SiteVersion) -> Site:
    """The site that a version says. Raises MalformedVersion, BrokenSite."""
    name = f"version {version.number}"
    return replace(site_in(version.files, name), version=version.number)


def site_in(files: bytes, name: str) -> Site:
    """`name` stands in the mistakes for the folder. Raises MalformedVersion, BrokenSite."""
    with tempfile.TemporaryDirectory(prefix="gridwarden-site-") as temporary:
        write_folder(files, Path(temporary))
        try:
            return load(Path(temporary))
        except BrokenSite as error:
            raise BrokenSite(Path(name), error.problems) from error


def _packed(files: Files) -> bytes:
    return zlib.compress(json.dumps(files, ensure_ascii=False, sort_keys=True).encode(), 9)


def _paths(folder: Path) -> Iterator[Path]:
    for name in ALONE:
        if (folder / name).is_file():
            yield folder / name
    for name in FOLDERS:
        yield from (path for path in (folder / name).glob("*.y*ml") if path.is_file())


def _belongs(path: str) -> bool:
    return path in ALONE or bool(_IN_A_FOLDER.fullmatch(path))


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")  # not read_text: it would change the line ends
    except UnicodeDecodeError as error:
        raise NotPackable(f"{path} is not written in UTF-8: save it so") from error
