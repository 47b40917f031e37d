"""Core starts beside stores that are locked, lost or from another day, and watches on."""

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from domain.commands import CommandState
from service.broker import LocalBroker
from service.core import BAD_INPUT
from storage.engines import sqlite_engine
from storage.journal import SqliteJournal
from storage.records import SqlRecords
from tests.support.publishing import Gateway
from tests.support.running import CoreProcess, Siren, core, until
from tests.support.sites import CODE, SIREN, SOURCE, limit, write_site

POINTS = ["N/1", "N/2", "N/3"]
CHECKPOINT_S = 0.1


@pytest.fixture(autouse=True)
def frequent_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDWARDEN_CHECKPOINTS__EVERY_S", str(CHECKPOINT_S))


@dataclass
class Plant:
    """A site with its broker and its siren; the lives of core come and go."""

    site: Path
    data: Path
    siren: Siren
    gateway: Gateway
    published: int = field(default=0)

    def alarm_of(self, running: CoreProcess, point: str) -> None:
        """The point crosses its limit, and the siren acts."""
        acted = len(self.siren.acted())
        self.say({point: 95.0})
        until(lambda: len(self.siren.acted()) == acted + 1, f"the siren acts for {point}")
        running.await_status(lambda status: status["unrecorded"] == 0, "it is recorded")

    def say(self, values: dict[str, float]) -> None:
        self.gateway.say(values)
        self.published += len(values)

    def alarms(self) -> list[str]:
        """The points of all recorded alarms, the oldest first."""
        return [each.raised.point for each in self.records().events()]

    def records(self) -> SqlRecords:
        return SqlRecords(sqlite_engine(self.data / "records.db"))


@pytest.fixture
def plant(broker: LocalBroker, tmp_path: Path) -> Iterator[Plant]:
    site = write_site(
        tmp_path / "site",
        port=broker.port,
        points=POINTS,
        limits=[limit(point, "H", 85) for point in POINTS],
        valid_for="5min",
        confirm_within="30s",
    )
    with (
        Siren(broker.port, CODE, SIREN, tmp_path) as siren,
        Gateway(broker.port, CODE, SOURCE) as gateway,
    ):
        siren.await_listening()
        yield Plant(site, tmp_path / "data", siren, gateway)


@contextmanager
def locked(records: Path) -> Iterator[None]:
    with closing(sqlite3.connect(records, isolation_level=None)) as other:
        other.execute("begin exclusive")
        yield
        other.execute("rollback")


def test_core_starts_and_commands_while_the_records_are_locked(plant: Plant) -> None:
    with core(plant.site, plant.data) as first:
        first.await_connected()
    with locked(plant.data / "records.db"):
        second = CoreProcess(plant.site, plant.data)
        second.await_connected()
        plant.say({POINTS[0]: 95.0})
        until(lambda: len(plant.siren.acted()) == 1, "the siren acts")
        status = second.await_status(lambda status: status["unrecorded"] > 0, "it waits")
        assert status["counters"]["records_unavailable"] > 0
    second.await_status(lambda status: status["unrecorded"] == 0, "it is recorded")
    assert second.stop() == 0
    (command,) = plant.records().commands()
    assert command.sent_before_recorded
    assert command.state is CommandState.CONFIRMED
    assert plant.alarms() == POINTS[:1]


def test_with_the_journal_lost_new_alarms_are_raised_recorded_and_stored(plant: Plant) -> None:
    with core(plant.site, plant.data) as first:
        first.await_connected()
        plant.alarm_of(first, POINTS[0])
        before = first.await_status(
            lambda status: (
                status["stored_rows"] == plant.published
                and status["telemetry_seq"] > 0
                and status["recorded_seq"] > 0
            ),
            "it is stored",
        )
    shutil.rmtree(plant.data / "journal")
    with core(plant.site, plant.data) as second:
        second.await_connected()
        plant.alarm_of(second, POINTS[1])
        after = second.await_status(
            lambda status: status["stored_rows"] == plant.published, "the new reading is stored"
        )
    assert after["counters"]["journal_behind"] == 1
    assert after["journal_seq"] > max(before["recorded_seq"], before["telemetry_seq"])
    assert plant.alarms() == POINTS[:2]
    with core(plant.site, plant.data) as third:
        third.await_connected()
        plant.alarm_of(third, POINTS[2])
        assert "journal_behind" not in third.await_status(lambda _: True, "it answers")["counters"]
    assert plant.alarms() == POINTS


