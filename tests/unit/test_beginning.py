"""How a data folder begins: version 1 and the first user once; from then on the records are the truth."""

from dataclasses import replace
from pathlib import Path

import pytest

from domain.paperwork import ApprovalState, Role, SiteVersion
from domain.ports import StorageUnavailable
from service.beginning import (
    FIRST_USER,
    Beginning,
    NoSite,
    begin,
    compile_effective,
    effective_version,
    stored_records,
)
from service.passwords import matches
from service.site.compiled import COMPILED_NAME, read_compiled
from service.site.load import BrokenSite
from service.site.model import Site
from service.site.versions import pack
from service.wiring import Folders
from storage.engines import sqlite_engine
from storage.records import SqlRecords
from tests.support.sites import limit, write_site

NOON = 1_790_000_000_000_000


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return site_with(tmp_path / "site", 85)


def site_with(folder: Path, high: float) -> Path:
    return write_site(folder, port=1883, points=["N/1"], limits=[limit("N/1", "H", high)])


def began(data: Path, folder: Path | None = None) -> Beginning:
    return begin(data, folder, clock=lambda: NOON)


def make_effective(data: Path, files: bytes) -> None:
    """Version 2, as an approval leaves it."""
    version = SiteVersion(
        number=2,
        files=files,
        digest="of these",
        state=ApprovalState.EFFECTIVE,
        proposed_by="one",
        proposed_at_us=NOON,
        effective_at_us=NOON,
    )
    SqlRecords(sqlite_engine(Folders(data).records)).seed(version, [])


def high_of(site: Site) -> float:
    return site.points[0].limits[0].value


def test_the_first_start_stores_version_1_and_a_first_user(data: Path, folder: Path) -> None:
    beginning = began(data, folder)

    version = effective_version(data)
    (user,) = stored_records(data).users()
    assert (version.number, version.files, version.digest) == (1, *pack(folder))
    assert version.effective_at_us == NOON
    assert (user.name, user.must_change) == (FIRST_USER, True)
    assert Role.ADMINISTRATOR in user.roles
    assert beginning.first_password is not None
    assert matches(beginning.first_password, user.password)
    assert beginning.first_password not in user.password
    assert read_compiled(beginning.compiled).version == 1


def test_a_start_that_fails_gives_no_password_away(data: Path, folder: Path) -> None:
    (data / COMPILED_NAME).mkdir(parents=True)  # nothing can be compiled into it
    with pytest.raises(StorageUnavailable):
        began(data, folder)
    (data / COMPILED_NAME).rmdir()

    assert began(data, folder).first_password is not None


def test_the_data_folder_is_for_its_owner_alone(data: Path, folder: Path) -> None:
    began(data, folder)

    assert data.stat().st_mode & 0o777 == 0o700


def test_a_later_start_needs_no_folder_and_tells_no_password(data: Path, folder: Path) -> None:
    first = began(data, folder)

    later = began(data)

    assert later.first_password is None
    assert not later.differs
    assert later.compiled == first.compiled
    assert len(stored_records(data).users()) == 1


def test_an_edited_folder_is_said_and_not_used(data: Path, folder: Path) -> None:
    began(data, folder)
    site_with(folder, 60)

    later = began(data, folder)

    assert later.differs
    assert high_of(read_compiled(later.compiled)) == 85


def test_without_a_folder_nothing_begins(data: Path) -> None:
    with pytest.raises(NoSite, match="name a site folder with --site"):
        began(data)
    with pytest.raises(NoSite, match="start with `gridwarden run --site DIR`"):
        effective_version(data)


def test_a_broken_folder_begins_nothing(data: Path, folder: Path) -> None:
    (folder / "linkage.yaml").write_text("rules: 7\n")

    with pytest.raises(BrokenSite):
        began(data, folder)

    with pytest.raises(NoSite):
        effective_version(data)


def test_before_core_starts_again_it_has_the_version_that_became_effective(
    data: Path, folder: Path, tmp_path: Path
) -> None:
    began(data, folder)
    make_effective(data, pack(site_with(tmp_path / "next", 70))[0])

    compile_effective(data, lambda site: site.at_broker("127.0.0.1", 1999))

    compiled = read_compiled(data / COMPILED_NAME)
    assert (compiled.version, high_of(compiled), compiled.sources[0].port) == (2, 70, 1999)


def test_a_restart_after_a_fault_compiles_nothing(data: Path, folder: Path) -> None:
    compiled = began(data, folder).compiled
    stood = compiled.stat()

    compile_effective(data, lambda site: replace(site, name="another"))

    assert (compiled.stat().st_ino, compiled.stat().st_mtime_ns) == (
        stood.st_ino,
        stood.st_mtime_ns,
    )


@pytest.mark.parametrize("spoilt", [b"no version", None])
def test_a_version_that_cannot_be_used_leaves_the_site_before_in_place(
    data: Path, folder: Path, spoilt: bytes | None
) -> None:
    began(data, folder)
    (folder / "linkage.yaml").write_text("rules: 7\n")
    make_effective(data, pack(folder)[0] if spoilt is None else spoilt)

    compile_effective(data)

    # under the new number, else core would ask for it without end
    compiled = read_compiled(data / COMPILED_NAME)
    assert (compiled.version, high_of(compiled)) == (2, 85)
    assert began(data).unusable


def test_records_that_cannot_be_read_now_leave_the_compiled_site_as_it_is(
    data: Path, folder: Path
) -> None:
    compiled = began(data, folder).compiled
    stood = compiled.read_bytes()
    Folders(data).records.write_text("no database, but long enough to be looked at as one" * 100)

    compile_effective(data)

    assert compiled.read_bytes() == stood


def test_records_that_were_lost_are_not_begun_anew(data: Path, folder: Path) -> None:
    began(data, folder)
    Folders(data).journal.mkdir()
    Folders(data).records.unlink()

    beginning = began(data, folder)

    assert beginning.first_password is None
    assert not Folders(data).records.exists()
