"""The drill: a backup of a site under load, restored elsewhere, run. And what a backup refuses."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from domain.changes import Changes
from domain.ids import PointKey
from service.broker import BrokerKind, LocalBroker
from service.ledger import verify
from storage.copies import journal_kept_whole
from storage.engines import sqlite_engine
from storage.journal import SqliteJournal
from storage.postgres import postgres_engine
from storage.records import RecordedEvent, SqlRecords
from storage.telemetry_duckdb import DuckDbTelemetry
from tests.contract.test_ledger import entry
from tests.support.publishing import Gateway
from tests.support.records_stores import PostgresAt
from tests.support.running import ROOT, CoreProcess, core, until
from tests.support.sites import CODE, SOURCE, limit, write_site
from tests.support.stored import group

POINTS = [f"N/{number}" for number in range(10)]
KEYS = [PointKey(point) for point in POINTS]


@dataclass(kw_only=True)
class Place:
    """A data folder and where its records are."""

    data: Path
    postgres: PostgresAt | None = None

    @property
    def environment(self) -> dict[str, str]:
        if self.postgres is None:
            return {}
        return {
            "GRIDWARDEN_RECORDS__URL": self.postgres.url,
            "GRIDWARDEN_RECORDS__PASSWORD": self.postgres.password or "",
        }

    @contextmanager
    def records(self) -> Iterator[SqlRecords]:
        engine = (
            sqlite_engine(self.data / "records.db", busy_ms=5_000)
            if self.postgres is None
            else postgres_engine(self.postgres.url, password=self.postgres.password)
        )
        yield SqlRecords(engine)
        engine.dispose()

    def events(self) -> list[RecordedEvent]:
        with self.records() as records:
            return records.events(limit=100_000)

    def readings(self) -> dict[str, list[tuple[int, float]]]:
        """Of each point, in order; only while no core runs."""
        with self.records() as records:
            numbers = records.point_numbers(KEYS)
        store = DuckDbTelemetry(self.data / "telemetry.duckdb")
        found = {key: store.history(number, 0, 2**62) for key, number in numbers.items()}
        store.close()
        return {
            key: list(zip(each.event_time.tolist(), each.value.tolist(), strict=True))
            for key, each in found.items()
        }


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Place, Place]:
    """Where the site runs, and where it is restored."""
    original, restored = Place(data=tmp_path / "original"), Place(data=tmp_path / "restored")
    if request.param == "postgres":
        original.postgres = request.getfixturevalue("empty_postgres")
        restored.postgres = request.getfixturevalue("other_empty_postgres")
    return original, restored


def gridwarden(place: Place, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "service.cli", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **place.environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@contextmanager
def load(broker: LocalBroker) -> Iterator[None]:
    """Every point over its limit and back again, about ten times a second."""
    stopping = threading.Event()

    def publish() -> None:
        with Gateway(broker.port, CODE, SOURCE) as gateway:
            turn = 0
            while not stopping.wait(0.02):
                turn += 1
                gateway.say(values_of(turn))
            until(lambda: gateway.unacknowledged == 0, "the broker took everything")

    publisher = threading.Thread(target=publish)
    publisher.start()
    try:
        yield
    finally:
        stopping.set()
        publisher.join(60)


def values_of(turn: int) -> dict[str, float]:
    return {
        point: 95.0 if (turn + number) % 5 == 0 else 50.0 + turn % 7
        for number, point in enumerate(POINTS)
    }


def a_site(folder: Path, port: int) -> Path:
    limits = [limit(point, "H", 85, priority="minor") for point in POINTS]
    return write_site(folder, port=port, points=POINTS, limits=limits)


@contextmanager
def settings_of(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as changed:
        for name, value in place.environment.items():
            changed.setenv(name, value)
        yield


def test_a_site_that_ran_on_is_restored_as_it_was_at_the_backup(
    broker: LocalBroker,
    tmp_path: Path,
    places: tuple[Place, Place],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original, restored = places
    kept = tmp_path / "backup"
    with settings_of(original, monkeypatch):
        running = CoreProcess(a_site(tmp_path / "site", broker.port), original.data)
        running.await_connected()
    with load(broker), original.records() as records:
        records.commit(Changes(entries=[entry(number) for number in range(5)]), 0)
        until(lambda: len(original.events()) > 100, "there are events")
        until(lambda: verified_head(original, monkeypatch) == 5, "the ledger is sealed")
        taken = gridwarden(original, "backup", kept, "--data", original.data, "--json")
        assert taken.returncode == 0, taken.stderr
        made: Mapping[str, Any] = json.loads(taken.stdout)
        records.commit(Changes(entries=[entry(number) for number in range(5, 8)]), 0)
        before = len(original.events())
        until(lambda: len(original.events()) > before + 100, "it goes on")
    running.await_status(lambda status: status["unrecorded"] == 0, "all is recorded")
    running.kill()
    assert gridwarden(original, "backup", "verify", kept).returncode == 0

    back = gridwarden(restored, "restore", kept, "--data", restored.data)
    assert back.returncode == 0, back.stderr
    rows = made["records"]["rows"]
    of_the_moment, of_original = restored.events(), original.events()
    assert len(of_the_moment) == rows["events"] > 100
    assert raised(of_the_moment) == raised(of_original)[: len(of_the_moment)]
    assert (rows["entries"], rows["seals"], made["records"]["head_number"]) == (5, 5, 5)
    ledger = gridwarden(restored, "ledger", "verify", "--data", restored.data)
    assert (ledger.returncode, "5 entries sealed" in ledger.stdout) == (0, True), ledger.stdout

    with LocalBroker(tmp_path / "elsewhere", kind=BrokerKind.MOSQUITTO) as other_broker:
        site = a_site(tmp_path / "site-elsewhere", other_broker.port)
        with settings_of(restored, monkeypatch), core(site, restored.data) as again:
            again.await_connected()
            newest = made["journal"]["newest"]
            again.await_status(
                lambda status: status["telemetry_seq"] >= newest and status["unrecorded"] == 0,
                "what the journal knew is in records and telemetry",
            )
            started = again.status()
            assert started is not None
            assert not any("journal_behind" in name for name in started["counters"])
            assert not any("history_missing" in name for name in started["counters"])
    of_restored = restored.events()
    assert len(of_restored) >= len(of_the_moment)
    assert raised(of_restored) == raised(of_original)[: len(of_restored)]
    with_all, with_some = original.readings(), restored.readings()
    for point in POINTS:
        count = len(with_some[point])
        assert count > 20
        assert with_some[point] == with_all[point][:count]
    ledger = gridwarden(restored, "ledger", "verify", "--data", restored.data)
    assert ledger.returncode == 0, ledger.stdout


def raised(events: list[RecordedEvent]) -> list[str]:
    return [str(each.raised.event_id) for each in events]


def verified_head(place: Place, monkeypatch: pytest.MonkeyPatch) -> int:
    with settings_of(place, monkeypatch):
        head = verify(place.data).head
    return head.number if head else 0


@pytest.fixture
def backed_up(broker: LocalBroker, tmp_path: Path) -> tuple[Path, Path]:
    """A data folder and a backup of it, with no core."""
    data, kept = tmp_path / "data", tmp_path / "backup"
    with core(a_site(tmp_path / "site", broker.port), data) as running, load(broker):
        running.await_status(
            lambda status: (status["stored_rows"] or 0) > 100, "there are readings"
        )
    taken = gridwarden(Place(data=data), "backup", "take", kept, "--data", data)
    assert taken.returncode == 0, taken.stderr
    return data, kept


def test_a_site_that_stands_still_is_copied_as_well(
    backed_up: tuple[Path, Path], tmp_path: Path
) -> None:
    data, kept = backed_up
    assert {path.name for path in kept.iterdir()} >= {
        "backup.json",
        "records.db",
        "telemetry.duckdb",
        "journal",
        "checkpoints",
    }
    assert kept.stat().st_mode & 0o777 == 0o700
    place = Place(data=tmp_path / "restored")
    assert gridwarden(place, "restore", kept, "--data", place.data).returncode == 0
    assert place.readings() == Place(data=data).readings()
    assert place.data.stat().st_mode & 0o777 == 0o700


def test_a_backup_with_one_changed_byte_is_refused_and_nothing_is_made(
    backed_up: tuple[Path, Path], tmp_path: Path
) -> None:
    _, kept = backed_up
    segment = next((kept / "journal").iterdir())
    content = bytearray(segment.read_bytes())
    content[-1] ^= 1
    segment.write_bytes(content)
    place = Place(data=tmp_path / "restored")
    told = gridwarden(place, "backup", "verify", kept)
    assert (told.returncode, f"{segment.name} is not as it was written" in told.stderr) == (1, True)
    refused = gridwarden(place, "restore", kept, "--data", place.data)
    assert (refused.returncode, "is damaged" in refused.stderr) == (1, True)
    assert not place.data.exists()
    assert list(tmp_path.glob(".restored*")) == []


def test_what_cannot_be_is_refused_in_one_sentence(
    backed_up: tuple[Path, Path], tmp_path: Path
) -> None:
    data, kept = backed_up
    here = Place(data=data)
    for arguments, said in (
        (("restore", kept, "--data", data), "is not empty: a restore needs a new data folder"),
        (("backup", kept, "--data", data), "is not empty: name a folder that does not exist yet"),
        (("backup", tmp_path / "b2", "--data", tmp_path / "nothing"), "holds no records"),
        (("backup", "verify", tmp_path), "is no backup, or one that was not finished"),
        (("restore", tmp_path / "none", "--data", tmp_path / "new"), "is no backup"),
    ):
        told = gridwarden(here, *arguments)
        assert (told.returncode, said in told.stderr) == (1, True), told.stderr
        assert len(told.stderr.strip().splitlines()) <= 2
    (kept / "backup.json").unlink()
    unfinished = gridwarden(here, "restore", kept, "--data", tmp_path / "new")
    assert (unfinished.returncode, "was not finished" in unfinished.stderr) == (1, True)
    assert not (tmp_path / "new").exists()


@pytest.mark.postgres
def test_a_dump_goes_into_an_empty_database_only_and_a_file_into_none(
    backed_up: tuple[Path, Path], empty_postgres: PostgresAt, tmp_path: Path
) -> None:
    _, kept = backed_up
    place = Place(data=tmp_path / "restored", postgres=empty_postgres)
    told = gridwarden(place, "restore", kept, "--data", place.data)
    assert (told.returncode, "unset GRIDWARDEN_RECORDS__URL" in told.stderr) == (1, True)


def test_the_journal_is_kept_whole_while_a_backup_holds_it(backed_up: tuple[Path, Path]) -> None:
    data, _ = backed_up
    journal = SqliteJournal(data / "journal", segment_bytes=50_000)
    for _ in range(20):
        journal.append([group(500)])
    with journal_kept_whole(data / "journal"):
        assert journal.drop_through(journal.last_seq) == 0
    assert journal.drop_through(journal.last_seq) > 1
    journal.close()


def test_a_full_share_is_not_held_for_a_backup(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path, segment_bytes=50_000, share_bytes=100_000)
    for _ in range(20):
        journal.append([group(500)])
    with journal_kept_whole(tmp_path):
        assert journal.drop_through(journal.last_seq) > 1
    journal.close()


def test_a_backup_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path, segment_bytes=50_000)
    for _ in range(20):
        journal.append([group(500)])
    program = (
        "import sys, time; from pathlib import Path; from storage.copies import journal_kept_whole\n"
        "with journal_kept_whole(Path(sys.argv[1])): print('held', flush=True); time.sleep(600)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    with holder.stdout as said:
        assert said.readline() == b"held\n"
    assert journal.drop_through(journal.last_seq) == 0
    holder.kill()
    holder.wait(30)
    assert journal.drop_through(journal.last_seq) > 1
    journal.close()