def test_records_from_a_backup_get_back_what_the_journal_still_knows(plant: Plant) -> None:
    with core(plant.site, plant.data) as first:
        first.await_connected()
        plant.alarm_of(first, POINTS[0])
    copy_database(plant.data / "records.db", plant.data / "backup.db")
    with core(plant.site, plant.data) as second:
        second.await_connected()
        plant.alarm_of(second, POINTS[1])
        await_newer_checkpoints(second, plant)
    copy_database(plant.data / "backup.db", plant.data / "records.db")
    assert plant.alarms() == POINTS[:1]
    with core(plant.site, plant.data) as third:
        third.await_connected()
        third.await_status(lambda status: status["unrecorded"] == 0, "the gap is recorded")
        assert plant.alarms() == POINTS[:2]
        plant.alarm_of(third, POINTS[2])
        counters = third.await_status(lambda _: True, "it answers")["counters"]
    assert "history_missing" not in str(counters)
    assert plant.alarms() == POINTS


def copy_database(source: Path, target: Path) -> None:
    """With what stands in its write-ahead file."""
    with closing(sqlite3.connect(source)) as reader, closing(sqlite3.connect(target)) as writer:
        reader.backup(writer)


def await_newer_checkpoints(running: CoreProcess, plant: Plant) -> None:
    """Both that are kept are newer than the alarm: beginning at either would leave it out."""
    alarm_seq = int(running.await_status(lambda _: True, "it answers")["journal_seq"])

    def looked() -> bool:
        time.sleep(CHECKPOINT_S)
        plant.say({POINTS[2]: 50.0})
        return min(map(int, numbers_of_checkpoints(plant.data))) > alarm_seq

    until(looked, "two checkpoints after the alarm")


def numbers_of_checkpoints(data: Path) -> list[str]:
    files = (data / "checkpoints").glob("detectors-*.checkpoint")
    return [path.stem.removeprefix("detectors-") for path in files]


def test_records_with_the_numbers_of_another_day_are_refused_in_one_sentence(
    plant: Plant,
) -> None:
    with core(plant.site, plant.data) as first:
        first.await_connected()
    with closing(sqlite3.connect(plant.data / "records.db")) as other_day:
        other_day.execute("update points set number = number + 100")
        other_day.commit()
    second = CoreProcess(plant.site, plant.data)
    assert second.process.wait(30) == BAD_INPUT
    assert "core cannot start: records and journal do not belong together" in second.last_words()


def test_beside_a_process_that_writes_the_journal_core_ends_and_writes_nothing(
    plant: Plant,
) -> None:
    with closing(SqliteJournal(plant.data / "journal")) as other_core:
        other_core.open_for_writing()
        second = CoreProcess(plant.site, plant.data)
        assert second.process.wait(30) == BAD_INPUT
    assert "core cannot start: another core serves" in second.last_words()
    assert [path.name for path in plant.data.iterdir()] == ["journal"]


@pytest.mark.parametrize("lose", ["unlink", "damage"])
def test_core_starts_without_any_checkpoint_that_it_can_read(plant: Plant, lose: str) -> None:
    with core(plant.site, plant.data) as first:
        first.await_connected()
        plant.alarm_of(first, POINTS[0])
    for path in (plant.data / "checkpoints").iterdir():
        path.unlink() if lose == "unlink" else path.write_bytes(b"poem")
    with core(plant.site, plant.data) as second:
        second.await_connected()
        plant.alarm_of(second, POINTS[1])
    assert plant.alarms() == POINTS[:2]
