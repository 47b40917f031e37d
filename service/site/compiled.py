"""A site that has been checked, as one file in the data folder: a core that comes back reads this and no
site folder. It is there within milliseconds, and a folder that somebody is editing cannot stop it.

The file is made by `run`, `demo` and `replay`; a digest refuses one that was edited or has rotted.
"""

from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from domain.ports import StorageUnavailable
from service.site.model import Site
from storage.files import write_whole
from storage.typed import prepare, read_json

COMPILED_NAME: Final = "site.json"

_FORMAT: Final = 2  # one more whenever the same site is written differently
_DIGEST_BYTES: Final = 16
_CURE: Final = "start `gridwarden run` again, it makes the file anew"


class BrokenCompiledSite(ValueError):
    """A file that is no compiled site of this release; the message says what to do."""


class _File(msgspec.Struct):
    format: int
    digest: str
    site: msgspec.Raw


def compile_into(data: Path, site: Site) -> Path:
    """The file, durable and whole. Raises StorageUnavailable."""
    path = data / COMPILED_NAME
    content = to_bytes(site)
    try:
        # the same site again needs no room on a disk that may be full
        if not path.exists() or path.read_bytes() != content:
            data.mkdir(parents=True, exist_ok=True)
            write_whole(path, content)
    except OSError as error:
        raise StorageUnavailable(f"the site cannot be written to {path}: {error}") from error
    return path


def read_compiled(path: Path) -> Site:
    """Raises BrokenCompiledSite; StorageUnavailable where there is no file, or none that can be read."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StorageUnavailable(f"the compiled site cannot be read: {error}; {_CURE}") from error
    try:
        return from_bytes(content)
    except ValueError as error:
        raise BrokenCompiledSite(f"{path} is not a site to start with: {error}; {_CURE}") from error


def to_bytes(site: Site) -> bytes:
    written = msgspec.json.encode(site, enc_hook=_plain)
    return msgspec.json.encode(
        _File(format=_FORMAT, digest=_digest(written), site=msgspec.Raw(written))
    )


def from_bytes(content: bytes) -> Site:
    """Raises ValueError."""
    file = read_json(_File, content)
    if file.format != _FORMAT:
        raise ValueError(f"it has format {file.format}, this release reads format {_FORMAT}")
    if file.digest != _digest(bytes(file.site)):
        raise ValueError("its digest does not match, it was changed after it was written")
    prepare(Site, _rich)
    return msgspec.json.decode(file.site, type=Site, dec_hook=_rich)


def _plain(value: Any) -> Any:
    match value:
        case ZoneInfo():
            return value.key
        case MappingProxyType():
            return dict(value)
    raise NotImplementedError(f"a site holds a {type(value).__name__}: say how it is written")


def _rich(wanted: type, written: Any) -> Any:
    if wanted is not ZoneInfo:
        raise NotImplementedError(f"a site holds a {wanted.__name__}: say how it is read")
    try:
        return ZoneInfo(written)
    except ZoneInfoNotFoundError as error:
        # a KeyError, which would pass for a mistake of ours
        raise ValueError(f"no time zone is named {written!r} here") from error


def _digest(written: bytes) -> str:
    return blake2b(written, digest_size=_DIGEST_BYTES).hexdigest()
