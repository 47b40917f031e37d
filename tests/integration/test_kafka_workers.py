"""Several workers on a real Kafka, a real PostgreSQL and a real InfluxDB: they share the partitions, and what
comes of it is what one worker without any trouble finds."""

import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from domain.clock import MINUTE_US, system_clock
from domain.commands import Origin
from domain.feeders import DAY_US
from domain.handover import Watch, digest_of
from domain.ids import AssetId, DeviceId, PersonId
from domain.logbook import LogKind
from domain.organisation import Holiday
from domain.outage_requests import (
    AssignCrew,
    EndPlannedOutage,
    NoteEarthFault,
    NoteOutage,
    PlanOutage,
    ReportOutage,
    TickTrial,
)
from domain.outages import TrialResult
from domain.paperwork import Role
from domain.requests import (
    AcknowledgeIncident,
    CallDevice,
    DecideApproval,
    Delegate,
    MarkHoliday,
    NoteHandover,
    ProposeSite,
    PutUser,
    Request,
    SignHandover,
    TakeOver,
    TryDevice,
    WriteLog,
)
from domain.responsibility import Kind
from linkage.responsibility import Responsibility
from linkage.rosters import duties
from service.broker import LocalBroker
from service.core_client import CoreClient
from service.settings import TelemetrySettings
from service.simulate.story import EARTHED
from service.site.load import load
from service.site.model import Site
from service.stores import influx_config
from storage.console_reads import ConsoleReads
from storage.logbook import LogFilter, LogReads
from storage.outages import OutageReads
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
from tests.support.publishing import Gateway
from tests.support.records_stores import PostgresAt
from tests.support.running import CoreProcess, until
from tests.support.series_servers import Influx
from tests.support.shifts import site_whose_shift_ends_soon

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.postgres,
    pytest.mark.influx,
    pytest.mark.mosquitto,
]


DELEGATE = PersonId("wx-bz")
# of each station, by its source
_DEVICES = {
    "liuyuan": ("LY/113", "LY/114", "LY/115", "LY/121", "LY/122", "LY/123"),
    "goucha": ("GC/111", "GC/112", "GC/113", "GC/114"),
    "shiping": ("SP/111", "SP/112", "SP/113", "SP/114", "SP/121", "SP/122", "SP/123"),
}


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


def evaluated(worker: CoreProcess) -> int:
    status = worker.status()
    return 0 if status is None else int(status["evaluated_rows"])


def example_at(broker: LocalBroker, folder: Path) -> Path:
    """A shift of its dispatch room ends soon."""
    folder.mkdir()
    site = site_whose_shift_ends_soon(folder)
    source = site / "sources" / "frontend.yaml"
    source.write_text(source.read_text("utf-8").replace("port: 1883", f"port: {broker.port}"))
    return site


class Asked:
    """Every request goes to both workers under one id, as where an answer was lost; the first one decides."""

    def __init__(self, clients: list[CoreClient], engine: Engine) -> None:
        self._clients = clients
        self._reads = ConsoleReads(engine)
        self._turn = 0

    def is_known(self) -> bool:
        """Whether every worker knows the users: each station's asks its own copy."""
        probes = [
            ReportOutage(feeder_id=each, sections=(), words="") for each in ("LY-113", "SP-312")
        ]
        outcomes = [
            client.ask(probe, user, timeout_s=60)
            for client in self._clients
            for probe in probes
            for user in ("one", "two")
        ]
        return {each.why.code for each in outcomes if each.why} == {"no_such_section"}

    def once(self, what: Request, actor: str = "one", code: str = "") -> str:
        """Refused with `code`, or done: the id of what it changed or made."""
        self._turn += 1
        first, other = self._clients[self._turn % 2], self._clients[(self._turn + 1) % 2]
        request_id = uuid4()
        outcome = first.ask(what, actor, request_id=request_id, timeout_s=60)
        again = other.ask(what, actor, request_id=request_id, timeout_s=60)
        assert (outcome.done, outcome.why.code if outcome.why else "") == (not code, code), outcome
        assert again == outcome
        rows = [each for each in self._reads.audit(limit=500) if each.request_id == request_id]
        assert len(rows) == 1, rows
        return outcome.subject


