"""Tells what the watchdog found, by means that the pipeline has no part in.

A retained message at the broker, over a connection of its own with a last will, so that the broker itself
tells when the supervisor dies; a program of the operator's choice; a line on stderr.
"""

import contextlib
import json
import os
import shlex
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

import structlog

from domain.clock import Clock, system_clock, to_datetime
from service.watchdog import Trouble

if TYPE_CHECKING:
    import paho.mqtt.client as mqtt

log = structlog.get_logger(__name__)

KEEPALIVE_S: Final = 10
_SAY_AGAIN_S: Final = 30.0  # the state with its moment: who reads it sees how fresh it is
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 10.0
_PATIENCE_S: Final = 5.0

_RECOVERED: Final = {"zh-CN": "监视已恢复正常", "en": "recovered: the watch goes on"}
_LOST: Final = {
    "zh-CN": "监护进程已消失: 无人看护监视核心",
    "en": "the supervisor is gone: nobody watches over core",
}
_STOPPED: Final = {"zh-CN": "监视已按指令停止", "en": "stopped by order: nothing is watched"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    host: str
    port: int
    client_id: str
    username: str | None = None
    password: str | None = None


def supervision_topic(site: str) -> str:
    return f"gridwarden/{site}/supervision"


class Announcer:
    """`announce` from the supervisor's thread; it never waits."""

    def __init__(
        self,
        *,
        site: str,
        language: str,
        broker: BrokerAddress | None,
        command: str = "",
        command_timeout_s: float = 10.0,
        say: Callable[[str], None] | None = None,
        clock: Clock = system_clock,
    ) -> None:
        self._language = language
        self._clock = clock
        self._say = say or _to_stderr
        self._program = _Program(command, command_timeout_s) if command else None
        self._told: tuple[Trouble, ...] = ()
        self._since_us = clock()
        self._message = (
            _RetainedMessage(supervision_topic(site), broker, self._payload_of("lost"))
            if broker
            else None
        )

    def start(self) -> None:
        for part in (self._message, self._program):
            if part is not None:
                part.start()

    def begin(self) -> None:
        """Core runs for the first time."""
        if not self._told and self._message is not None:
            self._message.set(lambda: self._payload_of("ok"))

    def announce(self, troubles: Sequence[Trouble]) -> None:
        """What is wrong now; told where it differs from what was told last."""
        found = tuple(troubles)
        if found == self._told:
            return
        new = [trouble for trouble in found if trouble not in self._told]
        self._told = found
        if new or not found:
            self._since_us = self._clock()
            sentence = self._sentence(new)
            (log.error if new else log.info)(
                "watchdog_alarm" if new else "watchdog_recovered",
                troubles=[f"{trouble.code} {trouble.detail}".strip() for trouble in found],
            )
            self._say(sentence)
            if self._program is not None:
                self._program.run(sentence)
        if self._message is not None:
            state = "trouble" if found else "ok"
            self._message.set(lambda: self._payload_of(state, found))

    def stop(self) -> None:
        if self._message is not None:
            self._message.stop(self._payload_of("stopped"))
        if self._program is not None:
            self._program.stop()

    def _sentence(self, troubles: Sequence[Trouble]) -> str:
        if not troubles:
            return _of(_RECOVERED, self._language)
        return "; ".join(trouble.text(self._language) for trouble in troubles)

    def _payload_of(self, state: str, troubles: Sequence[Trouble] = ()) -> bytes:
        match state:
            case "lost":
                text = _of(_LOST, self._language)
            case "stopped":
                text = _of(_STOPPED, self._language)
            case _:
                text = self._sentence(troubles)
        said: dict[str, Any] = {
            "state": state,
            "text": text,
            "troubles": [
                {
                    "code": trouble.code,
                    "detail": trouble.detail,
                    "text": trouble.text(self._language),
                }
                for trouble in troubles
            ],
            "since": _iso(self._since_us),
            "at": _iso(self._clock()),
            "host": socket.gethostname(),
            "pid": os.getpid(),
        }
        if state == "lost":
            # the broker publishes it as it was written when we connected: no moment of it is true
            del said["since"], said["at"]
        return json.dumps(said, ensure_ascii=False).encode()


class _RetainedMessage:
    """One retained message, kept at the broker as it should be. A thread of its own; nobody waits for it."""

    def __init__(self, topic: str, broker: BrokerAddress, will: bytes) -> None:
        self._topic = topic
        self._broker = broker
        self._will = will
        self._wanted: Callable[[], bytes] | None = None
        self._turn = 0  # of what is wanted
        self._last_words: bytes | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="announcer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def set(self, wanted: Callable[[], bytes]) -> None:
        self._wanted = wanted
        self._turn += 1

    def stop(self, last_words: bytes) -> None:
        self._last_words = last_words
        self._stopping.set()
        self._thread.join(_PATIENCE_S)

    def _run(self) -> None:
        wait_s = _FIRST_WAIT_S
        while not self._stopping.is_set():
            try:
                if self._stay_connected():
                    wait_s = _FIRST_WAIT_S
            except OSError as error:
                log.warning("announcer_not_connected", reason=str(error))
            except Exception:
                log.exception("announcer_failed")
            self._stopping.wait(wait_s)
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)

    def _stay_connected(self) -> bool:
        """Whether the broker took us."""
        client, accepted = self._client()
        client.connect(self._broker.host, self._broker.port, keepalive=KEEPALIVE_S)
        try:
            give_up_at = time.monotonic() + _PATIENCE_S
            while not accepted and time.monotonic() < give_up_at and not self._stopping.is_set():
                if client.loop(0.2):
                    break
            if not accepted or not accepted[0]:
                return False
            self._keep(client)
            return True
        finally:
            client.disconnect()
            client.loop(0.1)

    def _keep(self, client: "mqtt.Client") -> None:
        turn, said_at = -1, 0.0
        while not self._stopping.is_set():
            wanted = self._wanted
            if wanted is not None and (
                turn != self._turn or time.monotonic() - said_at >= _SAY_AGAIN_S
            ):
                turn, said_at = self._turn, time.monotonic()
                client.publish(self._topic, wanted(), qos=1, retain=True)
            if client.loop(0.2):
                return  # the connection has ended: connect again
        if self._last_words is not None:
            said = client.publish(self._topic, self._last_words, qos=1, retain=True)
            give_up_at = time.monotonic() + _PATIENCE_S / 2
            while not said.is_published() and time.monotonic() < give_up_at:
                if client.loop(0.1):
                    return

    def _client(self) -> "tuple[mqtt.Client, list[bool]]":
        import paho.mqtt.client as mqtt
        from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._broker.client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        client.connect_timeout = _PATIENCE_S
        if self._broker.username is not None:
            client.username_pw_set(self._broker.username, self._broker.password)
        client.will_set(self._topic, self._will, qos=1, retain=True)
        accepted: list[bool] = []

        def on_connect(_: Any, __: Any, ___: Any, reason: Any, ____: Any) -> None:
            accepted.append(not reason.is_failure)
            if reason.is_failure:
                log.warning("announcer_refused", reason=str(reason))

        client.on_connect = on_connect
        return client, accepted


class _Program:
    """Runs the operator's program, one sentence after the other."""

    def __init__(self, command: str, timeout_s: float) -> None:
        self._command = shlex.split(command)
        self._timeout_s = timeout_s
        self._sentences: SimpleQueue[str] = SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="announcer-program", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def run(self, sentence: str) -> None:
        self._sentences.put(sentence)

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(self._timeout_s + 1.0)

    def _work(self) -> None:
        while True:
            with contextlib.suppress(Empty):
                self._try(self._sentences.get(timeout=0.2))
                continue
            if self._stopping.is_set():
                return

    def _try(self, sentence: str) -> None:
        try:
            done = subprocess.run(
                [*self._command, sentence],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=self._timeout_s,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            log.error("watchdog_command_failed", reason=str(error))
            return
        if done.returncode:
            log.error("watchdog_command_failed", code=done.returncode)


def _to_stderr(sentence: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"! {sentence}\n")
        sys.stderr.flush()


def _of(sentences: dict[str, str], language: str) -> str:
    return sentences.get(language, sentences["en"])


def _iso(moment_us: int) -> str:
    return to_datetime(moment_us).isoformat(timespec="milliseconds")
