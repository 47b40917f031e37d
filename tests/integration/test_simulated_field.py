"""Command, siren, reply, decision: the whole way round through a real broker, with every kind of siren."""

import json
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from uuid import UUID

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from delivery.dispatcher import Dispatcher
from delivery.mqtt import MqttCommandSender, MqttSenderConfig, command_payload
from domain.assets import Condition
from domain.changes import Changes, OutboxDone
from domain.clock import MINUTE_US, SECOND_US, system_clock
from domain.commands import CommandState, DeviceCommand
from domain.events import AlarmRaised
from domain.records import DeadLetter, DeviceReplied, Record, ReplyOutcome, Ticked
from linkage.linkage import Linkage
from service.broker import LocalBroker
from service.counting import Counted
from service.simulate.connection import FieldClient
from service.simulate.siren import Behaviour, SimulatedSiren
from service.simulate.transformer import STORY_S, SimulatedTransformer
from tests.support.alarms import PLAN, SITE, TEN_US, alarm, command
from tests.support.listening import Collected, Heard

WITHIN_S = 30.0
REPLIES = f"gridwarden/{SITE}/device/+/reply"
Said = Collected[dict[str, object]]


class House:
    """Linkage, dispatcher and sender as core joins them, without its journal and records.

    The thread of the test decides; patience is tried by ticks whose moment the test gives."""

    def __init__(self, broker: LocalBroker) -> None:
        self.linkage = Linkage(PLAN)
        self.commands: dict[UUID, DeviceCommand] = {}
        self.failures: list[AlarmRaised] = []
        self.dead_letters: list[DeadLetter] = []
        self._inputs: queue.Queue[Record | OutboxDone] = queue.Queue()
        connected = threading.Event()
        self._sender = MqttCommandSender(
            MqttSenderConfig(host=broker.host, port=broker.port, client_id="core-commands"),
            SITE,
            Counted(),
            on_connected=lambda up: connected.set() if up else connected.clear(),
        )
        self._dispatcher = Dispatcher(self._sender, self._inputs.put, Counted())
        self._replies = FieldClient("core-replies", [REPLIES], self._on_reply)
        self._sender.start()
        self._dispatcher.start()
        self._replies.start(broker.host, broker.port)
        assert connected.wait(WITHIN_S)
        assert self._replies.ready.wait(WITHIN_S)

    def stop(self) -> None:
        self._dispatcher.stop()
        self._sender.stop()
        self._replies.stop()

    def alarm(self) -> DeviceCommand:
        """The siren is asked to sound, and the sending is marked."""
        event = alarm(detected_at_us=system_clock())
        self._apply(self.linkage.decide(Ticked(at_us=event.detected_at_us), [event]))
        self.take(1)
        return self.the_command

    def tick(self, at_us: int) -> None:
        self._apply(self.linkage.decide(Ticked(at_us=at_us), []))

    def out_of_patience(self) -> None:
        """A tick just when the device should have answered."""
        self.tick((self.the_command.sent_at_us or 0) + 3 * SECOND_US)

    def take(self, count: int) -> None:
        """Decides on so many replies and marks."""
        for _ in range(count):
            match self._inputs.get(timeout=WITHIN_S):
                case OutboxDone() as done:
                    self._apply(self.linkage.delivered(done))
                case record:
                    self._apply(self.linkage.decide(record, []))

    @property
    def the_command(self) -> DeviceCommand:
        (only,) = self.commands.values()
        return only

    def _apply(self, changes: Changes) -> None:
        self._dispatcher.hold(changes.outbox)
        self.commands |= {command.command_id: command for command in changes.commands}
        self.dead_letters += changes.dead_letters
        self.failures += [
            event
            for event in changes.events
            if isinstance(event, AlarmRaised) and event.condition is Condition.COMMAND_FAILED
        ]
        self._dispatcher.release(changes.outbox)

    def _on_reply(self, message: mqtt.MQTTMessage) -> None:
        reply = json.loads(message.payload)
        command_id = UUID(reply["command_id"])
        assert getattr(message.properties, "CorrelationData", b"") == command_id.bytes
        self._inputs.put(
            DeviceReplied(
                at_us=system_clock(),
                device_id=PLAN.devices[0].device_id,
                command_id=command_id,
                outcome=ReplyOutcome(reply["outcome"]),
                detail=reply["detail"],
            )
        )


class Timers:
    """Kept until the test lets them ring."""

    def __init__(self) -> None:
        self._set = Collected[tuple[float, Callable[[], None]]]()

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        self._set.note((seconds, action))

    def ring(self, seconds: float, count: int = 1) -> None:
        """Waits until so many are set for that long, then lets them ring."""
        self._set.wait_until(
            lambda timers: sum(wait == seconds for wait, _ in timers) == count, WITHIN_S
        )
        for wait, action in self._set.wait_for(0):
            if wait == seconds:
                action()


