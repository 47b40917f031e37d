"""The records in a real PostgreSQL that dies, hangs and comes back; and `gridwarden run` on it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text

from domain.access import LOCAL_OPERATOR
from domain.assets import Priority
from domain.changes import Changes
from domain.commands import CommandState, DeviceCommand
from domain.ids import DeviceId, command_id
from domain.incidents import IncidentState
from domain.ports import StorageUnavailable
from domain.requests import AcknowledgeIncident
from service.broker import LocalBroker
from service.core_client import CoreClient
from service.recovery import Unwirable, open_records
from service.settings import RecordsSettings
from storage.console_reads import ConsoleReads, IncidentFilter
from storage.engines import reading, writing
from storage.migrate import is_current, upgrade
from storage.postgres import Patience
from storage.records import SqlRecords
from tests.support.command import running
from tests.support.postgres import PASSWORD, PostgresServer
from tests.support.publishing import Gateway
from tests.support.records_stores import PostgresAt
from tests.support.running import ROOT, CoreProcess, Siren, core, until
from tests.support.sites import CODE, SIREN, SOURCE, limit, write_site

pytestmark = pytest.mark.postgres

POINTS = [f"N/{number}" for number in range(20)]
HURRY = Patience(connect_s=2, statement_ms=1_000, lock_ms=500)


@pytest.fixture
def server(own_postgres: PostgresServer) -> PostgresServer:
    return own_postgres


@pytest.fixture
def at(server: PostgresServer) -> PostgresAt:
    return PostgresAt(url=server.url, password=PASSWORD)


@pytest.fixture
def engine(at: PostgresAt) -> Iterator[Engine]:
    made = at.engine(HURRY)
    upgrade(made)
    yield made
    made.dispose()


@pytest.fixture
def looking(at: PostgresAt) -> Iterator[Engine]:
    """For the test to see what core does."""
    made = at.engine()
    yield made
    made.dispose()


def _command(number: int) -> DeviceCommand:
    return DeviceCommand(
        command_id=UUID(int=number),
        event_id=UUID(int=1),
        device_id=DeviceId("siren"),
        action="sound",
        text="",
        priority=Priority.URGENT,
        created_at_us=number,
        valid_until_us=number + 60,
        max_on_s=60,
    )


def test_a_server_that_was_killed_is_missed_and_works_when_it_is_back(
    server: PostgresServer, engine: Engine
) -> None:
    records = SqlRecords(engine)
    records.commit(Changes(commands=[_command(1)]), 1)
    server.kill()
    for _ in range(3):
        with pytest.raises(StorageUnavailable, match=f"postgres at 127.0.0.1:{server.port}"):
            records.commit(Changes(commands=[_command(2)]), 2)
    server.start()
    assert records.applied_seq() == 1
    records.commit(Changes(commands=[_command(2)]), 2)
    assert records.commands() == [_command(1), _command(2)]


def test_a_server_that_hangs_is_given_up_and_works_when_it_goes_on(
    server: PostgresServer, engine: Engine
) -> None:
    """Its machine still answers for it, so that neither TCP nor its own time limits help."""
    records = SqlRecords(engine)
    records.commit(Changes(commands=[_command(1)]), 1)
    refused: list[str] = []

    def write() -> None:
        for _ in range(2):  # on the connection that is there, and on a new one
            try:
                records.commit(Changes(commands=[_command(2)]), 2)
            except StorageUnavailable as error:
                refused.append(str(error))

    writer = threading.Thread(target=write, daemon=True)
    with server.hanging():
        writer.start()
        writer.join(30)
        assert not writer.is_alive()
    assert len(refused) == 2
    records.commit(Changes(commands=[_command(2)]), 2)
    assert records.commands() == [_command(1), _command(2)]


def test_a_statement_that_takes_too_long_is_given_up_by_the_server(engine: Engine) -> None:
    with pytest.raises(StorageUnavailable, match="statement timeout"), reading(engine) as there:
        there.execute(text("select pg_sleep(30)"))


def test_what_we_ask_of_the_server_holds_in_each_session(engine: Engine) -> None:
    with writing(engine) as connection:
        told = {
            name: connection.scalar(text(f"show {name}"))
            for name in (
                "synchronous_commit",
                "transaction_isolation",
                "application_name",
                "idle_in_transaction_session_timeout",
                "lock_timeout",
            )
        }
    assert told == {
        "synchronous_commit": "on",
        "transaction_isolation": "read committed",
        "application_name": "gridwarden",
        "idle_in_transaction_session_timeout": "2s",
        "lock_timeout": "500ms",
    }
    with reading(engine) as connection:
        assert connection.scalar(text("show transaction_isolation")) == "repeatable read"
        assert connection.scalar(text("show transaction_read_only")) == "on"


@pytest.mark.parametrize(
    ("url", "password", "said"),
    [
        pytest.param("{url}", "wrong", "password authentication failed", id="wrong-password"),
        pytest.param("{url}", None, "no password supplied", id="no-password"),
        pytest.param("{server}/nowhere", PASSWORD, "does not exist", id="no-such-database"),
    ],
)
def test_who_is_not_let_in_is_told_in_one_line(
    server: PostgresServer, url: str, password: str | None, said: str
) -> None:
    address = url.format(url=server.url, server=server.url.rpartition("/")[0])
    engine = PostgresAt(url=address, password=password).engine(HURRY)
    with pytest.raises(StorageUnavailable, match=said) as refused:
        SqlRecords(engine).applied_seq()
    assert "\n" not in str(refused.value)
    engine.dispose()


def test_workers_that_start_together_migrate_once(at: PostgresAt) -> None:
    failures: list[BaseException] = []

    def start() -> None:
        engine = at.engine(HURRY)
        try:
            upgrade(engine)
            assert is_current(engine)
        except BaseException as error:
            failures.append(error)
        finally:
            engine.dispose()

    starts = [threading.Thread(target=start) for _ in range(5)]
    for each in starts:
        each.start()
    for each in starts:
        each.join(60)
    assert failures == []
    with psycopg.connect(at.url, password=at.password) as connection:
        assert connection.execute("select count(*) from alembic_version").fetchone() == (1,)


def test_an_empty_database_is_not_begun_where_records_were_kept(at: PostgresAt) -> None:
    engine = at.engine(HURRY)
    with pytest.raises(StorageUnavailable, match="is empty, though records were kept before"):
        upgrade(engine, create=False)
    engine.dispose()


def test_a_database_of_another_encoding_is_refused(at: PostgresAt, server: PostgresServer) -> None:
    with psycopg.connect(at.url, password=at.password, autocommit=True) as connection:
        connection.execute(
            "create database old encoding 'LATIN1' locale 'C' template template0"
            " locale_provider libc"
        )
    engine = PostgresAt(url=server.url.replace("/postgres", "/old"), password=PASSWORD).engine()
    with pytest.raises(StorageUnavailable, match="has the encoding LATIN1"):
        upgrade(engine)
    engine.dispose()


def _environment(server: PostgresServer) -> Mapping[str, str]:
    return {"GRIDWARDEN_RECORDS__URL": server.url, "GRIDWARDEN_RECORDS__PASSWORD": PASSWORD}


def test_from_a_reading_to_an_acknowledged_incident_with_kill_9_in_between(
    server: PostgresServer, looking: Engine, broker: LocalBroker, tmp_path: Path
) -> None:
    site = write_site(
        tmp_path / "site", port=broker.port, points=POINTS[:1], limits=[limit(POINTS[0], "H", 85)]
    )
    data = tmp_path / "data"
    reads = ConsoleReads(looking)
    with (
        running(data, broker, site, _environment(server)) as run,
        Siren(broker.port, CODE, SIREN, tmp_path) as siren,
        Gateway(broker.port, CODE, SOURCE) as gateway,
    ):
        siren.await_listening()
        gateway.say({POINTS[0]: 95.0})
        until(lambda: len(siren.acted()) == 1, "the siren sounds")
        until(
            lambda: [each.state for each in reads.last_commands()] == [CommandState.CONFIRMED],
            "its confirmation is recorded",
        )
        assert not (data / "records.db").exists()
        os.kill(run.core_pids[0], signal.SIGKILL)
        until(lambda: len(run.core_pids) == 2 and run.is_current(), "core is back")
        (listed,) = reads.incidents(IncidentFilter())
        client = CoreClient(data).start()
        asked = AcknowledgeIncident(incident_id=listed.incident.incident_id)
        assert client.ask(asked, LOCAL_OPERATOR).done
        client.stop()
        until(
            lambda: (
                [each.incident.state for each in reads.incidents(IncidentFilter())]
                == [IncidentState.ACKNOWLEDGED]
            ),
            "it is acknowledged",
        )
        assert run.end() == 0
        assert not any(PASSWORD in line for line in run.lines + run.warnings)
    assert len(reads.last_commands()) == 1


@contextmanager
def killed(server: PostgresServer) -> Iterator[None]:
    server.kill()
    yield
    server.start()


@contextmanager
def hanging(server: PostgresServer) -> Iterator[None]:
    with server.hanging():
        yield


@pytest.mark.parametrize("trouble", [killed, hanging])
def test_level_1_goes_out_while_postgresql_is_away_and_the_backlog_is_recorded_in_order(
    trouble: Callable[[PostgresServer], AbstractContextManager[None]],
    server: PostgresServer,
    looking: Engine,
    broker: LocalBroker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in _environment(server).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GRIDWARDEN_RECORDS__STATEMENT_TIMEOUT_MS", "1000")
    site = write_site(
        tmp_path / "site",
        port=broker.port,
        points=POINTS,
        limits=[limit(point, "H", 85) for point in POINTS],
        valid_for="5min",
        confirm_within="60s",
    )
    records = SqlRecords(looking)
    with ExitStack() as open_now:
        watched = open_now.enter_context(core(site, tmp_path / "data"))
        siren = open_now.enter_context(Siren(broker.port, CODE, SIREN, tmp_path))
        gateway = open_now.enter_context(Gateway(broker.port, CODE, SOURCE))
        watched.await_connected()
        siren.await_listening()
        _cross(gateway, siren, POINTS[:5])
        until(lambda: len(records.commands()) == 5, "the first are recorded")
        with trouble(server):
            _cross(gateway, siren, POINTS[5:15])
            watched.await_status(
                lambda status: (
                    status["unrecorded"] > 0
                    and "records_unavailable" in status["counters"]
                    and status["source"]["unacknowledged"] == 0
                ),
                "a backlog of what was acknowledged all the same",
            )
        _cross(gateway, siren, POINTS[15:])
        watched.await_status(lambda status: status["unrecorded"] == 0, "all is recorded", 60)
        until(
            lambda: all(
                each.state is CommandState.CONFIRMED and each.sent_at_us is not None
                for each in records.commands()
            ),
            "every command is confirmed and bears its mark",
        )
    events = records.events()
    commands = {each.command_id: each for each in records.commands()}
    assert [each.raised.point for each in events] == POINTS
    due = [command_id(each.raised.event_id, DeviceId(SIREN), "1") for each in events]
    assert siren.acted() == [str(each) for each in due]
    assert commands.keys() == set(due)
    assert all(commands[each].sent_before_recorded for each in due[5:15])
    assert Counter(each.attempt for each in commands.values()) == {1: 20}


def _cross(gateway: Gateway, siren: Siren, points: list[str]) -> None:
    """One after the other over their limit, with readings of all others around it."""
    for point in points:
        due = len(siren.acted()) + 1
        gateway.say({point: 95.0})
        for _ in range(5):
            gateway.say({POINTS[0]: 95.0})
            time.sleep(0.01)
        until(lambda due=due: len(siren.acted()) >= due, f"the siren acts for {point}", 60)  # type: ignore[misc]


def test_the_command_line_reads_and_changes_what_stands_in_postgresql(
    server: PostgresServer, looking: Engine, broker: LocalBroker, tmp_path: Path
) -> None:
    data, exported = tmp_path / "data", tmp_path / "exported"

    def gridwarden(*arguments: str | Path) -> str:
        told = subprocess.run(
            [sys.executable, "-m", "service.cli", *map(str, arguments), "--data", str(data)],
            cwd=ROOT,
            env={**os.environ, **_environment(server)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert told.returncode == 0, told.stderr
        assert PASSWORD not in told.stdout + told.stderr
        return told.stdout

    with running(data, broker, settings=_environment(server)):
        assert "user zl is added" in gridwarden("user", "add", "zl", "--role", "viewer")
        assert "zl  viewer" in gridwarden("user", "list")
        assert "version 1 is in" in gridwarden("export", exported)
        assert "nothing to apply" in gridwarden("apply", exported)
        assert gridwarden("who", "LY/1T", "--language", "en")
        assert "the ledger is whole" in gridwarden("ledger", "verify")
        assert "the records are at" in gridwarden("migrate", "--check")
    assert [user.name for user in SqlRecords(looking).users()] == ["admin", "zl"]


def test_a_second_data_folder_does_not_write_the_records_of_the_first(
    server: PostgresServer, at: PostgresAt, tmp_path: Path
) -> None:
    settings = RecordsSettings(url=server.url, password=SecretStr(PASSWORD))
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    for _ in range(2):  # the first one may come again
        open_records(first / "records.db", settings, journal_seq=0).engine.dispose()
    with pytest.raises(Unwirable, match="holds the records of another data folder") as refused:
        open_records(second / "records.db", settings, journal_seq=0)
    number = (first / "records.id").read_text().strip()
    assert f"if it is lost for good, write {number} into" in str(refused.value)
    (second / "records.id").write_text(number)
    open_records(second / "records.db", settings, journal_seq=0).engine.dispose()
    (second / "records.id").write_text("seven")
    with pytest.raises(StorageUnavailable, match=r"records\.id cannot be read or made"):
        open_records(second / "records.db", settings, journal_seq=0)


def test_core_says_why_it_cannot_start_while_postgresql_is_away(
    server: PostgresServer, broker: LocalBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in _environment(server).items():
        monkeypatch.setenv(name, value)
    limits = [limit(POINTS[0], "H", 85)]
    site = write_site(tmp_path / "site", port=broker.port, points=POINTS[:1], limits=limits)
    server.kill()
    process = CoreProcess(site, tmp_path / "data")
    assert process.process.wait(60) == 75
    assert f"postgres at 127.0.0.1:{server.port} cannot answer" in process.last_words()
    assert PASSWORD not in process.last_words()