def test_each_kind_of_request_is_decided_once_by_whoever_must(
    shared: Shared, broker: LocalBroker, tmp_path: Path
) -> None:
    """On the example site: what is of a station, and what is of the desk."""
    chain, engine = shared.chain, shared.engine
    chain.site = example_at(broker, tmp_path / "example")
    site = load(chain.site)
    chain.bridge()
    first, second = chain.worker("one"), chain.worker("two")
    until(both_own_some(first, second), "they share the partitions", 90)
    clients = [CoreClient(chain.folder / name).start() for name in ("one", "two")]
    heard: list[str] = []
    for client in clients:
        client.subscribe(lambda change: heard.append(str(change.get("kind"))))
    try:
        assert all(client.await_connected(10) for client in clients)
        until(lambda: len(LogReads(engine).open_watches()) == 2, "the watches have begun", 30)
        asked = Asked(clients, engine)
        _users(asked, engine, site)
        _outages(asked, engine)
        _earth_fault(asked, engine, broker)
        _who_acts_everywhere(asked, engine, broker, site)
        _at_the_desk(asked, engine)
        _devices(asked, engine)
        _incidents(asked, engine)
        _linkage_table(asked, engine)
        # the desk is one worker's; a page at the other hears of it
        until(lambda: "desk" in heard, "the other console hears that something changed", 30)
    finally:
        for client in clients:
            client.stop()


def _users(asked: Asked, engine: Engine, site: Site) -> None:
    """Two who may do everything: of the crew that has the watch, and of the next one."""
    watch = _watch(engine)
    (roster,) = [each for each in site.organisation.rosters if each.roster_id == "dd"]
    (after,) = duties(roster, watch.ends_us + MINUTE_US, site.zone)
    for name, person in (("one", watch.persons[0]), ("two", after.crew.persons[0])):
        user = PutUser(name=name, password="x" * 20, roles=frozenset(Role), person_id=person)
        asked.once(user, "local")
    until(asked.is_known, "they are known at every worker", 30)


def _watch(engine: Engine) -> Watch:
    (watch,) = [each for each in LogReads(engine).open_watches() if each.post_id == "dd"]
    return watch


def _outages(asked: Asked, engine: Engine) -> None:
    reads, now_us = OutageReads(engine), system_clock()
    report = ReportOutage(feeder_id="LY-113", sections=("L1",), words="井场来电")
    outage = asked.once(report)
    asked.once(report, code="dark_already")
    asked.once(AssignCrew(outage_id=UUID(outage), crew_id="line-1"), "two")
    asked.once(NoteOutage(outage_id=UUID(outage), words="抢修队伍已出发"))
    plan = PlanOutage(
        feeder_id="SP-312",
        sections=("L2",),
        from_us=now_us + 8 * DAY_US,
        to_us=now_us + 8 * DAY_US + 60 * MINUTE_US,
        why="更换绝缘子",
    )
    planned = asked.once(plan)
    asked.once(plan, "two", code="plan_overlaps")
    asked.once(EndPlannedOutage(planned_id=UUID(planned), why="保供电"), "two")
    (found,) = reads.open_outages()
    assert (found.crew_id, [each.words for each in found.notes][-1]) == ("line-1", "抢修队伍已出发")
    assert not reads.open_planned()


def _earth_fault(asked: Asked, engine: Engine, broker: LocalBroker) -> None:
    reads = OutageReads(engine)
    with Gateway(broker.port, "changqing-like", "liuyuan") as gateway:
        gateway.say({str(point): value for point, value in EARTHED.items()})
        until(lambda: len(reads.earth_faults()) == 1, "the earth is known", 30)
    (fault,) = reads.earth_faults()
    assert (fault.network_id, fault.phase) == ("LY-10-1", "A")
    wanted = fault.earth_id
    asked.once(TickTrial(earth_id=wanted, number="115", result=TrialResult.GONE), "two")
    asked.once(NoteEarthFault(earth_id=wanted, words="115 线转检修"))
    (after,) = reads.earth_faults()
    assert (after.found, len(after.notes)) == ("115", 1)


