"""`apply` and `export`: a site folder against the version that is effective."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from domain.limit_changes import LimitChange
from domain.paperwork import SiteVersion
from domain.requests import ProposeSite
from service.beginning import effective_version, stored_records
from service.overlaid import ended_by
from service.site.differences import differences
from service.site.load import BrokenSite, load
from service.site.versions import MalformedVersion, pack, site_of, unpack

_UNREADABLE = {
    "zh-CN": "现行版本 {number} 无法用本软件版本读取: 整个文件夹都是新的",
    "en": "version {number} cannot be read by this release: the whole folder is new",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A folder that has been checked, and what agreeing to it would change."""

    effective: int  # number of the version
    proposal: ProposeSite
    changes_nothing: bool


def compare(data: Path, folder: Path, language: str) -> Comparison:
    """Raises BrokenSite, NotPackable, NoSite, StorageUnavailable."""
    changes = stored_records(data).effective_limit_changes()
    return compare_with(effective_version(data), folder, language, changes)


def compare_with(
    effective: SiteVersion, folder: Path, language: str, changes: Sequence[LimitChange] = ()
) -> Comparison:
    """`changes` are limits of the console. Raises BrokenSite, NotPackable."""
    site = load(folder)
    files, digest = pack(folder)
    try:
        before, texts_before = site_of(effective), unpack(effective.files)
    except (BrokenSite, MalformedVersion):
        return _compared(effective, files, digest, (_unreadable(effective, language),))
    lines = differences(before, site, texts_before, unpack(files), language)
    ended = ended_by(site, before, changes, language)
    return _compared(effective, files, digest, (*ended, *lines))


def _compared(
    effective: SiteVersion, files: bytes, digest: str, lines: tuple[str, ...]
) -> Comparison:
    return Comparison(
        effective=effective.number,
        proposal=ProposeSite(files=files, digest=digest, summary=lines),
        changes_nothing=not lines,
    )


def _unreadable(effective: SiteVersion, language: str) -> str:
    return _UNREADABLE[language].format(number=effective.number)
