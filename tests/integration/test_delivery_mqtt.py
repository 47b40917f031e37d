"""Commands through a real broker: what the device is told, and what happens while the broker is away."""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from time import monotonic

import pytest
import structlog

from delivery.dispatcher import Dispatcher
from delivery.mqtt import MqttCommandSender, MqttSenderConfig
from domain.changes import OutboxDone
from domain.clock import MINUTE_US, SECOND_US, from_datetime, system_clock
from domain.commands import DeviceCommand, OutboxItem
from domain.ids import DeviceId
from service.broker import LocalBroker
from service.counting import Counted
from service.simulate.connection import FieldClient
from tests.support.alarms import SITE, command
from tests.support.listening import Heard, eventually

pytestmark = pytest.mark.mosquitto

WITHIN_S = 10.0


class Line:
    """The changes of a sender's connection, to wait on."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._connected = False

    def changed(self, connected: bool) -> None:
        with self._changed:
            self._connected = connected
            self._changed.notify_all()

    def is_up(self) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._connected, WITHIN_S)

    def is_down(self) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._connected, WITHIN_S)


Connected = tuple[MqttCommandSender, Line]


@pytest.fixture
def connected(broker: LocalBroker) -> Iterator[Connected]:
    line = Line()
    config = MqttSenderConfig(
        host=broker.host, port=broker.port, client_id="core-commands", longest_wait_s=0.4
    )
    sender = MqttCommandSender(config, SITE, Counted(), on_connected=line.changed)
    sender.start()
    assert line.is_up()
    yield sender, line
    sender.stop()


@pytest.fixture
def listen(broker: LocalBroker) -> Iterator[Callable[[str], Heard]]:
    clients: list[FieldClient] = []

    def start(topic: str) -> Heard:
        heard = Heard()
        client = FieldClient(f"listener-{len(clients)}", [topic], heard.note)
        clients.append(client.start(broker.host, broker.port))
        assert client.ready.wait(WITHIN_S)
        return heard

    yield start
    for client in clients:
        client.stop()


def fresh_command(**changes: object) -> DeviceCommand:
    now_us = system_clock()
    return command(created_at_us=now_us, valid_until_us=now_us + MINUTE_US, **changes)


def test_a_device_is_told_everything_it_needs(
    connected: Connected, listen: Callable[[str], Heard]
) -> None:
    heard = listen(f"gridwarden/{SITE}/device/+/command")
    one = fresh_command()
    assert connected[0].send(one)
    (message,) = heard.wait_for(1)
    told = json.loads(message.payload)
    assert message.topic == f"gridwarden/{SITE}/device/siren-1T/command"
    assert (message.qos, message.retain) == (1, False)
    assert from_datetime(datetime.fromisoformat(told.pop("valid_until"))) == (
        one.valid_until_us // 1_000 * 1_000
    )
    assert from_datetime(datetime.fromisoformat(told.pop("created_at"))) <= one.created_at_us
    assert told == {
        "command_id": str(one.command_id),
        "device": "siren-1T",
        "action": "sound",
        "text": "油温 越上限",
        "priority": 1,
        "event_id": str(one.event_id),
        "attempt": 1,
        "max_on_s": 120,
    }
    properties = message.properties
    assert getattr(properties, "ResponseTopic", "") == f"gridwarden/{SITE}/device/siren-1T/reply"
    assert getattr(properties, "CorrelationData", b"") == one.command_id.bytes
    assert getattr(properties, "ContentType", "") == "application/json"
    assert 50 <= getattr(properties, "MessageExpiryInterval", 0) <= 60


def test_a_broker_that_is_away_is_said_and_nothing_waits_for_its_return(
    broker: LocalBroker, connected: Connected, listen: Callable[[str], Heard]
) -> None:
    sender, line = connected
    broker.stop()
    assert line.is_down()
    assert not sender.send(fresh_command(text="never"))
    broker.restart()
    assert line.is_up()
    heard = listen(f"gridwarden/{SITE}/device/+/command")
    assert sender.send(fresh_command(text="now"))
    assert [json.loads(message.payload)["text"] for message in heard.wait_for(1)] == ["now"]


def test_what_a_dying_broker_had_in_hand_is_not_sent_again_by_itself(broker: LocalBroker) -> None:
    heard, line = Heard(), Line()
    listener = FieldClient("listener", [f"gridwarden/{SITE}/device/+/command"], heard.note)
    # slower to come back than the listener (1 s), who must hear what a new connection brings along
    slow = MqttSenderConfig(
        host=broker.host, port=broker.port, client_id="core-commands", first_wait_s=5.0
    )
    sender = MqttCommandSender(slow, SITE, Counted(), on_connected=line.changed)
    listener.start(broker.host, broker.port)
    sender.start()
    try:
        assert line.is_up()
        assert listener.ready.wait(WITHIN_S)
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGSTOP)
        assert sender.send(fresh_command(text="into a frozen broker"))
        broker.kill()
        assert line.is_down()
        broker.restart()
        assert listener.ready.wait(WITHIN_S)
        assert not sender.connected, "the listener came first"
        assert line.is_up()
        assert sender.send(fresh_command(text="now"))
        assert [json.loads(message.payload)["text"] for message in heard.wait_for(1)] == ["now"]
    finally:
        sender.stop()
        listener.stop()


def test_the_dispatcher_waits_for_the_broker_and_then_sends(
    broker: LocalBroker, connected: Connected, listen: Callable[[str], Heard]
) -> None:
    sender, line = connected
    broker.stop()
    assert line.is_down()
    told = threading.Event()
    done: list[OutboxDone] = []

    def note(one: OutboxDone) -> None:
        done.append(one)
        told.set()

    dispatcher = Dispatcher(sender, note, Counted())
    dispatcher.start()
    try:
        dispatcher.release([OutboxItem.of(fresh_command())])
        broker.restart()
        assert told.wait(WITHIN_S)
        assert [one.outcome for one in done] == ["sent"]
    finally:
        dispatcher.stop()


def test_many_commands_at_once_all_arrive(
    connected: Connected, listen: Callable[[str], Heard]
) -> None:
    heard = listen(f"gridwarden/{SITE}/device/+/command")
    for number in range(200):
        assert connected[0].send(fresh_command(text=str(number)))
    texts = [json.loads(message.payload)["text"] for message in heard.wait_for(200)]
    assert texts == [str(number) for number in range(200)]


def test_a_command_to_a_device_that_is_not_there_is_noticed(connected: Connected) -> None:
    with structlog.testing.capture_logs() as logs:
        assert connected[0].send(fresh_command(device_id=DeviceId("nobody")))
        assert eventually(lambda: any(one["event"] == "command_without_taker" for one in logs))


def test_a_command_about_to_expire_still_has_a_second_to_live(
    connected: Connected, listen: Callable[[str], Heard]
) -> None:
    heard = listen(f"gridwarden/{SITE}/device/+/command")
    one = replace(fresh_command(), valid_until_us=system_clock() + SECOND_US // 2)
    assert connected[0].send(one)
    (message,) = heard.wait_for(1)
    assert getattr(message.properties, "MessageExpiryInterval", 0) == 1


def test_a_host_that_is_no_name_is_logged_counted_and_tried_again_with_growing_waits() -> None:
    counters = Counted()
    nowhere = MqttSenderConfig(host="a..b", port=1883, client_id="core-commands", first_wait_s=0.05)
    sender = MqttCommandSender(nowhere, SITE, counters)
    began = monotonic()
    with structlog.testing.capture_logs() as logs:
        sender.start()
        try:
            assert eventually(lambda: counters.count("command_sender_failed") >= 5)
        finally:
            sender.stop()
    assert monotonic() - began > 0.05 * (1 + 2 + 4 + 8) / 2, "each wait up to twice the one before"
    assert not sender.connected
    assert all(line["exc_info"] for line in logs if line["event"] == "command_sender_failed")


def test_a_failing_network_thread_ends_its_connection_and_a_new_one_is_made(
    broker: LocalBroker, listen: Callable[[str], Heard], monkeypatch: pytest.MonkeyPatch
) -> None:
    counters, line = Counted(), Line()
    config = MqttSenderConfig(host=broker.host, port=broker.port, client_id="core-commands")
    heard = listen(f"gridwarden/{SITE}/device/+/command")
    sender = MqttCommandSender(config, SITE, counters, on_connected=line.changed)
    sender.start()
    try:
        assert line.is_up()
        with monkeypatch.context() as failing:
            failing.setattr("delivery.mqtt.mqtt.Client._handle_pubackcomp", fail)
            assert sender.send(fresh_command(text="its acknowledgement fails"))
            assert line.is_down()
        assert counters.count("command_sender_failed") == 1
        assert line.is_up()
        assert sender.send(fresh_command(text="now"))
        texts = [json.loads(message.payload)["text"] for message in heard.wait_for(2)]
        assert texts == ["its acknowledgement fails", "now"]
    finally:
        sender.stop()


def test_a_listener_to_the_line_that_fails_does_not_end_the_sender(broker: LocalBroker) -> None:
    counters, told = Counted(), threading.Event()

    def stumble_twice(connected: bool) -> None:
        if counters.count("command_sender_failed") < 2:
            raise ValueError("nobody to tell")
        told.set()

    config = MqttSenderConfig(
        host=broker.host, port=broker.port, client_id="core-commands", first_wait_s=0.05
    )
    sender = MqttCommandSender(config, SITE, counters, on_connected=stumble_twice)
    sender.start()
    try:
        assert told.wait(WITHIN_S)
        assert eventually(lambda: sender.send(fresh_command()))
    finally:
        sender.stop()


def fail(*_: object) -> None:
    raise ValueError("a packet that cannot be")


def test_stopping_before_the_broker_was_ever_there_is_quick(broker: LocalBroker) -> None:
    broker.stop()
    config = MqttSenderConfig(host=broker.host, port=broker.port, client_id="core-commands")
    sender = MqttCommandSender(config, SITE, Counted())
    sender.start()
    assert not sender.send(fresh_command())
    sender.stop(WITHIN_S)
    assert "command-sender" not in [thread.name for thread in threading.enumerate()]
