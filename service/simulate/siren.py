"""A simulated siren: acts once per command id, stops by itself, and answers well or badly."""

import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Self
from uuid import UUID, uuid4

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from domain.clock import Clock, from_datetime, system_clock
from domain.commands import PING
from service.simulate.connection import FieldClient

REMEMBER_COMMANDS: Final = 10_000

Say = Callable[[dict[str, object]], None]
After = Callable[[float, Callable[[], None]], None]


class Behaviour(StrEnum):
    PROMPT = "prompt"
    LATE = "late"  # answers when the first patience is over
    TWICE = "twice"
    WRONG_ID = "wrong_id"  # answers for a command that nobody gave
    NEVER = "never"  # sounds, but never says so
    REFUSE = "refuse"  # says no, and does not sound
    IN_TURN = "in_turn"  # each new command gets the next of the manners below


_TURNS: Final = (
    Behaviour.PROMPT,
    Behaviour.NEVER,
    Behaviour.LATE,
    Behaviour.TWICE,
    Behaviour.WRONG_ID,
)


@dataclass(frozen=True, slots=True)
class _Command:
    command_id: UUID
    action: str
    text: str
    attempt: int
    valid_until_us: int
    max_on_s: float
    reply_topic: str


def after(seconds: float, action: Callable[[], None]) -> None:
    """On a thread of its own, which does not keep the process alive."""
    timer = threading.Timer(seconds, action)
    timer.daemon = True
    timer.start()


class SimulatedSiren:
    """Says what it does through `say`, one dict per act: {"device": ..., "acted": command id, ...}."""

    def __init__(
        self,
        site: str,
        device: str,
        behaviour: Behaviour = Behaviour.PROMPT,
        *,
        say: Say = lambda line: None,
        late_s: float = 4.0,
        clock: Clock = system_clock,
        after: After = after,
    ) -> None:
        self.device = device
        self._behaviour = behaviour
        self._say = say
        self._late_s = late_s
        self._clock = clock
        self._after = after
        self._acted: OrderedDict[UUID, Behaviour] = OrderedDict()  # how each is answered
        self._given = 0
        self._client = FieldClient(
            f"siren-{site}-{device}",
            [f"gridwarden/{site}/device/{device}/command"],
            self._on_message,
            lambda: say({"device": device, "listening": True}),
        )

    @property
    def ready(self) -> threading.Event:
        """Set while the siren listens."""
        return self._client.ready

    def start(self, host: str, port: int) -> Self:
        self._client.start(host, port)
        return self

    def stop(self) -> None:
        self._client.stop()

    def _on_message(self, message: mqtt.MQTTMessage) -> None:
        command = _read(message)
        if self._clock() >= command.valid_until_us:
            self._tell("ignored", command, why="valid_until has passed")
            return
        if self._behaviour is Behaviour.REFUSE:
            self._reply(command, command.command_id, "refused", "cover open")
            return
        if command.action == PING:
            self._answer_ping(command)
            return
        self._act_once(command)
        self._answer(command, self._acted[command.command_id])

    def _answer_ping(self, command: _Command) -> None:
        """It lives and sounds nothing; one that never speaks does not answer this either."""
        if self._behaviour is not Behaviour.NEVER:
            self._reply(command, command.command_id)

    def _act_once(self, command: _Command) -> None:
        if command.command_id in self._acted:
            self._tell("reminded", command)
            return
        self._acted[command.command_id] = self._next_behaviour()
        if len(self._acted) > REMEMBER_COMMANDS:
            self._acted.popitem(last=False)
        self._tell("acted", command, text=command.text)
        self._after(command.max_on_s, lambda: self._tell("stopped", command))

    def _next_behaviour(self) -> Behaviour:
        if self._behaviour is not Behaviour.IN_TURN:
            return self._behaviour
        self._given += 1
        return _TURNS[(self._given - 1) % len(_TURNS)]

    def _answer(self, command: _Command, behaviour: Behaviour) -> None:
        match behaviour:
            case Behaviour.PROMPT:
                self._reply(command, command.command_id)
            case Behaviour.LATE:
                self._after(self._late_s, lambda: self._reply(command, command.command_id))
            case Behaviour.TWICE:
                self._reply(command, command.command_id)
                self._reply(command, command.command_id)
            case Behaviour.WRONG_ID:
                self._reply(command, uuid4())
            case _:
                pass  # it sounds, and never says so

    def _reply(
        self, command: _Command, command_id: UUID, outcome: str = "done", detail: str = ""
    ) -> None:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.CorrelationData = command_id.bytes
        payload = {"command_id": str(command_id), "outcome": outcome, "detail": detail}
        self._client.publish(command.reply_topic, json.dumps(payload).encode(), properties)

    def _tell(self, act: str, command: _Command, **more: object) -> None:
        self._say(
            {
                "device": self.device,
                act: str(command.command_id),
                "attempt": command.attempt,
                "at_us": self._clock(),
                **more,
            }
        )


def _read(message: mqtt.MQTTMessage) -> _Command:
    """Correlation data that contradicts the payload is nonsense, and an error like any other."""
    payload = json.loads(message.payload)
    command_id = UUID(payload["command_id"])
    if getattr(message.properties, "CorrelationData", b"") != command_id.bytes:
        raise ValueError(f"correlation data is not command id {command_id}")
    reply_topic = getattr(message.properties, "ResponseTopic", "")
    if not reply_topic:
        raise ValueError(f"command {command_id} says not where to answer")
    return _Command(
        command_id=command_id,
        action=payload["action"],
        text=payload["text"],
        attempt=payload["attempt"],
        valid_until_us=from_datetime(datetime.fromisoformat(payload["valid_until"])),
        max_on_s=payload["max_on_s"],
        reply_topic=reply_topic,
    )
