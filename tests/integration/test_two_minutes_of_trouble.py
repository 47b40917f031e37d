"""Neighbours gone for two minutes under load: the records locked, the records gone, the broker gone.

The three troubles run side by side, each with its own core, broker and siren, so that they take two minutes
together. While the records are away level 1 goes out by fail-open and acknowledgements go on; afterwards
everything is recorded in order and nothing twice.
"""

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from domain.commands import CommandState, DeviceCommand
from domain.ids import DeviceId, command_id
from service.broker import BrokerKind, LocalBroker
from storage.engines import sqlite_engine
from storage.records import RecordedEvent, SqlRecords
from tests.support.publishing import Gateway
from tests.support.running import Siren, core, until
from tests.support.sites import CODE, SIREN, SOURCE, limit, write_site

AWAY_S = 120.0
POINTS = [f"N/{number}" for number in range(20)]  # each crosses its limit once while trouble lasts
QUIET = 50.0
LOAD_PER_S = 50


@dataclass(kw_only=True)
class Story:
    """What was seen, for the tests to judge."""

    commanded_while_away: int
    unacknowledged_while_away: int
    journalled_while_away: int
    published: int
    stored: int
    counters: dict[str, int]
    events: list[RecordedEvent]
    commands: list[DeviceCommand]
    acted: Counter[str]


Trouble = Callable[[Path, LocalBroker], AbstractContextManager[None]]


@contextmanager
def records_locked(data: Path, _: LocalBroker) -> Iterator[None]:
    other = sqlite3.connect(data / "records.db", isolation_level=None)
    other.execute("begin exclusive")
    yield
    other.execute("rollback")
    other.close()


@contextmanager
def records_gone(data: Path, _: LocalBroker) -> Iterator[None]:
    names = [path.name for path in data.glob("records.db*")]
    away = data / "away"
    away.mkdir()
    for name in names:
        (data / name).rename(away / name)
    yield
    for name in names:
        (away / name).rename(data / name)


@contextmanager
def broker_gone(_: Path, broker: LocalBroker) -> Iterator[None]:
    broker.stop()
    yield
    broker.restart()


TROUBLES: dict[str, Trouble] = {
    "records locked": records_locked,
    "records gone": records_gone,
    "broker gone": broker_gone,
}


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory, needs_mosquitto: None) -> dict[str, Story]:
    with ThreadPoolExecutor(len(TROUBLES)) as side_by_side:
        running = {
            name: side_by_side.submit(live_through, trouble, tmp_path_factory.mktemp("trouble"))
            for name, trouble in TROUBLES.items()
        }
    return {name: story.result() for name, story in running.items()}


@pytest.mark.parametrize("trouble", ["records locked", "records gone"])
def test_level_1_goes_out_by_fail_open_while_the_records_are_away(
    stories: dict[str, Story], trouble: str
) -> None:
    story = stories[trouble]
    assert story.commanded_while_away == len(POINTS)
    assert all(command.sent_before_recorded for command in story.commands)
    assert story.counters["records_unavailable"] > 0


@pytest.mark.parametrize("trouble", ["records locked", "records gone"])
def test_acknowledgements_go_on_while_the_records_are_away(
    stories: dict[str, Story], trouble: str
) -> None:
    story = stories[trouble]
    assert story.unacknowledged_while_away == 0
    assert story.journalled_while_away > AWAY_S  # ticks and readings


@pytest.mark.parametrize("trouble", TROUBLES)
def test_afterwards_everything_is_there_in_order_and_nothing_twice(
    stories: dict[str, Story], trouble: str
) -> None:
    story = stories[trouble]
    assert story.stored == story.published
    assert [each.raised.point for each in story.events] == POINTS
    assert all(command.state is CommandState.CONFIRMED for command in story.commands)
    due = [command_id(each.raised.event_id, DeviceId(SIREN), "1") for each in story.events]
    assert story.acted == Counter(str(command) for command in due)


def test_a_broker_that_was_gone_is_found_again_and_counted(stories: dict[str, Story]) -> None:
    story = stories["broker gone"]
    assert story.commanded_while_away == 0
    assert story.counters["reconnects{source=field}"] >= 1


def live_through(trouble: Trouble, folder: Path) -> Story:
    data = folder / "data"
    with ExitStack() as open_now:
        broker = open_now.enter_context(
            LocalBroker(folder / "mosquitto", kind=BrokerKind.MOSQUITTO)
        )
        site = write_site(
            folder / "site",
            port=broker.port,
            points=POINTS,
            limits=[limit(point, "H", 85) for point in POINTS],
            valid_for="5min",
            confirm_within="5s",
        )
        running = open_now.enter_context(core(site, data))
        siren = open_now.enter_context(Siren(broker.port, CODE, SIREN, folder))
        gateway = open_now.enter_context(Gateway(broker.port, CODE, SOURCE))
        running.await_connected()
        siren.await_listening()
        before = running.await_status(lambda _: True, "core answers")
        with trouble(data, broker):
            published = load_for(AWAY_S, gateway, siren, at_once=trouble is not broker_gone)
            away = running.await_status(lambda _: True, "core answers")
            commanded = len(siren.acted())
        until(lambda: gateway.unacknowledged == 0, "the broker took everything")
        after = running.await_status(
            lambda status: status["stored_rows"] == published and status["unrecorded"] == 0,
            f"all {published} readings are stored",
            60,
        )
        records = SqlRecords(sqlite_engine(data / "records.db"))
        until(lambda: len(records.commands()) == len(POINTS), "every command is recorded")
        until(
            lambda: all(
                command.ended_at_us and command.sent_at_us for command in records.commands()
            ),
            "every command has ended and bears its mark",
        )
        return Story(
            commanded_while_away=commanded,
            unacknowledged_while_away=away["source"]["unacknowledged"],
            journalled_while_away=away["journal_seq"] - before["journal_seq"],
            published=published,
            stored=after["stored_rows"],
            counters=after["counters"],
            events=records.events(),
            commands=records.commands(),
            acted=Counter(siren.acted()),
        )


def load_for(seconds: float, gateway: Gateway, siren: Siren, *, at_once: bool) -> int:
    """Readings all the time, a crossing every so often; how many were published. With `at_once` the
    siren must act on each crossing before the next."""
    began = time.monotonic()
    published = crossed = 0
    values = dict.fromkeys(POINTS, QUIET)
    while time.monotonic() - began < seconds:
        if crossed < len(POINTS) and time.monotonic() - began > crossed * seconds / len(POINTS):
            values[POINTS[crossed]] = 95.0
            crossed += 1
        gateway.say(values)
        published += len(values)
        time.sleep(len(POINTS) / LOAD_PER_S)
        if at_once and time.monotonic() - began < seconds - 2:
            until(lambda due=crossed: len(siren.acted()) >= due, "the siren acted", 5)  # type: ignore[misc]
    return published