@pytest.fixture
def house(broker: LocalBroker) -> Iterator[House]:
    running = House(broker)
    yield running
    running.stop()


class Field:
    """Starts sirens at the broker and ends them with the test."""

    def __init__(self, broker: LocalBroker) -> None:
        self._broker = broker
        self._sirens: list[SimulatedSiren] = []
        self.said = Said()
        self.timers = Timers()

    def siren(self, behaviour: Behaviour) -> None:
        siren = SimulatedSiren(
            SITE, "siren-1T", behaviour, say=self._hear, late_s=4.0, after=self.timers.after
        )
        self._sirens.append(siren.start(self._broker.host, self._broker.port))
        assert siren.ready.wait(WITHIN_S)

    def _hear(self, line: dict[str, object]) -> None:
        if "listening" not in line:  # `ready` says that
            self.said.note(line)

    def acts(self, act: str) -> int:
        return len([line for line in self.said.wait_for(0) if act in line])

    def stop(self) -> None:
        for siren in self._sirens:
            siren.stop()


@pytest.fixture
def field(broker: LocalBroker) -> Iterator[Field]:
    running = Field(broker)
    yield running
    running.stop()


@pytest.mark.mosquitto
def test_a_prompt_siren_confirms_and_stops_by_itself(house: House, field: Field) -> None:
    field.siren(Behaviour.PROMPT)
    asked = house.alarm()
    house.take(1)
    assert house.the_command.state is CommandState.CONFIRMED
    field.timers.ring(asked.max_on_s)
    acted, stopped = field.said.wait_for(2)
    assert acted["acted"] == stopped["stopped"] == str(asked.command_id)
    assert acted["text"] == asked.text


@pytest.mark.mosquitto
def test_a_late_siren_is_reminded_sounds_once_and_is_confirmed(house: House, field: Field) -> None:
    field.siren(Behaviour.LATE)
    house.alarm()
    house.out_of_patience()
    house.take(1)  # the mark of the second attempt
    field.said.wait_for(2)
    field.timers.ring(4.0, count=2)  # both answers
    house.take(2)
    assert (house.the_command.state, house.the_command.attempt) == (CommandState.CONFIRMED, 2)
    assert (field.acts("acted"), field.acts("reminded")) == (1, 1)
    assert not house.failures


@pytest.mark.mosquitto
def test_a_siren_that_confirms_twice_is_confirmed_once(house: House, field: Field) -> None:
    field.siren(Behaviour.TWICE)
    house.alarm()
    house.take(2)
    assert house.the_command.state is CommandState.CONFIRMED
    assert house.the_command.version == 3, "issued, sent, confirmed, in whatever order we learn it"
    assert not house.dead_letters


@pytest.mark.mosquitto
def test_a_siren_that_answers_for_another_command_confirms_nothing(
    house: House, field: Field
) -> None:
    field.siren(Behaviour.WRONG_ID)
    house.alarm()
    house.take(1)
    assert house.the_command.state is CommandState.SENT
    assert [letter.reason for letter in house.dead_letters] == ["unknown_command"]


@pytest.mark.mosquitto
def test_a_siren_that_refuses_is_an_alarm_and_stays_silent(house: House, field: Field) -> None:
    field.siren(Behaviour.REFUSE)
    house.alarm()
    house.take(1)
    assert house.the_command.outcome == "refused: cover open"
    assert len(house.failures) == 1
    assert field.acts("acted") == 0


@pytest.mark.mosquitto
@pytest.mark.parametrize("there", [True, False], ids=["never-answers", "not-there"])
def test_a_siren_without_a_word_is_asked_three_times_and_becomes_an_alarm(
    house: House, field: Field, there: bool
) -> None:
    if there:
        field.siren(Behaviour.NEVER)
    house.alarm()
    for _ in range(2):
        house.out_of_patience()
        house.take(1)
    assert not house.failures
    house.out_of_patience()
    assert (house.the_command.state, house.the_command.attempt) == (CommandState.FAILED, 3)
    assert [failure.point for failure in house.failures] == ["siren-1T"]
    if there:
        field.said.wait_for(3)
        assert (field.acts("acted"), field.acts("reminded")) == (1, 2)


