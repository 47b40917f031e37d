"""A real Apache Kafka for tests: one node that is broker and controller (KRaft), on loopback, small.

Its jars come by `make servers`. It ends with the process that started it.
"""

import asyncio
import contextlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from uuid import uuid4

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from service.broker import HOST, end_with_us
from tests.support.listening import eventually
from tests.support.servers import servers_folder

JARS: Final = servers_folder() / "kafka"
HEAP: Final = ("-Xms64m", "-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_START_WITHIN_S: Final = 60.0
_STOP_WITHIN_S: Final = 30.0
_POLL_S: Final = 0.1

_Answer = TypeVar("_Answer")

_PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=INSIDE
listeners=CLIENT://{host}:{client},INSIDE://{host}:{inside},CONTROLLER://{host}:{controller}
advertised.listeners=CLIENT://{host}:{client},INSIDE://{host}:{inside}
listener.security.protocol.map=CLIENT:{security},INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/data
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
auto.create.topics.enable=false
num.partitions=1
num.network.threads=1
num.io.threads=2
num.recovery.threads.per.data.dir=1
log.cleaner.dedupe.buffer.size=8388608
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
"""

_LOGGING: Final = """\
<Configuration status="error">
  <Appenders>
    <Console name="out" target="SYSTEM_OUT"><PatternLayout pattern="%d %p %m (%c)%n"/></Console>
  </Appenders>
  <Loggers><Root level="info"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
"""


class KafkaNotStarted(Exception):
    """The server's process ended or never answered; the message holds its last words."""


def kafka_is_here() -> bool:
    """The jars of `make servers` and a Java to run them."""
    return (JARS / "pom.xml").is_file() and shutil.which("java") is not None


def java(main: str, *arguments: str, logging: Path | None = None) -> list[str]:
    """The command of one of Kafka's programs; without `logging` it only says what goes wrong."""
    level = f"-Dlog4j2.configurationFile={logging}" if logging else "-Dlog4j2.level=ERROR"
    return ["java", *HEAP, level, "-cp", f"{JARS}/*", main, *arguments]


@dataclass(frozen=True, slots=True)
class Kafka:
    """Where a Kafka answers, with what a test asks of it beside its own client."""

    bootstrap: str  # host:port

    def create_topic(
        self, name: str, partitions: int = 1, settings: Mapping[str, str] | None = None
    ) -> str:
        """The name, for a test that writes `topic = kafka.create_topic(...)`."""
        topic = NewTopic(name, partitions, 1, topic_configs=dict(settings or {}))
        made = self._ask(lambda admin: admin.create_topics([topic]))
        if made.topic_errors[0][1]:
            raise AssertionError(f"cannot make the topic {name}: {made.topic_errors}")
        # the controller has it; the broker that clients ask hears of it a moment later
        assert eventually(lambda: self.partitions(name) == partitions), f"no topic {name}"
        return name

    def new_topic(
        self, partitions: int = 1, settings: Mapping[str, str] | None = None, begins: str = "test"
    ) -> str:
        """One that no other test has."""
        return self.create_topic(f"{begins}-{uuid4().hex[:8]}", partitions, settings)

    def topics(self) -> list[str]:
        return self._ask(lambda admin: admin.list_topics())

    def partitions(self, topic: str) -> int:
        """How many have a leader; 0 where there is no such topic."""
        described = self._ask(lambda admin: admin.describe_topics([topic]))
        return sum(partition["leader"] >= 0 for partition in described[0]["partitions"])

    def answers(self) -> bool:
        try:
            self.topics()
        except (KafkaError, OSError):
            return False
        return True

    def _ask(self, question: Callable[[Any], Awaitable[_Answer]]) -> _Answer:
        async def asked() -> _Answer:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap, request_timeout_ms=10_000)
            try:
                await admin.start()
                return await question(admin)
            finally:
                await admin.close()

        return asyncio.run(asked())


