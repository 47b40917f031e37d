"""Each neighbour of a worker is gone for a while under load, one after the other: level 1 goes out meanwhile,
and afterwards everything is there, in order and once.

GRIDWARDEN_TEST_AWAY_S=120 makes the while two minutes.
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from service.broker import LocalBroker
from service.settings import TelemetrySettings
from tests.integration.test_kafka_workers import Shared, evaluated
from tests.support import numbered
from tests.support.kafka import KafkaServer
from tests.support.kafka_chain import RATE, Chain, start_soon_ms
from tests.support.postgres import PASSWORD, PostgresServer
from tests.support.records_stores import PostgresAt
from tests.support.running import until
from tests.support.series_servers import SeriesServer, set_up_influx

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.postgres,
    pytest.mark.influx,
    pytest.mark.mosquitto,
]

AWAY_S: Final = int(os.environ.get("GRIDWARDEN_TEST_AWAY_S", "20"))
BEFORE_S, AFTER_S = 8, 8


@dataclass(frozen=True, slots=True)
class Neighbours:
    kafka: KafkaServer
    postgres: PostgresServer
    influx: SeriesServer
    shared: Shared


@pytest.fixture
def neighbours(
    tmp_path: Path,
    broker: LocalBroker,
    kafka_server: KafkaServer,
    own_postgres: PostgresServer,
    own_influx: SeriesServer,
) -> Iterator[Neighbours]:
    influx = set_up_influx(own_influx)
    telemetry = {"url": influx.url, "org": influx.org, "token": influx.token}
    telemetry["bucket"] = influx.new_bucket()
    settings = {f"GRIDWARDEN_TELEMETRY__{name.upper()}": said for name, said in telemetry.items()}
    settings["GRIDWARDEN_RECORDS__URL"] = own_postgres.url
    settings["GRIDWARDEN_RECORDS__PASSWORD"] = PASSWORD
    with Chain(tmp_path, broker, kafka_server.bootstrap, settings) as chain:
        postgres = PostgresAt(url=own_postgres.url, password=PASSWORD)
        made = Shared(chain, postgres, TelemetrySettings.model_validate(telemetry))
        yield Neighbours(kafka_server, own_postgres, own_influx, made)
        made.engine.dispose()


Act = Callable[[Neighbours], Any]


@pytest.mark.parametrize(
    ("end", "begin", "counter"),
    [
        pytest.param(
            lambda all_: all_.kafka.kill(),
            lambda all_: all_.kafka.start(),
            "fail_open_began",
            id="kafka",
        ),
        pytest.param(
            lambda all_: all_.postgres.kill(),
            lambda all_: all_.postgres.start(),
            "records_unavailable",
            id="postgres",
        ),
        pytest.param(
            lambda all_: all_.influx.kill(),
            lambda all_: all_.influx.start(),
            "telemetry_unavailable",
            id="influx",
        ),
    ],
)
def test_level_1_goes_out_while_one_is_away_and_the_backlog_comes_in_order(
    neighbours: Neighbours, end: Act, begin: Act, counter: str
) -> None:
    chain = neighbours.shared.chain
    chain.start_sirens()
    chain.bridge().await_running()
    worker = chain.worker("one")
    worker.await_connected()
    seconds = BEFORE_S + AWAY_S + AFTER_S
    messages, start_ms = RATE * seconds // numbered.READINGS_PER_MESSAGE, start_soon_ms()
    publisher = chain.publish(messages, start_ms)
    until(lambda: evaluated(worker) > RATE * BEFORE_S // 2, "it works", 60)

    end(neighbours)
    worker.await_status(
        lambda status: status["counters"].get(counter, 0) >= 1, f"{counter} is counted", 30
    )
    acted = sum(chain.acted().values())
    until(
        lambda: sum(chain.acted().values()) > acted + 3,
        "level 1 is commanded meanwhile",
        AWAY_S,
    )
    until(lambda: published(start_ms) >= BEFORE_S + AWAY_S, "the while is over", AWAY_S + 30)
    begin(neighbours)

    publisher.await_everything_acknowledged(AFTER_S + AWAY_S + 90)
    neighbours.shared.expect_all_as_without_trouble(messages, start_ms)
    assert chain.workers == [worker], "it was never started anew"


def published(start_ms: int) -> float:
    """Seconds of the stream that are out."""
    return time.time() - start_ms / 1_000
