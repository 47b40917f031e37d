"""The disk is full: the siren is commanded, nothing is acknowledged, and room is enough to recover."""

import time
from pathlib import Path

from domain.commands import CommandState
from service.broker import LocalBroker
from storage.engines import sqlite_engine
from storage.records import SqlRecords
from tests.support.publishing import Gateway
from tests.support.running import Siren, core, until
from tests.support.sites import CODE, SIREN, SOURCE, limit, write_site
from tests.support.small_disk import fill

POINT = "N/1"
MESSAGES = 40


def test_a_full_disk_holds_back_acknowledgements_and_no_siren(
    broker: LocalBroker, disk: Path, tmp_path: Path
) -> None:
    site = write_site(
        tmp_path / "site",
        port=broker.port,
        points=[POINT],
        limits=[limit(POINT, "H", 85)],
        confirm_within="30s",
    )
    with (
        core(site, disk / "data") as running,
        Siren(broker.port, CODE, SIREN, tmp_path) as siren,
        Gateway(broker.port, CODE, SOURCE) as gateway,
    ):
        running.await_connected()
        siren.await_listening()
        filler = fill(disk)
        running.await_status(lambda status: status["unjournalled"] > 0, "the journal is stuck")
        now_ms = time.time_ns() // 1_000_000
        gateway.say({POINT: 95.0}, now_ms)
        until(lambda: len(siren.acted()) == 1, "the siren acts")
        for number in range(1, MESSAGES):
            gateway.say({POINT: 96.0}, now_ms + number)
        full = running.await_status(
            lambda status: (
                status["source"]["unacknowledged"] == MESSAGES + 1
            ),  # the siren's word too
            "every message waits for its acknowledgement",
        )
        assert full["stored_rows"] in (0, None)
        assert full["counters"]["journal_unavailable"] > 0
        assert full["counters"]["commanded_before_decided"] == 1

        running.await_status(
            # the waits between attempts have grown to their longest
            lambda status: status["counters"]["journal_unavailable"] >= 9,
            "core goes on trying",
        )
        filler.unlink()
        running.await_status(
            lambda status: (
                status["source"]["unacknowledged"] == 0 and status["stored_rows"] == MESSAGES
            ),
            "what waited is journalled, acknowledged and stored",
            60,
        )
        records = SqlRecords(sqlite_engine(disk / "data" / "records.db"))
        until(lambda: len(records.commands()) == 1, "the command is recorded")
        until(
            lambda: all(
                command.ended_at_us and command.sent_at_us for command in records.commands()
            ),
            "and has ended and bears its mark",
        )
        (command,) = records.commands()
        assert command.state is CommandState.CONFIRMED
        assert command.sent_before_recorded
        assert siren.acted() == [str(command.command_id)]
        assert [each.raised.point for each in records.events()] == [POINT]
