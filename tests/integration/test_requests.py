"""People's requests through a real core: the local socket, the journal, kill -9 in between."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from domain.access import LOCAL_OPERATOR
from domain.incidents import IncidentState
from domain.requests import AcknowledgeIncident, CloseIncident
from service.broker import LocalBroker
from service.core_client import CoreClient
from service.local_socket import SOCKET_NAME, RequestRefused, request
from storage.console_reads import ConsoleReads, IncidentFilter
from storage.engines import sqlite_engine
from storage.request_codec import named
from tests.support.publishing import Gateway
from tests.support.running import CoreProcess, core, until
from tests.support.sites import CODE, SOURCE, limit, write_site

POINT = "N/1"


@pytest.fixture
def site(broker: LocalBroker, tmp_path: Path) -> Path:
    limits = [limit(POINT, "H", 85)]
    return write_site(tmp_path / "site", port=broker.port, points=[POINT], limits=limits)


@pytest.fixture
def running(site: Path, tmp_path: Path) -> Iterator[CoreProcess]:
    with core(site, tmp_path / "data") as started:
        started.await_connected()
        yield started


def reads(data: Path) -> ConsoleReads:
    return ConsoleReads(sqlite_engine(data / "records.db", busy_ms=2_000))


def alarmed(broker: LocalBroker, data: Path) -> UUID:
    """The incident of a reading that is too high."""
    with Gateway(broker.port, CODE, SOURCE) as gateway:
        gateway.say({POINT: 95.0})
        until(lambda: reads(data).incidents(IncidentFilter()) != [], "the incident is recorded")
    (listed,) = reads(data).incidents(IncidentFilter())
    return listed.incident.incident_id


def test_a_request_is_done_told_to_who_asked_and_kept_in_the_audit(
    broker: LocalBroker, running: CoreProcess
) -> None:
    incident = alarmed(broker, running.data)
    client = CoreClient(running.data).start()
    heard: list[str] = []
    client.subscribe(lambda change: heard.append(str(change["kind"])))

    outcome = client.ask(AcknowledgeIncident(incident_id=incident), LOCAL_OPERATOR)
    again = client.ask(AcknowledgeIncident(incident_id=incident), LOCAL_OPERATOR)
    stranger = client.ask(CloseIncident(incident_id=incident, note="x"), "stranger")

    assert (outcome.done, outcome.subject) == (True, str(incident))
    assert again.why
    assert again.why.code == "already_acknowledged"
    assert stranger.why
    assert stranger.why.code == "unknown_user"
    assert "incident" in heard
    until(lambda: len(reads(running.data).audit()) == 3, "the audit has all three")
    assert [each.done for each in reversed(reads(running.data).audit())] == [True, False, False]
    client.stop()


def test_history_and_latest_values_come_over_the_socket(
    broker: LocalBroker, running: CoreProcess
) -> None:
    alarmed(broker, running.data)
    client = CoreClient(running.data)
    until(lambda: client.history(POINT, 0, 2**62)["values"] == [95.0], "the reading is stored")
    value, time_us, quality = client.latest([POINT])[POINT]
    assert (value, quality) == (95.0, 0)
    assert client.history(POINT, time_us + 1, 2**62)["values"] == []
    with pytest.raises(RequestRefused, match="no point is named"):
        client.history("nowhere", 0, 1)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        pytest.param({"type": "DropEverything", "fields": {}}, "no request is named", id="unknown"),
        pytest.param({"type": "AcknowledgeIncident", "fields": {}}, "incident_id", id="incomplete"),
        pytest.param({"type": "AcknowledgeIncident", "fields": 7}, "AcknowledgeIncident", id="odd"),
    ],
)
def test_nonsense_is_refused_in_words_and_core_goes_on(
    running: CoreProcess, asked: dict[str, object], says: str
) -> None:
    path = running.data / SOCKET_NAME
    with pytest.raises(RequestRefused, match=says):
        request(path, "request", request_id=str(uuid4()), actor="x", request=asked)
    assert running.status() is not None


def test_an_acknowledgement_that_was_accepted_survives_kill_9(
    broker: LocalBroker, site: Path, tmp_path: Path
) -> None:
    data, request_id = tmp_path / "data", uuid4()
    killed = CoreProcess(site, data)
    killed.await_connected()
    incident = alarmed(broker, data)
    asked = named(AcknowledgeIncident(incident_id=incident))
    before = killed.status()
    assert before
    path = data / SOCKET_NAME
    request(path, "request", request_id=str(request_id), actor=LOCAL_OPERATOR, request=asked)
    journalled = int(before["journal_seq"])
    # from the journal on it must survive; decided or recorded it may be, or not
    killed.await_status(lambda status: status["journal_seq"] > journalled, "it is journalled")
    killed.kill()

    with core(site, data) as next_life:
        next_life.await_connected()
        until(lambda: _state(data, incident) is IncidentState.ACKNOWLEDGED, "it is acknowledged")
        client = CoreClient(data).start()
        again = client.ask(
            AcknowledgeIncident(incident_id=incident), LOCAL_OPERATOR, request_id=request_id
        )
        assert again.done  # the same request, the same answer
        client.stop()
    assert len(reads(data).audit()) == 1


def _state(data: Path, incident: UUID) -> IncidentState | None:
    listed = reads(data).incident(incident)
    return listed.incident.state if listed else None
