"""Our own broker keeps what it acknowledged and ends with the process that started it."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from service.broker import BrokerKind, BrokerNotStarted, LocalBroker

WITHIN_S = 20.0
ROOT = Path(__file__).parents[2]


class Client:
    """A v5 client with a session that is kept; counts what it is given."""

    def __init__(self, port: int, client_id: str, expect: int = 0) -> None:
        self.payload_bytes: list[int] = []
        self._expect = expect
        self._connected = threading.Event()
        self._subscribed = threading.Event()
        self._complete = threading.Event()
        self._paho = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5
        )
        self._paho.on_connect = lambda *_: self._connected.set()
        self._paho.on_subscribe = lambda *_: self._subscribed.set()
        self._paho.on_message = self._take
        kept = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        kept.SessionExpiryInterval = 3600
        self._paho.connect("127.0.0.1", port, clean_start=False, properties=kept)
        self._paho.loop_start()
        assert self._connected.wait(WITHIN_S)

    def subscribe(self) -> None:
        self._paho.subscribe("t/#", options=SubscribeOptions(qos=1))
        assert self._subscribed.wait(WITHIN_S)

    def publish(self, payloads: list[bytes]) -> None:
        """Returns when the broker has acknowledged every one."""
        for sent in [self._paho.publish("t/a", payload, qos=1) for payload in payloads]:
            sent.wait_for_publish(WITHIN_S)
            assert sent.is_published()

    def received_all(self) -> bool:
        return self._complete.wait(WITHIN_S)

    def close(self) -> None:
        self._paho.disconnect()
        self._paho.loop_stop()

    def _take(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        self.payload_bytes.append(len(message.payload))
        if len(self.payload_bytes) == self._expect:
            self._complete.set()


@contextmanager
def connected(broker: LocalBroker, client_id: str, expect: int = 0) -> Iterator[Client]:
    client = Client(broker.port, client_id, expect)
    try:
        yield client
    finally:
        client.close()


@pytest.mark.mosquitto
def test_messages_acknowledged_for_an_absent_session_survive_a_restart(broker: LocalBroker) -> None:
    with connected(broker, "reader") as reader:
        reader.subscribe()
    with connected(broker, "gateway") as gateway:
        gateway.publish([b"reading"] * 3_000)  # mosquitto's defaults keep 1,000 of these

    broker.restart()

    with connected(broker, "reader", expect=3_000) as reader:
        assert reader.received_all(), f"{len(reader.payload_bytes)} of 3000"


@pytest.mark.parametrize(
    "which",
    [
        pytest.param("broker", id="mosquitto", marks=pytest.mark.mosquitto),
        pytest.param("iotcore_broker", id="iotcore"),
    ],
)
def test_a_payload_of_two_mebibytes_goes_through(
    which: str, request: pytest.FixtureRequest
) -> None:
    running: LocalBroker = request.getfixturevalue(which)
    with connected(running, "reader", expect=1) as reader, connected(running, "gateway") as gateway:
        reader.subscribe()
        gateway.publish([b"x" * 2**21])
        assert reader.received_all()
        assert reader.payload_bytes == [2**21]


def test_iotcore_takes_an_older_client_on_its_other_port(iotcore_broker: LocalBroker) -> None:
    connected_as: list[bool] = []
    answered = threading.Event()

    def on_connect(_c: object, _u: object, _f: object, reason: ReasonCode, _p: object) -> None:
        connected_as.append(not reason.is_failure)
        answered.set()

    older = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311)
    older.on_connect = on_connect
    older.connect("127.0.0.1", iotcore_broker.port_v311)
    older.loop_start()
    try:
        assert answered.wait(WITHIN_S)
    finally:
        older.disconnect()
        older.loop_stop()
    assert connected_as == [True]
    assert not iotcore_broker.persistent


@pytest.mark.mosquitto
def test_a_killed_broker_comes_back_on_its_port(broker: LocalBroker) -> None:
    port = broker.port
    broker.kill()
    broker.restart()
    assert broker.port == port
    with connected(broker, "reader"):
        pass


def test_a_port_in_use_is_said_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(BrokerNotStarted, match=f"port {port} on 127.0.0.1 is in use"):
            LocalBroker(tmp_path, port=port).start()


@pytest.mark.mosquitto
def test_a_broker_that_refuses_its_file_is_quoted(
    broker: LocalBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.broker.MOSQUITTO_SETTINGS", "no_such_setting 1\n")
    with pytest.raises(BrokerNotStarted, match="no_such_setting"):
        LocalBroker(tmp_path / "other", kind=BrokerKind.MOSQUITTO).start()


_STARTS_A_BROKER = """
import sys
from pathlib import Path
from service.broker import BrokerKind, LocalBroker
broker = LocalBroker(Path(sys.argv[1]), kind=BrokerKind(sys.argv[2])).start()
print(broker.pid, broker.port, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(BrokerKind.MOSQUITTO, marks=pytest.mark.mosquitto),
        pytest.param(BrokerKind.IOTCORE),
    ],
)
def test_the_broker_ends_with_its_owner_even_by_kill_9(
    kind: BrokerKind, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind is BrokerKind.MOSQUITTO:
        request.getfixturevalue("broker")  # skips where mosquitto is missing
    owner = subprocess.Popen(
        [sys.executable, "-c", _STARTS_A_BROKER, str(tmp_path / "owned"), kind],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert owner.stdout is not None
    assert owner.stdin is not None
    with owner.stdout, owner.stdin:
        pid, port = map(int, owner.stdout.readline().split())
        assert accepts(port)
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait(WITHIN_S)
    assert gone_within(port, WITHIN_S), f"broker {pid} still listens"


def accepts(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return True
    except OSError:
        return False


def gone_within(port: int, seconds: float) -> bool:
    give_up_at = time.monotonic() + seconds
    while time.monotonic() < give_up_at:
        if not accepts(port):
            return True
        threading.Event().wait(0.02)
    return False
