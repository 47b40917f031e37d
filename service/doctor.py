"""`doctor`: what would stop gridwarden from working here, each with its cure."""

import os
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from sqlalchemy import Engine

from domain.ports import StorageUnavailable
from service.local_socket import SOCKET_NAME, CoreUnreachable, RequestRefused, request
from service.records import records_engine
from service.settings import BadSettings, Settings, secret
from service.site.load import BrokenSite, load
from service.site.model import Site, SourceSettings
from storage.engines import is_server
from storage.journal import DamagedJournal, SqliteJournal
from storage.migrate import is_current, revision
from storage.tables import REVISION

PROBE_MESSAGES: Final = 2_500  # more than the 1,000 that Mosquitto's defaults keep
_CONNECT_WITHIN_S: Final = 5.0
_PUBLISH_WITHIN_S: Final = 30.0
_QUIET_S: Final = 2.0
_SESSION_EXPIRY_S: Final = 120  # a probe that we could not clean up goes by itself


class Verdict(StrEnum):
    GOOD = "good"
    NOTE = "note"  # worth knowing; nothing needs mending
    MEND = "mend"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    subject: str
    verdict: Verdict
    says: str
    cure: str = ""


def examine(site_folder: Path, settings: Settings) -> list[Finding]:
    """Every finding; the ones that need a sound site only where it is sound."""
    findings = [_python(), *_data_folder(settings)]
    try:
        site = load(site_folder)
    except BrokenSite as error:
        return [
            *findings,
            Finding(
                subject="site folder",
                verdict=Verdict.MEND,
                says=str(error),
                cure=f"mend the places that `gridwarden check {site_folder}` shows",
            ),
        ]
    findings.append(_good("site folder", f"{site.name}: {len(site.points)} points"))
    findings += [_records(settings.data), _journal(settings.data), _core(settings.data)]
    for source in site.sources:
        findings += _broker(site, source)
    return findings


def _good(subject: str, says: str) -> Finding:
    return Finding(subject=subject, verdict=Verdict.GOOD, says=says)


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return _good("Python", f"{version}, SQLite {sqlite3.sqlite_version}")


def _data_folder(settings: Settings) -> list[Finding]:
    data = settings.data
    existing = next(folder for folder in [data, *data.absolute().parents] if folder.exists())
    if not existing.is_dir():
        return [_mend("data folder", f"{data} is a file", "give another --data")]
    try:
        with tempfile.NamedTemporaryFile(dir=existing) as file:
            file.write(b"gridwarden")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return [
            _mend(
                "data folder",
                f"nothing can be written in {existing}: {error.strerror}",
                "give this user the right to write there, or another --data",
            )
        ]
    return [_good("data folder", f"{data} can be written"), _space(existing, settings)]


def _space(folder: Path, settings: Settings) -> Finding:
    free = shutil.disk_usage(folder).free
    share = settings.journal.share_bytes
    says = f"{free / 2**30:.1f} GiB free, the journal may take {share / 2**30:.1f} GiB"
    if free < 256 * 2**20:
        return _mend("disk", says, "make room: a full disk stops the journal and with it the watch")
    if free < share:
        return Finding(
            subject="disk",
            verdict=Verdict.NOTE,
            says=says,
            cure="make room, or set GRIDWARDEN_JOURNAL__SHARE_MIB lower",
        )
    return _good("disk", says)


def _mend(subject: str, says: str, cure: str) -> Finding:
    return Finding(subject=subject, verdict=Verdict.MEND, says=says, cure=cure)


def _records(data: Path) -> Finding:
    engine = records_engine(data, role="doctor", once=True)
    if is_server(engine):
        return _records_at(engine)
    path = data / "records.db"
    if not path.exists():
        if (data / "journal").is_dir() and any((data / "journal").glob("journal-*.db")):
            return _mend(
                "records",
                f"{path} is missing, though the journal is here",
                "bring it back from a backup, or give an empty --data",
            )
        return Finding(
            subject="records", verdict=Verdict.NOTE, says="none yet: the first `run` makes them"
        )
    try:
        current = is_current(engine)
    except StorageUnavailable as error:
        return _mend("records", f"{error}", "end what locks the file, or bring back a backup")
    finally:
        engine.dispose()
    if current:
        return _good("records", f"{path} has this version's tables")
    return _mend("records", f"{path} has older tables", "start `gridwarden run` once: it migrates")


def _records_at(engine: Engine) -> Finding:
    """At a PostgreSQL server."""
    try:
        found = revision(engine)
    except StorageUnavailable as error:
        return _mend(
            "records",
            f"{error}",
            "start the server, or correct GRIDWARDEN_RECORDS__URL and PASSWORD",
        )
    finally:
        engine.dispose()
    name = f"the database {engine.url.database}"
    if found is None:
        return Finding(
            subject="records",
            verdict=Verdict.NOTE,
            says=f"{name} is empty: the first `run` makes them",
        )
    if found == REVISION:
        return _good("records", f"{name} has this version's tables")
    return _mend("records", f"{name} has older tables", "start `gridwarden run` once: it migrates")


def _journal(data: Path) -> Finding:
    folder = data / "journal"
    if not folder.is_dir():
        return Finding(
            subject="journal", verdict=Verdict.NOTE, says="none yet: the first `run` makes it"
        )
    try:
        journal = SqliteJournal(folder)
        newest = journal.last_seq
        read = sum(1 for _ in journal.read(after=max(0, newest - 100)))
    except (StorageUnavailable, DamagedJournal) as error:
        return _mend("journal", f"{error}", "keep the file for us and start with a new --data")
    return _good("journal", f"newest record {newest}, the last {read} read back well")


def _core(data: Path) -> Finding:
    try:
        status = request(data / SOCKET_NAME, "status")
    except CoreUnreachable:
        return Finding(subject="core", verdict=Verdict.NOTE, says="not running")
    except RequestRefused as error:
        return _mend("core", f"runs, but refuses to tell: {error}", "look at its log")
    return _good("core", f"runs, journal at record {status.get('journal_seq')}")


def _broker(site: Site, source: SourceSettings) -> Iterator[Finding]:
    subject = f"broker of {source.source_id}"
    where = f"{source.host}:{source.port}"
    try:
        probe = BrokerProbe.of(site, source)
        kept = probe.examine()
    except BadSettings as error:
        yield _mend(
            subject, str(error), "set it before `gridwarden run`, in the service's unit too"
        )
    except BrokerRefuses as error:
        yield _mend(subject, str(error), f"mend user and password of {where} in sources/")
    except OSError as error:
        yield _mend(
            subject,
            f"nothing answers at {where}: {error}",
            "start the broker, or mend host and port in sources/",
        )
    else:
        yield _good(subject, f"answers at {where}")
        yield _kept(subject, kept)


def _kept(subject: str, kept: "Kept") -> Finding:
    if not kept.session:
        return _mend(
            subject,
            "it forgets our session while we are away: what is sent meanwhile is lost",
            "allow persistent sessions (persistence true, persistent_client_expiration unset)",
        )
    if kept.messages < PROBE_MESSAGES:
        return _mend(
            subject,
            f"it dropped {PROBE_MESSAGES - kept.messages} of {PROBE_MESSAGES} messages"
            " for a session that was away, though it had acknowledged them",
            "set max_queued_messages 0 and a large max_queued_bytes (docs/operations.md)",
        )
    return _good(subject, f"kept {PROBE_MESSAGES} messages for a session that was away")


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
