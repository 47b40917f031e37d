"""The MQTT source against a real broker that stops, restarts and forgets."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import structlog
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from domain.assets import ActiveLimits, Point
from domain.ids import AssetId, PointKey, SourceId
from domain.records import ReadingsArrived, Record, SourceChanged
from ingest.inbox import Inbox
from ingest.intake import Intake
from ingest.messages import AckToken, Message
from ingest.mqtt import SUSPECT_AFTER_S, MqttConfig, MqttSource
from service.broker import MOSQUITTO_SETTINGS, BrokerKind, LocalBroker
from service.counting import Counted
from tests.support.listening import WITHIN_S, eventually

pytestmark = pytest.mark.mosquitto

SOURCE = SourceId("liuyuan")
TOPIC = "gridwarden/oilfield/telemetry/liuyuan"


class Running:
    """A source at a broker, and what it has put into its inbox so far."""

    def __init__(
        self, broker: LocalBroker, *, session: str = "", max_messages: int = 20_000, **config: Any
    ) -> None:
        self.counters = Counted()
        self.inbox = Inbox(max_messages=max_messages)
        self.taken: list[Message | Record] = []
        self.source = MqttSource(
            MqttConfig(
                source_id=SOURCE,
                host=broker.host,
                port=broker.port,
                client_id="core",
                subscriptions=(("gridwarden/oilfield/#", 1),),
                **config,
            ),
            self.inbox,
            self.counters,
            known_session=session,
        )

    @property
    def messages(self) -> list[Message]:
        return [item for item in self.taken if isinstance(item, Message)]

    @property
    def tokens(self) -> list[AckToken]:
        return [message.token for message in self.messages if message.token]

    @property
    def payloads(self) -> list[bytes]:
        return [message.payload for message in self.messages]

    def take(self) -> list[Message | Record]:
        new = self.inbox.take(100_000, 0.05)
        self.taken += new
        return new

    def take_until(self, enough: Callable[[], bool], *, acknowledge: bool = False) -> None:
        end = monotonic() + WITHIN_S
        while not enough():
            assert monotonic() < end, f"only {len(self.taken)} items came: {self.taken[-3:]}"
            new = self.take()
            if acknowledge:
                self.source.acknowledge(
                    [item.token for item in new if isinstance(item, Message) and item.token]
                )

    def take_messages(self, count: int, *, acknowledge: bool = False) -> None:
        self.take_until(lambda: len(self.messages) >= count, acknowledge=acknowledge)

    def take_until_current(self) -> None:
        self.take_until(lambda: self.source.current, acknowledge=True)
        self.take()  # the word of it is put a moment after

    def count(self, name: str) -> int:
        return self.counters.count(name)


@contextlib.contextmanager
def running(broker: LocalBroker, **options: Any) -> Iterator[Running]:
    one = Running(broker, **options)
    one.source.start()
    try:
        yield one
    finally:
        one.source.stop(WITHIN_S)


def publish(
    broker: LocalBroker,
    payloads: Sequence[bytes],
    *,
    qos: int = 1,
    retain: bool = False,
    properties: Properties | None = None,
) -> None:
    """Returns when the broker has taken responsibility for all of them."""
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.max_inflight_messages_set(200)
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        sent = [client.publish(TOPIC, payload, qos, retain, properties) for payload in payloads]
        for one in sent:
            one.wait_for_publish(WITHIN_S)
            assert one.is_published()
    finally:
        client.disconnect()
        client.loop_stop()


def numbered(count: int, start: int = 0) -> list[bytes]:
    return [b"%d" % number for number in range(start, start + count)]


def changes(items: Sequence[Message | Record]) -> list[bool]:
    return [item.current for item in items if isinstance(item, SourceChanged)]


def is_false_word(item: Message | Record) -> bool:
    return isinstance(item, SourceChanged) and not item.current


def fail(*_: object) -> None:
    raise UnicodeError("label empty or too long")


def visit(broker: LocalBroker) -> str:
    """Subscribe once and leave, so that the broker keeps a session for us; its name."""
    with running(broker) as first:
        first.take_until_current()
        return first.source.session


def test_what_was_published_while_we_were_away_comes_before_we_are_current(
    broker: LocalBroker,
) -> None:
    session = visit(broker)
    publish(broker, numbered(300))
    with running(broker, session=session) as again:
        again.take_until_current()
        assert again.source.session == session
    assert again.payloads == numbered(300)
    assert changes(again.taken) == [False, True]
    assert isinstance(again.taken[0], SourceChanged)
    assert isinstance(again.taken[-1], SourceChanged)


def test_a_broker_that_kept_nothing_gives_a_session_a_new_name(broker: LocalBroker) -> None:
    with running(broker, session="of-another-broker") as one:
        one.take_until_current()
        assert one.source.session not in {"", "of-another-broker"}


def test_every_field_of_a_message_arrives_with_and_without_properties(broker: LocalBroker) -> None:
    with_correlation = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    with_correlation.CorrelationData = b"0123456789abcdef"
    publish(broker, [b"kept"], retain=True)
    with running(broker) as one:
        one.take_messages(1, acknowledge=True)
        publish(broker, [b"plain"])
        publish(broker, [b"unsafe"], qos=0)
        publish(broker, [b"related"], properties=with_correlation)
        one.take_messages(4, acknowledge=True)
    kept, plain, unsafe, related = one.messages
    assert (kept.payload, kept.retain) == (b"kept", True)
    assert (plain.payload, plain.topic, plain.qos) == (b"plain", TOPIC, 1)
    assert (plain.retain, plain.dup, plain.correlation_data) == (False, False, None)
    assert plain.token == AckToken(one.source.generation, plain.packet_id)
    assert (unsafe.payload, unsafe.qos, unsafe.packet_id, unsafe.token) == (b"unsafe", 0, 0, None)
    assert (related.payload, related.topic, related.qos) == (b"related", TOPIC, 1)
    assert related.correlation_data == b"0123456789abcdef"
    assert related.token == AckToken(one.source.generation, related.packet_id)
    assert abs(related.arrival_us - plain.arrival_us) < WITHIN_S * 1_000_000


def test_two_mebibytes_arrive_whole(broker: LocalBroker) -> None:
    large = b"x" * (2 * 2**20)
    with running(broker) as one:
        one.take_until_current()
        publish(broker, [b"before", large, b"after"])
        one.take_messages(3, acknowledge=True)
    assert one.payloads == [b"before", large, b"after"]


def test_what_was_not_acknowledged_comes_again_and_is_recognised(broker: LocalBroker) -> None:
    point = Point(
        number=0,
        key=PointKey("A"),
        asset_id=AssetId("1T"),
        source_id=SOURCE,
        signal="油温",
        unit="degC",
    )
    counters = Counted()
    intake = Intake(
        "oilfield", SOURCE, ActiveLimits(site="oilfield", version=1, points=(point,)), counters
    )
    template = '{"readings":[{"point":"A","time":%d,"value":1}]}'
    payloads = [(template % (1_763_863_200_000 + second)).encode() for second in range(3)]
    with running(broker) as first:
        first.take_until_current()
        publish(broker, payloads)
        first.take_messages(3)
        records = intake.absorb(first.taken).records
    assert sum(len(one.readings) for one in records if isinstance(one, ReadingsArrived)) == 3

    with running(broker, session=intake.session) as second:
        second.take_messages(3)
        assert all(message.dup for message in second.messages)
        batch = intake.absorb(list(second.messages))
        assert (batch.records, batch.tokens) == ([], second.tokens)
        assert counters.count("redelivered") == 3
        second.source.acknowledge(batch.tokens)

    with running(broker, session=intake.session) as third:
        third.take_until_current()
        assert third.messages == []


def test_a_full_inbox_stops_the_reading_and_nothing_is_lost(broker: LocalBroker) -> None:
    everything = numbered(4_000)
    with running(broker, max_messages=10, keepalive_s=2) as one:
        one.take_until_current()
        publish(broker, everything)
        assert eventually(lambda: one.inbox.is_full and not one.source.current)
        # longer than the broker waits for a silent client: a pause of ours must not end the connection
        patience = monotonic() + 4.0
        assert eventually(lambda: monotonic() > patience)
        assert one.inbox.depth < 600
        assert (one.source.connected, one.source.generation) == (True, 1)
        one.take_until(lambda: len(one.messages) >= 4_000 and one.source.current, acknowledge=True)
        one.take()
    assert one.payloads == everything
    assert changes(one.taken)[:3] == [False, True, False]
    assert changes(one.taken)[-1] is True
    assert one.count("source_paused") >= 1
    assert one.count("reconnects") == 0


def test_load_without_a_pause_is_taken_to_be_live_after_a_while(broker: LocalBroker) -> None:
    with running(broker, backlog_at_most_s=0.6) as one:
        publish(broker, [b"never acknowledged"])
        one.take_until(lambda: one.source.current)
        assert len(one.messages) <= 1


def test_a_full_window_is_not_current_until_it_is_acknowledged_and_the_rest_is_in(
    broker: LocalBroker,
) -> None:
    with running(broker, receive_maximum=20) as one:
        one.take_until_current()
        publish(broker, numbered(50))
        one.take_until(lambda: changes(one.taken) == [False, True, False])
        assert one.payloads == numbered(20)
        assert (one.source.unacknowledged, one.source.connected) == (20, True)
        assert one.count("window_full") == 1
        one.source.acknowledge(one.tokens)
        one.take_until_current()
    assert one.payloads == numbered(50)
    assert changes(one.taken)[:4] == [False, True, False, True]
    again_current = [item for item in one.taken if not is_false_word(item)][-1]
    assert isinstance(again_current, SourceChanged), "the last of the backlog came before the word"


@pytest.mark.parametrize(
    "told",
    [
        pytest.param("max_inflight_messages 10", id="a-window-that-the-broker-tells"),
        pytest.param("max_inflight_messages 0", id="a-window-that-it-does-not-tell"),
    ],
)
def test_a_broker_that_falls_silent_over_what_is_unacknowledged_is_not_believed(
    tmp_path: Path, needs_mosquitto: None, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    settings = MOSQUITTO_SETTINGS.replace("max_inflight_messages 2000", told)
    monkeypatch.setattr("service.broker.MOSQUITTO_SETTINGS", settings)
    with (
        LocalBroker(tmp_path / "small", kind=BrokerKind.MOSQUITTO) as small,
        running(small) as one,
    ):
        one.take_until_current()
        publish(small, numbered(10))
        one.take_until(lambda: changes(one.taken) == [False, True, False])
        assert one.count("window_full") == 1
        one.source.acknowledge(one.tokens)
        one.take_until(lambda: changes(one.taken) == [False, True, False, True])


def test_silence_below_the_window_that_the_broker_tells_is_only_silence(
    broker: LocalBroker,
) -> None:
    with running(broker) as one:
        one.take_until_current()
        publish(broker, numbered(5))
        one.take_messages(5)
        patience = monotonic() + 1.5 * SUSPECT_AFTER_S
        assert eventually(lambda: monotonic() > patience)
        assert one.source.current
        assert one.source.unacknowledged == 5
        assert one.count("window_full") == 0


def test_a_started_source_has_said_that_it_is_away_before_anything_else(
    broker: LocalBroker,
) -> None:
    one = Running(broker)
    broker.stop()
    one.source.start()
    try:
        assert changes(one.inbox.take(1, 0.0)) == [False]
    finally:
        one.source.stop(WITHIN_S)
    assert changes(one.inbox.take(10, 0.0)) == []


def test_a_failure_that_nobody_expected_is_counted_and_tried_again(
    broker: LocalBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with structlog.testing.capture_logs() as logs, monkeypatch.context() as failing:
        failing.setattr(MqttSource, "_connect_and_serve", fail)
        with running(broker) as one:
            assert eventually(lambda: one.count("mqtt_source_failed") >= 2)
            failing.undo()
            one.take_until_current()
    failures = [line for line in logs if line["event"] == "mqtt_source_failed"]
    assert all(line["exc_info"] for line in failures)
    waits = [line["seconds"] for line in logs if line["event"] == "mqtt_reconnect_waits"]
    assert waits[1] > 1.2 * waits[0]


def test_a_broker_that_goes_and_returns_is_found_again_with_growing_waits(
    broker: LocalBroker,
) -> None:
    with structlog.testing.capture_logs() as logs, running(broker) as one:
        one.take_until_current()
        broker.stop()
        assert eventually(lambda: one.count("connect_failures") >= 2)
        assert not one.source.connected
        one.take_until(lambda: changes(one.taken) == [False, True, False])
        broker.start()
        one.take_until(lambda: changes(one.taken) == [False, True, False, True])
        assert one.count("reconnects") == 1
        assert one.source.generation == 2
        publish(broker, [b"hello again"])
        one.take_messages(1, acknowledge=True)
    waits = [line["seconds"] for line in logs if line["event"] == "mqtt_reconnect_waits"]
    assert waits == sorted(waits)
    assert waits[-1] > 1.2 * waits[0]
    told = {line["event"] for line in logs}
    assert {"mqtt_connected", "mqtt_disconnected", "mqtt_connect_failed"} <= told


def test_an_orderly_restart_redelivers_and_old_tokens_acknowledge_nothing(
    broker: LocalBroker,
) -> None:
    with running(broker) as one:
        one.take_until_current()
        publish(broker, numbered(5))
        one.take_messages(5)
        old = one.tokens
        session = one.source.session
        broker.restart()
        one.take_messages(10)
        one.source.acknowledge(old)
        assert eventually(lambda: one.count("stale_acks_dropped") == 5)
        assert one.source.session == session
    with running(broker, session=session) as again:
        again.take_messages(5, acknowledge=True)
        assert sorted(again.payloads) == numbered(5)


# A broker that was killed forgets us. The numbers of its packets begin anew, and an acknowledgement
# from before, sent now, would be taken for one of the new messages, which nobody has stored yet.


def test_the_naive_client_loses_what_it_acknowledges_with_old_numbers(broker: LocalBroker) -> None:
    client, received = naive_client(broker)
    publish(broker, numbered(5))
    spin(client, lambda: len(received) == 5)
    old_numbers = [message.mid for message in received]
    broker.kill()
    spin(client, lambda: not client.is_connected())
    broker.start()
    client, received = naive_client(broker)
    publish(broker, numbered(5, start=100))
    spin(client, lambda: len(received) == 5)
    for number in old_numbers:
        client.ack(number, 1)
    subscribe(client)  # the broker answers in order: it has seen the acknowledgements
    leave(client)  # and dies before it has stored what is new

    client, received = naive_client(broker)
    publish(broker, [b"the end"])
    spin(client, lambda: any(message.payload == b"the end" for message in received))
    leave(client)
    assert [message.payload for message in received] == [b"the end"], "it lost 5 of 5"


def test_our_source_loses_nothing_where_the_naive_client_does(broker: LocalBroker) -> None:
    with running(broker) as one:
        one.take_until_current()
        publish(broker, numbered(5))
        one.take_messages(5)
        old = one.tokens
        broker.kill()
        broker.start()
        one.take_until(lambda: one.source.generation == 2 and one.source.current)
        publish(broker, numbered(5, start=100))
        one.take_messages(10)
        assert [token.packet_id for token in one.tokens[5:]] == [token.packet_id for token in old]
        one.source.acknowledge(old)  # the commit of before the restart has ended only now
        assert eventually(lambda: one.count("stale_acks_dropped") == 5)
        session = one.source.session
    with running(broker, session=session) as again:
        again.take_messages(5, acknowledge=True)
        assert again.payloads == numbered(5, start=100)


def naive_client(broker: LocalBroker) -> tuple[paho.Client, list[paho.MQTTMessage]]:
    """Persistent session and manual acknowledgement, by packet number alone."""
    received: list[paho.MQTTMessage] = []
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id="naive",
        protocol=MQTTProtocolVersion.MQTTv5,
        manual_ack=True,
    )
    client.on_message = lambda _client, _data, message: received.append(message)
    keep = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    keep.SessionExpiryInterval = 600
    client.connect(broker.host, broker.port, clean_start=False, properties=keep)
    spin(client, client.is_connected)
    subscribe(client)
    return client, received


def subscribe(client: paho.Client) -> None:
    answered: list[int] = []
    client.on_subscribe = lambda *_: answered.append(1)
    client.subscribe(TOPIC, 1)
    spin(client, lambda: bool(answered))


def spin(client: paho.Client, enough: Callable[[], bool]) -> None:
    end = monotonic() + WITHIN_S
    while not enough():
        assert monotonic() < end, "the naive client waits in vain"
        client.loop(0.05)


def leave(client: paho.Client) -> None:
    client.disconnect()
    spin(client, lambda: client.socket() is None)
