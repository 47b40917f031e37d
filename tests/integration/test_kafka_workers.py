"""Several workers on a real Kafka, a real PostgreSQL and a real InfluxDB: they share the partitions, and what
comes of it is what one worker without any trouble finds."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from domain.paperwork import Role
from domain.requests import AcknowledgeIncident, PutUser
from service.broker import LocalBroker
from service.core_client import CoreClient
from service.settings import TelemetrySettings
from service.stores import influx_config
from storage.records import SqlRecords
from storage.telemetry_influx import InfluxTelemetry
from tests.support import numbered
from tests.support.kafka import Kafka
from tests.support.kafka_chain import (
    PARTITIONS,
    RATE,
    Chain,
    alarms_of_one_evaluation,
    await_commanded_once,
    partitions_of,
    point_numbers,
    recorded_alarms,
    start_soon_ms,
    the_stream,
)
from tests.support.records_stores import PostgresAt
from tests.support.running import CoreProcess, until
from tests.support.series_servers import Influx

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.postgres,
    pytest.mark.influx,
    pytest.mark.mosquitto,
]


class Shared:
    """A chain whose workers share their stores."""

    def __init__(self, chain: Chain, postgres: PostgresAt, telemetry: TelemetrySettings) -> None:
        self.chain = chain
        self.engine: Engine = postgres.engine()
        self._telemetry = telemetry

    def expect_all_as_without_trouble(self, messages: int, start_ms: int) -> None:
        numbers = point_numbers(self.engine)
        stream = the_stream(messages, start_ms, numbers)
        last_us = stream[-1][1]
        expected = [
            alarm
            for alarm in alarms_of_one_evaluation(self.chain.site, stream, numbers)
            if alarm[2] <= last_us
        ]
        assert expected
        until(
            lambda: (
                [each for each in recorded_alarms(self.engine) if each[2] <= last_us] == expected
            ),
            "the alarms are those of one evaluation",
            120,
        )
        await_commanded_once(self.chain, self.engine)
        self.expect_stored(stream, list(numbers.values()))

    def expect_stored(self, stream: list[tuple[int, int, float]], points: list[int]) -> None:
        store = InfluxTelemetry(influx_config(self._telemetry), _Uncounted(), lambda *_: None)
        until(lambda: store.count() >= len(stream), "every reading is stored", 120)
        stored = [
            (point, time_us)
            for point in points
            for time_us in store.history(point, 0, 2**61).event_time.tolist()
        ]
        store.close()
        assert sorted(stored) == sorted(row[:2] for row in stream)


class _Uncounted:
    def add(self, name: str, count: int = 1, **labels: str) -> None:
        pass


@pytest.fixture
def shared(
    tmp_path: Path, broker: LocalBroker, kafka: Kafka, empty_postgres: PostgresAt, influx: Influx
) -> Iterator[Shared]:
    telemetry = {"URL": influx.url, "ORG": influx.org, "TOKEN": influx.token}
    telemetry["BUCKET"] = influx.new_bucket()
    settings = {f"GRIDWARDEN_TELEMETRY__{name}": value for name, value in telemetry.items()}
    settings["GRIDWARDEN_RECORDS__URL"] = empty_postgres.url
    if empty_postgres.password:
        settings["GRIDWARDEN_RECORDS__PASSWORD"] = empty_postgres.password
    with Chain(tmp_path, broker, kafka.bootstrap, settings) as chain:
        made = Shared(
            chain,
            empty_postgres,
            TelemetrySettings.model_validate(
                {name.lower(): value for name, value in telemetry.items()}
            ),
        )
        yield made
        made.engine.dispose()


def owned(*workers: CoreProcess) -> list[int]:
    return [len(partitions_of(worker)) for worker in workers]


def both_own_some(first: CoreProcess, second: CoreProcess) -> Callable[[], bool]:
    def holds() -> bool:
        shares = owned(first, second)
        return min(shares) > 0 and sum(shares) == PARTITIONS

    return holds


def test_a_second_worker_joins_and_leaves_under_load(shared: Shared) -> None:
    seconds, chain = 30, shared.chain
    chain.start_sirens()
    chain.bridge().await_running()
    first = chain.worker("one")
    first.await_connected()
    messages, start_ms = RATE * seconds // numbered.READINGS_PER_MESSAGE, start_soon_ms()
    publisher = chain.publish(messages, start_ms)
    until(lambda: evaluated(first) > 2 * RATE, "the first works", 60)

    second = chain.worker("two")
    until(both_own_some(first, second), "they share the partitions", 60)
    until(lambda: evaluated(second) > RATE, "the second works", 60)
    second.process.send_signal(signal.SIGTERM)
    assert second.process.wait(30) == 0, second.last_words()
    until(lambda: owned(first) == [PARTITIONS], "the first has all again", 60)

    publisher.await_everything_acknowledged(seconds + 60)
    shared.expect_all_as_without_trouble(messages, start_ms)


def test_kill_9_of_a_worker_hands_its_partitions_to_the_other(shared: Shared) -> None:
    seconds, chain = 25, shared.chain
    chain.start_sirens()
    chain.bridge().await_running()
    first, second = chain.worker("one"), chain.worker("two")
    until(both_own_some(first, second), "they share the partitions", 90)
    messages, start_ms = RATE * seconds // numbered.READINGS_PER_MESSAGE, start_soon_ms()
    publisher = chain.publish(messages, start_ms)
    until(lambda: evaluated(second) > RATE, "the second works", 60)

    second.kill()
    until(lambda: owned(first) == [PARTITIONS], "the first has all", 60)

    publisher.await_everything_acknowledged(seconds + 60)
    shared.expect_all_as_without_trouble(messages, start_ms)


def test_a_worker_that_stalls_and_comes_back_with_an_old_epoch_writes_nothing(
    shared: Shared,
) -> None:
    seconds, chain = 40, shared.chain
    chain.start_sirens()
    chain.bridge().await_running()
    first, second = chain.worker("one"), chain.worker("two")
    until(both_own_some(first, second), "they share the partitions", 90)
    messages, start_ms = RATE * seconds // numbered.READINGS_PER_MESSAGE, start_soon_ms()
    publisher = chain.publish(messages, start_ms)
    until(lambda: evaluated(second) > RATE, "the second works", 60)

    second.process.send_signal(signal.SIGSTOP)
    until(lambda: owned(first) == [PARTITIONS], "the first has all", 60)
    epochs = {name: each["epoch"] for name, each in partitions_of(first).items()}
    until(lambda: evaluated(first) > 5 * RATE, "the first goes on", 60)
    second.process.send_signal(signal.SIGCONT)
    until(both_own_some(first, second), "they share again", 90)

    publisher.await_everything_acknowledged(seconds + 90)
    shared.expect_all_as_without_trouble(messages, start_ms)
    now = {**partitions_of(first), **partitions_of(second)}
    assert any(now[name]["epoch"] > epochs[name] for name in epochs)


def test_what_a_person_decides_at_one_worker_holds_at_the_other(shared: Shared) -> None:
    chain = shared.chain
    chain.bridge().await_running()
    first, second = chain.worker("one"), chain.worker("two")
    until(both_own_some(first, second), "they share the partitions", 90)
    chain.publish(RATE * 4 // numbered.READINGS_PER_MESSAGE, start_soon_ms())
    records = SqlRecords(shared.engine)
    until(lambda: len(records.open_incidents()) >= 3, "incidents are open", 60)

    clients = [CoreClient(chain.folder / name).start() for name in ("one", "two")]
    heard: list[str] = []
    clients[0].subscribe(lambda change: heard.append(str(change.get("kind"))))
    clients[1].subscribe(lambda change: heard.append(str(change.get("kind"))))
    try:
        assert all(client.await_connected(10) for client in clients)
        made = clients[0].ask(
            PutUser(
                name="duty",
                password="x" * 20,
                roles=frozenset({Role.ADMINISTRATOR, Role.DISPATCHER}),
            ),
            "local",
        )
        assert made.done, made
        until(lambda: _may_act(clients[1], shared, "duty"), "the user is known everywhere", 30)
        for incident in records.open_incidents():
            outcome = clients[1].ask(AcknowledgeIncident(incident_id=incident.incident_id), "duty")
            assert outcome.done or (outcome.why and outcome.why.code == "already_acknowledged")
        # the desk is one worker's; a page at the other hears of it
        until(lambda: "desk" in heard, "the other console hears that something changed", 30)
    finally:
        for client in clients:
            client.stop()
    assert {each.acknowledged_by for each in records.open_incidents()} == {"duty"}


def _may_act(client: CoreClient, shared: Shared, user: str) -> bool:
    outcomes = [
        client.ask(AcknowledgeIncident(incident_id=incident.incident_id), user)
        for incident in SqlRecords(shared.engine).open_incidents()
    ]
    return all(each.why is None or each.why.code != "unknown_user" for each in outcomes)


def evaluated(worker: CoreProcess) -> int:
    status = worker.status()
    return 0 if status is None else int(status["evaluated_rows"])