def _at_the_desk(asked: Asked, engine: Engine) -> None:
    """Hand-over, log, arrangement."""
    watch, now_us, days = _watch(engine), system_clock(), (date(2027, 10, 1), date(2027, 10, 7))
    asked.once(NoteHandover(watch_id=watch.watch_id, notes="115 线接地"))
    asked.once(SignHandover(watch_id=watch.watch_id, page="{}"))
    taking = TakeOver(watch_id=watch.watch_id, page_digest=digest_of("{}"))
    asked.once(taking, "two")
    asked.once(taking, "two", code="no_such_watch")
    asked.once(WriteLog(station="", kind=LogKind.NOTE, at_us=now_us, text="巡视完毕"))
    asked.once(MarkHoliday(holiday=Holiday(name="国庆节", first=days[0], last=days[1])))
    assert _watch(engine).before == watch.watch_id
    assert LogReads(engine).count(LogFilter(words="巡视完毕")) == 1


def _devices(asked: Asked, engine: Engine) -> None:
    commands = SqlRecords(engine).commands
    asked.once(TryDevice(device_id=DeviceId("siren-GC")))
    asked.once(CallDevice(device_id=DeviceId("siren-SP"), action="sound", words="演练"), "two")
    made = [(each.device_id, each.origin) for each in commands() if each.origin is not Origin.EVENT]
    assert sorted(made) == [("siren-GC", Origin.TEST), ("siren-SP", Origin.HAND)]


def _who_acts_everywhere(asked: Asked, engine: Engine, broker: LocalBroker, site: Site) -> None:
    """What the desk arranged holds at every station once its worker has learned it: a second or two later."""
    plan, now_us = site.plan(), system_clock()
    responsibility = Responsibility(plan.organisation, plan.zone, plan.version)
    acting = set[PersonId]()
    for devices in _DEVICES.values():
        answer = responsibility.of_asset(AssetId(devices[0]), now_us, Kind.FAULT)
        assert answer.acting
        acting.add(answer.acting.person_id)
    for person in sorted(acting):
        away = Delegate(of=person, to=DELEGATE, from_us=now_us, until_us=now_us + DAY_US)
        asked.once(away, "two")
    for source, devices in _DEVICES.items():
        acted = (_who_acts(engine, broker, source, device) for device in devices)
        assert DELEGATE in acted, source


def _who_acts(engine: Engine, broker: LocalBroker, source: str, device: str) -> PersonId | None:
    """For an incident that this device gives now."""
    records = SqlRecords(engine)

    def found() -> list[PersonId]:
        return [
            each.answer.acting.person_id
            for each in records.open_incidents()
            if each.asset_id == device and each.answer.acting
        ]

    with Gateway(broker.port, "changqing-like", source) as gateway:
        gateway.say({f"{device}/control_circuit_broken": 1.0})
        until(lambda: bool(found()), f"an incident of {device}", 30)
    return found()[0]


def _incidents(asked: Asked, engine: Engine) -> None:
    records = SqlRecords(engine)
    for incident in records.open_incidents():
        asked.once(AcknowledgeIncident(incident_id=incident.incident_id), "two")
    until(
        lambda: {each.acknowledged_by for each in records.open_incidents()} == {"two"},
        "each is acknowledged",
        30,
    )


def _linkage_table(asked: Asked, engine: Engine) -> None:
    """Proposed by one, and refused by another."""
    reads = ConsoleReads(engine)
    asked.once(ProposeSite(files=b"another table", digest="d", summary=("联动表 变更",)))
    (waiting,) = reads.approvals(waiting=True)
    decision = DecideApproval(approval_id=waiting.approval_id, approve=True, words="再议")
    asked.once(decision, code="second_person")
    asked.once(replace(decision, approve=False), "two")
    assert not reads.approvals(waiting=True)