@pytest.mark.mosquitto
def test_a_siren_in_turn_answers_each_command_in_another_manner(
    broker: LocalBroker, field: Field
) -> None:
    field.siren(Behaviour.IN_TURN)
    heard = Heard()
    listener = FieldClient("listener", [f"gridwarden/{SITE}/device/+/reply"], heard.note)
    listener.start(broker.host, broker.port)
    assert listener.ready.wait(WITHIN_S)
    sender = FieldClient("asker")
    sender.start(broker.host, broker.port)
    now_us = system_clock()
    asked = [
        command(
            command_id=UUID(int=number), created_at_us=now_us, valid_until_us=now_us + MINUTE_US
        )
        for number in range(1, 6)
    ]
    try:
        for one in asked:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.CorrelationData = one.command_id.bytes
            properties.ResponseTopic = f"gridwarden/{SITE}/device/siren-1T/reply"
            sender.publish(
                f"gridwarden/{SITE}/device/siren-1T/command", command_payload(one), properties
            )
        field.said.wait_for(5)
        # at once 1; never: none; late: when its timer is let go; twice 2; for another command 1
        replies = [json.loads(m.payload)["command_id"] for m in heard.wait_for(4)]
        known = [str(one.command_id) for one in asked]
        assert [known.index(reply) for reply in replies if reply in known] == [0, 3, 3]
    finally:
        sender.stop()
        listener.stop()


@pytest.mark.mosquitto
def test_a_siren_does_not_sound_for_what_is_no_longer_valid(
    broker: LocalBroker, field: Field
) -> None:
    field.siren(Behaviour.PROMPT)
    now_us = system_clock()
    stale = command(created_at_us=now_us - 2 * MINUTE_US, valid_until_us=now_us - MINUTE_US)
    connected = threading.Event()
    sender = MqttCommandSender(
        MqttSenderConfig(host=broker.host, port=broker.port, client_id="late"),
        SITE,
        Counted(),
        on_connected=lambda up: connected.set(),
    )
    sender.start()
    try:
        assert connected.wait(WITHIN_S)
        assert sender.send(stale)
        (line,) = field.said.wait_for(1)
        assert line["ignored"] == str(stale.command_id)
    finally:
        sender.stop()


@pytest.mark.mosquitto
def test_the_field_is_a_process_of_its_own(broker: LocalBroker) -> None:
    heard = Heard()
    listener = FieldClient("listener", [f"gridwarden/{SITE}/#"], heard.note)
    listener.start(broker.host, broker.port)
    assert listener.ready.wait(WITHIN_S)
    program = [sys.executable, "-m", "service.simulate.field", "--port", str(broker.port)]
    options = ["--site", SITE, "--siren", "siren-1T=twice", "--oil-point", "LY/1T/top_oil_temp"]
    pace = ["--source", "rtu-1", "--interval-s", "0.05"]
    field = subprocess.Popen([*program, *options, *pace], stdout=subprocess.PIPE, text=True)
    try:
        (message, *_) = heard.wait_for(1)
        assert message.topic == f"gridwarden/{SITE}/telemetry/rtu-1"
        (reading,) = json.loads(message.payload)["readings"]
        assert reading["point"] == "LY/1T/top_oil_temp"
        one = command(created_at_us=system_clock(), valid_until_us=system_clock() + MINUTE_US)
        sent = threading.Event()
        sender = MqttCommandSender(
            MqttSenderConfig(host=broker.host, port=broker.port, client_id="c"),
            SITE,
            Counted(),
            on_connected=lambda up: sent.set(),
        )
        sender.start()
        assert sent.wait(WITHIN_S)
        assert sender.send(one)
        assert field.stdout is not None
        assert json.loads(field.stdout.readline()) == {"device": "siren-1T", "listening": True}
        line = json.loads(field.stdout.readline())
        assert (line["device"], line["acted"]) == ("siren-1T", str(one.command_id))
        heard.wait_until(lambda all_: sum(m.topic.endswith("/reply") for m in all_) == 2)
        sender.stop()
    finally:
        field.send_signal(signal.SIGTERM)
        assert field.wait(WITHIN_S) == 0
        if field.stdout is not None:
            field.stdout.close()
        listener.stop()


def test_the_oil_gets_hot_in_the_middle_of_the_story_and_cools_again() -> None:
    unit = SimulatedTransformer(SITE, "rtu", "p", low=70, high=92, clock=lambda: TEN_US)
    assert [unit.celsius(STORY_S * part / 4) for part in range(5)] == [70, 81, 92, 81, 70]


def test_the_story_runs_at_its_speed_and_readings_bear_the_real_time() -> None:
    unit = SimulatedTransformer(SITE, "rtu", "p", high=92, speed=100, clock=lambda: TEN_US)
    at_us = TEN_US + 3 * SECOND_US  # 300 story seconds: the middle
    (reading,) = json.loads(unit.payload(at_us))["readings"]
    assert (reading["time"], reading["value"]) == (at_us // 1_000, 92.0)


def test_a_command_says_its_times_with_an_offset() -> None:
    told = json.loads(command_payload(command()))
    assert told["created_at"] == "2025-11-23T02:00:03.000+00:00"
    assert told["valid_until"] == "2025-11-23T02:01:03.000+00:00"