class KafkaServer:
    """One server process. `users` (name to password) makes its listener ask for SASL/PLAIN."""

    def __init__(
        self,
        folder: Path,
        *,
        settings: Mapping[str, str] | None = None,
        users: Mapping[str, str] | None = None,
    ) -> None:
        """Its files live in `folder`; `settings` stand above ours in server.properties."""
        self._folder = folder.resolve()
        self._settings = dict(settings or {})
        self._users = dict(users or {})
        self._ports: tuple[int, int, int] | None = None  # client, inside, controller
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        if self._ports is None:
            raise RuntimeError("the server has no port before its first start")
        return self._ports[0]

    @property
    def bootstrap(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def inside(self) -> Kafka:
        """The listener that asks for no password, whatever the other one does."""
        assert self._ports is not None
        return Kafka(f"{HOST}:{self._ports[1]}")

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def log_path(self) -> Path:
        return self._folder / "server.log"

    def start(self) -> Self:
        """Raises KafkaNotStarted. Returns when the server answers a client; formats a new folder."""
        if self._process is not None:
            return self
        if self._ports is None:
            self._ports = _three_free_ports()
            self._write_files(self._ports)
            self._format()
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self._java("kafka.Kafka", str(self._properties)),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._guard = end_with_us(self._process.pid)
        try:
            self._wait_until_answering()
        except KafkaNotStarted:
            self.kill()
            raise
        return self

    def stop(self) -> None:
        """An orderly end."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """As a power cut would."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """It keeps its connections and answers nothing, until `thaw`."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def restart(self) -> None:
        """Stop if it runs, and start on the same port in the same folder."""
        self.stop()
        self.start()

    def last_words(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            return self.log_path.read_text(encoding="utf-8", errors="replace")[-3_000:]
        return "it wrote no log"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def _properties(self) -> Path:
        return self._folder / "server.properties"

    def _write_files(self, ports: tuple[int, int, int]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        client, inside, controller = ports
        written = _PROPERTIES.format(
            host=HOST,
            client=client,
            inside=inside,
            controller=controller,
            security="SASL_PLAINTEXT" if self._users else "PLAINTEXT",
            folder=self._folder,
        )
        for name, value in {**_sasl(self._users), **self._settings}.items():
            written += f"{name}={value}\n"
        self._properties.write_text(written, encoding="utf-8")
        (self._folder / "log4j2.xml").write_text(_LOGGING, encoding="utf-8")

    def _format(self) -> None:
        command = ("format", "--cluster-id", "Z3JpZHdhcmRlbi10ZXN0cw", "--config")
        done = subprocess.run(
            [*self._java("kafka.tools.StorageTool", *command), str(self._properties)],
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise KafkaNotStarted(f"cannot format {self._folder}: {done.stdout}{done.stderr}")

    def _java(self, main: str, *arguments: str) -> list[str]:
        return java(main, *arguments, logging=self._folder / "log4j2.xml")

    def _wait_until_answering(self) -> None:
        process = self._process
        assert process is not None
        give_up_at = time.monotonic() + _START_WITHIN_S
        while time.monotonic() < give_up_at:
            if process.poll() is not None:
                raise KafkaNotStarted(f"it ended with {process.returncode}: {self.last_words()}")
            if _accepts(self.port) and self.inside.answers():
                return
            time.sleep(_POLL_S)
        raise KafkaNotStarted(f"no answer within {_START_WITHIN_S:.0f} s: {self.last_words()}")

    def _signal(self, which: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(which)

    def _end(self, how: signal.Signals) -> None:
        process, guard = self._process, self._guard
        self._process = self._guard = None
        # the guard first: it must never signal a number that has become another process
        if guard is not None:
            guard.kill()
            guard.wait()
            assert guard.stdin is not None
            guard.stdin.close()
        if process is None:
            return
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)  # a frozen one must hear it
        try:
            process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _sasl(users: Mapping[str, str]) -> dict[str, str]:
    if not users:
        return {}
    known = " ".join(f'user_{name}="{password}"' for name, password in users.items())
    module = "org.apache.kafka.common.security.plain.PlainLoginModule"
    return {
        "listener.name.client.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.client.plain.sasl.jaas.config": f"{module} required {known};",
    }


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1.0):
            return True
    except OSError:
        return False


def _three_free_ports() -> tuple[int, int, int]:
    with socket.socket() as first, socket.socket() as second, socket.socket() as third:
        for each in (first, second, third):
            each.bind((HOST, 0))
        one, two, three = (each.getsockname()[1] for each in (first, second, third))
        return one, two, three
