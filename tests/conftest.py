"""Real servers for tests: found on this machine, started on a free port, ended with the test."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from service.broker import BrokerKind, LocalBroker, mosquitto_program
from storage.migrate import upgrade
from tests.support import postgres
from tests.support.kafka import Kafka, KafkaServer, kafka_is_here
from tests.support.postgres import PostgresServer, fresh_database
from tests.support.records_stores import PostgresAt, RecordsStore
from tests.support.rtsp import rtsp_is_here
from tests.support.series_servers import (
    Influx,
    SeriesServer,
    influx_server,
    influxd_program,
    set_up_influx,
    victoria_program,
    victoria_server,
)
from tests.support.small_disk import mount_command


def missing(what_to_do: str) -> None:
    """Skip; in CI, where servers are required, fail."""
    if os.environ.get("GRIDWARDEN_REQUIRE_SERVERS") == "1":
        pytest.fail(what_to_do)
    pytest.skip(what_to_do)


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """A command that runs inside this process sets up its logging, over a stream that ends with it."""
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture(scope="session")
def needs_mosquitto() -> None:
    """For tests that start brokers of their own."""
    if mosquitto_program() is None:
        missing("mosquitto: apt-get install mosquitto, or make servers")


@pytest.fixture(scope="session")
def needs_rtsp() -> None:
    """For tests that start an RTSP server."""
    if not rtsp_is_here():
        missing("GStreamer's RTSP server with its Python bindings: make servers")


@pytest.fixture(scope="session")
def needs_influx() -> None:
    """For tests that start servers of their own."""
    if influxd_program() is None:
        missing("InfluxDB 2: make servers (with Go and Rust), or influxd on the PATH")


@pytest.fixture(scope="session")
def influx(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Influx]:
    """One for all tests that leave it alive: each takes buckets of its own (`new_bucket`)."""
    if url := os.environ.get("GRIDWARDEN_TEST_INFLUX"):
        org = os.environ.get("GRIDWARDEN_TEST_INFLUX_ORG", "oilfield")
        yield Influx(url, org, os.environ["GRIDWARDEN_TEST_INFLUX_TOKEN"])
        return
    request.getfixturevalue("needs_influx")
    with influx_server(tmp_path_factory.mktemp("influxdb")) as running:
        yield set_up_influx(running)


@pytest.fixture
def own_influx(tmp_path: Path, needs_influx: None) -> Iterator[SeriesServer]:
    """One that a test may stop, kill and freeze."""
    with influx_server(tmp_path / "influxdb") as running:
        yield running


@pytest.fixture(scope="session")
def victoria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a VictoriaMetrics, which takes the same writes."""
    if url := os.environ.get("GRIDWARDEN_TEST_VICTORIA"):
        yield url
        return
    if victoria_program() is None:
        missing("VictoriaMetrics: apt-get install victoria-metrics, or make servers")
    with victoria_server(tmp_path_factory.mktemp("victoria")) as running:
        yield running.url


@pytest.fixture(scope="session")
def chromium() -> str:
    """The program; Playwright brings none of its own here."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    missing("chromium: apt-get install chromium, or make servers")
    raise AssertionError("not reached")


@pytest.fixture(scope="session")
def postgres_programs() -> Path:
    """Where initdb, postgres and pg_dump are."""
    found = postgres.programs()
    if found is None:
        missing("PostgreSQL: apt-get install postgresql, or make servers")
    assert found is not None
    return found


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> Iterator[PostgresAt]:
    """GRIDWARDEN_TEST_POSTGRES (with GRIDWARDEN_TEST_POSTGRES_PASSWORD) names one whose user may make
    databases; else one of our own."""
    address = os.environ.get("GRIDWARDEN_TEST_POSTGRES")
    if address:
        yield PostgresAt(url=address, password=os.environ.get("GRIDWARDEN_TEST_POSTGRES_PASSWORD"))
        return
    server = PostgresServer(request.getfixturevalue("postgres_programs"))
    try:
        server.start()
        yield PostgresAt(url=server.url, password=postgres.PASSWORD)
    finally:
        server.stop()


@pytest.fixture(scope="session")
def migrated_template(postgres_server: PostgresAt) -> Iterator[str]:
    """The name of a database with our tables, from which a test's own is copied."""
    with fresh_database(postgres_server.url, postgres_server.password) as url:
        engine = PostgresAt(url=url, password=postgres_server.password).engine()
        upgrade(engine)
        engine.dispose()
        yield url.rpartition("/")[2]


@pytest.fixture
def empty_postgres(postgres_server: PostgresAt) -> Iterator[PostgresAt]:
    """A database of this test, without tables."""
    with fresh_database(postgres_server.url, postgres_server.password) as url:
        yield PostgresAt(url=url, password=postgres_server.password)


@pytest.fixture
def other_empty_postgres(postgres_server: PostgresAt) -> Iterator[PostgresAt]:
    """A second one."""
    with fresh_database(postgres_server.url, postgres_server.password) as url:
        yield PostgresAt(url=url, password=postgres_server.password)


@pytest.fixture
def own_postgres(postgres_programs: Path) -> Iterator[PostgresServer]:
    """A whole server of this test: it may be killed."""
    server = PostgresServer(postgres_programs)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RecordsStore]:
    """Records of this release with nothing in them, in each database."""
    path = tmp_path / "records.db"
    if request.param == "sqlite":
        made = RecordsStore(path=path)
        engine = made.engine()
        upgrade(engine)
        engine.dispose()
        yield made
        return
    server: PostgresAt = request.getfixturevalue("postgres_server")
    template: str = request.getfixturevalue("migrated_template")
    with fresh_database(server.url, server.password, template) as url:
        yield RecordsStore(path=path, postgres=PostgresAt(url=url, password=server.password))


@pytest.fixture
def broker(tmp_path: Path, needs_mosquitto: None) -> Iterator[LocalBroker]:
    """A running mosquitto that keeps its sessions in a folder of this test."""
    with LocalBroker(tmp_path / "mosquitto", kind=BrokerKind.MOSQUITTO) as running:
        yield running


@pytest.fixture
def iotcore_broker(tmp_path: Path) -> Iterator[LocalBroker]:
    """The broker of a machine without mosquitto: memory only, v5 and v3.1.1 on two ports."""
    with LocalBroker(tmp_path / "iotcore", kind=BrokerKind.IOTCORE) as running:
        yield running


@pytest.fixture(scope="session")
def needs_kafka() -> None:
    """For tests that start servers of their own."""
    if not kafka_is_here():
        missing("Apache Kafka: make servers (Java 17 and the jars of tests/servers/kafka)")


@pytest.fixture(scope="session")
def kafka(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Kafka]:
    """One for all tests that leave it alive: each takes topics and groups of its own (`new_topic`)."""
    if address := os.environ.get("GRIDWARDEN_TEST_KAFKA"):
        yield Kafka(address)
        return
    request.getfixturevalue("needs_kafka")
    with KafkaServer(tmp_path_factory.mktemp("kafka")) as running:
        yield running.inside


@pytest.fixture
def kafka_server(tmp_path: Path, needs_kafka: None) -> Iterator[KafkaServer]:
    """One that a test may stop, kill and freeze."""
    with KafkaServer(tmp_path / "kafka") as running:
        yield running


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB, in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        mounted = subprocess.run(mount_command(folder), capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("a small disk for the test needs the program mount")
    if mounted.returncode != 0:
        missing(f"a small disk for the test needs the right to mount: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
