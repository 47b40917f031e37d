"""The broker of a source: whether it answers, and whether it keeps for a session that is away."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from service.doctor.finding import Finding, good, mend
from service.settings import BadSettings, secret
from service.site.model import Site, SourceSettings

PROBE_MESSAGES: Final = 2_500  # more than the 1,000 that Mosquitto's defaults keep
_CONNECT_WITHIN_S: Final = 5.0
_PUBLISH_WITHIN_S: Final = 30.0
_QUIET_S: Final = 2.0
_SESSION_EXPIRY_S: Final = 120  # a probe that we could not clean up goes by itself


def broker_findings(site: Site, source: SourceSettings) -> Iterator[Finding]:
    subject = f"broker of {source.source_id}"
    where = f"{source.host}:{source.port}"
    try:
        probe = BrokerProbe.of(site, source)
        kept = probe.examine()
    except BadSettings as error:
        yield mend(subject, str(error), "set it before `gridwarden run`, in the service's unit too")
    except BrokerRefuses as error:
        yield mend(subject, str(error), f"mend user and password of {where} in sources/")
    except OSError as error:
        yield mend(
            subject,
            f"nothing answers at {where}: {error}",
            "start the broker, or mend host and port in sources/",
        )
    else:
        yield good(subject, f"answers at {where}")
        yield _kept(subject, kept)


def _kept(subject: str, kept: "Kept") -> Finding:
    if not kept.session:
        return mend(
            subject,
            "it forgets our session while we are away: what is sent meanwhile is lost",
            "allow persistent sessions (persistence true, persistent_client_expiration unset)",
        )
    if kept.messages < PROBE_MESSAGES:
        return mend(
            subject,
            f"it dropped {PROBE_MESSAGES - kept.messages} of {PROBE_MESSAGES} messages"
            " for a session that was away, though it had acknowledged them",
            "set max_queued_messages 0 and a large max_queued_bytes (docs/operations.md)",
        )
    return good(subject, f"kept {PROBE_MESSAGES} messages for a session that was away")


class BrokerRefuses(Exception):
    """The broker answers and does not let us in."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the broker still had for a session that was away."""

    session: bool
    messages: int


@dataclass(slots=True)
class BrokerProbe:
    """Subscribes, goes away, publishes to itself, comes back and counts. Leaves nothing behind."""

    host: str
    port: int
    topic: str
    client_id: str
    username: str | None = None
    password: str | None = None
    messages: int = PROBE_MESSAGES
    _received: int = 0
    _last_at: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, site: Site, source: SourceSettings) -> "BrokerProbe":
        # a topic and a client id of its own: a probe must never disturb what runs
        name = uuid4().hex[:8]
        password = secret(source.password_env) if source.password_env else None
        return cls(
            host=source.host,
            port=source.port,
            topic=f"gridwarden/{site.code}/doctor/{name}",
            client_id=f"{source.client_id}-doctor-{name}",
            username=source.username,
            password=password.get_secret_value() if password else None,
        )

    def examine(self) -> Kept:
        """Raises OSError where nobody answers, BrokerRefuses where we may not in."""
        with self._connected(expiry_s=_SESSION_EXPIRY_S) as (client, _):
            self._subscribe(client)
        self._publish_all()
        with self._connected(expiry_s=0) as (client, session):
            # expiry 0: the session and what is left in it end with this connection
            if session:
                self._collect()
            return Kept(session, self._received)

    def _subscribe(self, client: mqtt.Client) -> None:
        subscribed = threading.Event()
        client.on_subscribe = lambda *_: subscribed.set()
        client.subscribe(self.topic, qos=1)
        if not subscribed.wait(_CONNECT_WITHIN_S):
            raise BrokerRefuses(f"{self.host}:{self.port} does not answer a subscription")

    def _publish_all(self) -> None:
        with self._connected(expiry_s=0, suffix="-out") as (client, _):
            sent = [client.publish(self.topic, b"probe", qos=1) for _ in range(self.messages)]
            sent[-1].wait_for_publish(_PUBLISH_WITHIN_S)

    def _collect(self) -> None:
        """Until all are here, or nothing came for a while."""
        self._last_at = time.monotonic()
        while self._received < self.messages and time.monotonic() - self._last_at < _QUIET_S:
            time.sleep(0.02)

    def _on_message(self, client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
        self._received += 1
        self._last_at = time.monotonic()

    @contextmanager
    def _connected(self, expiry_s: int, suffix: str = "") -> Iterator[tuple[mqtt.Client, bool]]:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.client_id + suffix,
            protocol=mqtt.MQTTv5,
        )
        client.max_inflight_messages_set(200)
        if self.username:
            client.username_pw_set(self.username, self.password)
        client.on_message = self._on_message
        answered = threading.Event()
        answers: list[tuple[ReasonCode, bool]] = []

        def on_connect(
            client: mqtt.Client,
            userdata: Any,
            flags: mqtt.ConnectFlags,
            code: ReasonCode,
            more: Any,
        ) -> None:
            answers.append((code, flags.session_present))
            answered.set()

        client.on_connect = on_connect
        expiry = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        expiry.SessionExpiryInterval = expiry_s
        client.connect(self.host, self.port, clean_start=False, properties=expiry)
        client.loop_start()
        try:
            if not answered.wait(_CONNECT_WITHIN_S):
                raise BrokerRefuses(f"{self.host}:{self.port} accepts and says nothing")
            code, session = answers[0]
            if code.is_failure:
                raise BrokerRefuses(f"{self.host}:{self.port} refuses us: {code}")
            yield client, session
        finally:
            client.disconnect()
            client.loop_stop()
