"""A limit that two people agreed to is valid within a second, in the same core; a kill loses nothing."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from domain.access import LOCAL_OPERATOR
from domain.assets import Condition
from domain.ids import PointKey
from domain.limit_changes import LimitSetting
from domain.paperwork import Role, User
from domain.records import LimitsActivated
from domain.requests import ChangeLimit, DecideApproval, PutUser
from service.broker import LocalBroker
from service.core_client import CoreClient
from storage.console_reads import ConsoleReads
from storage.engines import sqlite_engine
from storage.journal import SqliteJournal
from storage.records import RecordedEvent, SqlRecords
from tests.support.publishing import Gateway
from tests.support.running import CoreProcess, core, until
from tests.support.sites import CODE, SOURCE, limit, write_site

pytestmark = pytest.mark.mosquitto

POINT = PointKey("N/1")
SECOND = User(
    name="second", password="x", roles=frozenset({Role.ADMINISTRATOR, Role.SAFETY_MANAGER})
)


@pytest.fixture
def site(broker: LocalBroker, tmp_path: Path) -> Path:
    limits = [limit(POINT, "H", 85, deadband="2", off_delay="0s")]
    return write_site(tmp_path / "site", port=broker.port, points=[POINT], limits=limits)


@pytest.fixture
def running(site: Path, tmp_path: Path) -> Iterator[CoreProcess]:
    with core(site, tmp_path / "data") as started:
        started.await_connected()
        yield started


def records(data: Path) -> SqlRecords:
    return SqlRecords(sqlite_engine(data / "records.db", busy_ms=2_000))


def alarms(data: Path) -> list[RecordedEvent]:
    """Of the point; a siren that is not there has one of its own."""
    return [each for each in records(data).events() if each.raised.point == POINT]


def one_after_the_other(gateway: Gateway, *values: float) -> None:
    """A millisecond apart: two values of one moment would be a conflict."""
    now_ms = time.time_ns() // 1_000_000
    for later, value in enumerate(values):
        gateway.say({POINT: value}, now_ms + later)


def asked(value: float) -> ChangeLimit:
    was = LimitSetting(point=POINT, condition=Condition.HIGH, value=value, deadband=2.0)
    return ChangeLimit(setting=was, reason="夏季负荷")


def propose(client: CoreClient, data: Path, value: float) -> Any:
    added = client.ask(PutUser(name=SECOND.name, password="x", roles=SECOND.roles), LOCAL_OPERATOR)
    assert added.done
    proposed = client.ask(asked(value), LOCAL_OPERATOR)
    assert proposed.done, proposed.why
    reads = ConsoleReads(sqlite_engine(data / "records.db", busy_ms=2_000))
    until(lambda: reads.approvals(waiting=True) != [], "the approval waits")
    (approval,) = reads.approvals(waiting=True)
    return approval.approval_id


def test_a_standing_alarm_goes_on_or_clears_as_changed_within_a_second_of_the_agreement(
    broker: LocalBroker, running: CoreProcess
) -> None:
    client = CoreClient(running.data).start()
    heard: list[Mapping[str, Any]] = []
    client.subscribe(heard.append)
    before = running.status()
    assert before
    with Gateway(broker.port, CODE, SOURCE) as gateway:
        gateway.say({POINT: 90.0})
        until(lambda: any(each["kind"] == "alarm_raised" for each in heard), "it alarms")
        approval = propose(client, running.data, 95)
        agreed = client.ask(DecideApproval(approval_id=approval, approve=True), SECOND.name)
        assert agreed.done, agreed.why
        # the promise itself, not a guess
        until(lambda: any(each["kind"] == "alarm_cleared" for each in heard), "it clears", 1.0)
        one_after_the_other(gateway, 94.0, 96.0)
        until(lambda: len(alarms(running.data)) == 2, "it alarms at the new limit")
    after = running.status()
    assert after
    assert after["pid"] == before["pid"], "core was not started again"
    first, second = alarms(running.data)
    assert first.cleared
    assert first.cleared.reason == "limit_changed"
    assert (first.raised.limit, second.raised.limit) == (85, 95)
    assert second.raised.limits_version == first.raised.limits_version + 1
    client.stop()


def test_an_agreement_that_was_recorded_survives_kill_9_before_it_was_activated(
    broker: LocalBroker, site: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    killed = CoreProcess(site, data)
    killed.await_connected()
    client = CoreClient(data).start()
    approval = propose(client, data, 95)
    client.ask(DecideApproval(approval_id=approval, approve=True), SECOND.name)
    until(lambda: len(records(data).effective_limit_changes()) == 1, "it is recorded")
    killed.kill()
    client.stop()
    with core(site, data) as next_life:
        next_life.await_connected()
        with Gateway(broker.port, CODE, SOURCE) as gateway:
            one_after_the_other(gateway, 90.0, 96.0)
            until(lambda: alarms(data) != [], "it alarms")
    (event,) = alarms(data)
    assert event.raised.limit == 95
    activated = _versions(data)
    assert activated == sorted(set(activated)), "no version is given twice"


def _versions(data: Path) -> list[int]:
    with closing(_journal(data)) as journal:
        return [
            record.limits.version
            for _, record in journal.read(after=0)
            if isinstance(record, LimitsActivated)
        ]


def _journal(data: Path) -> SqliteJournal:
    return SqliteJournal(data / "journal")
