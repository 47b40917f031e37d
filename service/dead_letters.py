"""Messages that could not be used, from the command line: looked at, and sent through again after mending.

They go to the site's broker, on their own topic and with their original bytes, as if the gateway had sent
them once more. The path drops what it has already had, so that sending twice does no harm.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from domain.clock import to_datetime
from service.beginning import stored_records
from service.local_socket import SOCKET_NAME, request
from service.settings import secret
from service.site.model import SourceSettings
from storage.dead_letters import KeptDeadLetter, SqlDeadLetters

_CONNECT_WITHIN_S: Final = 5.0
_TAKEN_WITHIN_S: Final = 30.0
_EXCERPT: Final = 60

OnProgress = Callable[[int], object]


class NotReplayed(Exception):
    """The broker did not take them; the message says what to do. What it took before is noted."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was done."""

    sent: int
    already: int  # of those that were named, sent through before


def dead_letters_of(data: Path) -> SqlDeadLetters:
    """Raises NoSite, StorageUnavailable."""
    return SqlDeadLetters(stored_records(data).engine)


def replay_dead_letters(
    data: Path,
    source: SourceSettings,
    *,
    reason: str | None = None,
    numbers: Sequence[int] = (),
    on_progress: OnProgress = lambda sent: None,
) -> Replayed:
    """All that were not sent through before, or those of a reason, or the ones named. Raises NoSite,
    StorageUnavailable, CoreUnreachable, BadSettings, NotReplayed."""
    letters = dead_letters_of(data)
    request(data / SOCKET_NAME, "status")  # without a core nobody would take them, nor note it
    sent = 0
    with _Broker(source) as broker:
        for batch in _batches(letters, reason, numbers):
            broker.publish(batch)
            _note(data, [each.number for each in batch])
            sent += len(batch)
            on_progress(sent)
    return Replayed(sent, len(set(numbers)) - sent if numbers else 0)


def _batches(
    letters: SqlDeadLetters, reason: str | None, numbers: Sequence[int]
) -> Iterator[list[KeptDeadLetter]]:
    if not numbers:
        yield from _waiting(letters, reason)
        return
    named = [letters.numbered(number) for number in sorted(set(numbers))]
    batch = [each for each in named if each is not None and each.replayed_at_us is None]
    if batch:
        yield batch


def _waiting(letters: SqlDeadLetters, reason: str | None) -> Iterator[list[KeptDeadLetter]]:
    """Up to the last one that stands there now: one that fails again is not sent in circles."""
    newest = letters.kept(reason, at_most=1)
    last = newest[0].number if newest else 0
    after = 0
    while after < last:
        found = letters.to_replay(reason, after)
        batch = [each for each in found if each.number <= last]
        if not batch:
            return
        after = batch[-1].number
        yield batch


def _note(data: Path, numbers: Sequence[int]) -> None:
    """Core alone writes the records."""
    request(data / SOCKET_NAME, "dead_letters_replayed", numbers=list(numbers))


@dataclass(slots=True)
class _Broker:
    """A connection of our own to publish with; it has no session."""

    source: SourceSettings
    _client: mqtt.Client = field(init=False)
    _refused: list[str] = field(default_factory=list)

    def __enter__(self) -> "_Broker":
        password = secret(self.source.password_env) if self.source.password_env else None
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"{self.source.client_id}-replay",
            protocol=mqtt.MQTTv5,
        )
        if self.source.username:
            self._client.username_pw_set(
                self.source.username, password.get_secret_value() if password else None
            )
        answered = threading.Event()
        answers: list[ReasonCode] = []

        def on_connect(_: Any, __: Any, ___: Any, code: ReasonCode, ____: Any) -> None:
            answers.append(code)
            answered.set()

        self._client.on_connect = on_connect
        self._client.on_publish = self._published
        where = f"{self.source.host}:{self.source.port}"
        try:
            self._client.connect(self.source.host, self.source.port)
        except OSError as error:
            raise NotReplayed(f"nothing answers at {where}: start the broker") from error
        self._client.loop_start()
        if not answered.wait(_CONNECT_WITHIN_S) or answers[0].is_failure:
            self.__exit__()
            raise NotReplayed(f"{where} does not let us in: see `gridwarden doctor`")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, letters: Sequence[KeptDeadLetter]) -> None:
        """Returns when the broker has them all."""
        under_way = [
            self._client.publish(each.letter.topic, each.letter.payload, qos=1) for each in letters
        ]
        for each in under_way:
            each.wait_for_publish(_TAKEN_WITHIN_S)
            if not each.is_published():
                raise NotReplayed("the broker took no more: start it, and run this again")
        if self._refused:
            raise NotReplayed(
                f"the broker refuses our messages ({self._refused[0]}): let our user publish on the"
                " telemetry topics"
            )

    def _published(self, _: Any, __: Any, ___: Any, code: ReasonCode, ____: Any) -> None:
        if code.is_failure:
            self._refused.append(str(code))


def letter_facts(letter: KeptDeadLetter) -> dict[str, Any]:
    """For a program."""
    said = letter.letter
    return {
        "number": letter.number,
        "at": _iso(said.at_us),
        "source": said.source_id,
        "reason": said.reason,
        "detail": said.detail,
        "topic": said.topic,
        "bytes": len(said.payload or b""),
        "replayed_at": None if letter.replayed_at_us is None else _iso(letter.replayed_at_us),
    }


def letter_line(letter: KeptDeadLetter) -> str:
    """For a person."""
    said = letter.letter
    again = ", replayed" if letter.replayed_at_us else ""
    start = (said.payload or b"")[:_EXCERPT].decode("utf-8", "replace")
    shown = "".join(each if each.isprintable() else "·" for each in start)
    return f"{letter.number:>7} {_iso(said.at_us)} {said.reason}{again}: {said.detail} | {shown}"


def _iso(at_us: int) -> str:
    return to_datetime(at_us).isoformat(timespec="seconds")
