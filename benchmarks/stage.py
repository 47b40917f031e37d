"""A broker, core and a load on this machine, as the benchmarks of the path need them."""

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from domain.ids import SourceId
from service.broker import LocalBroker
from service.site.model import telemetry_topic
from tests.support.running import CoreProcess, Siren, core
from tests.support.sites import CODE, SIREN, SOURCE, write_site

TOPIC = telemetry_topic(CODE, SourceId(SOURCE))
POINTS = [f"B/{number:04d}" for number in range(1_000)]
QUIET, HIGH, LIMIT = 50.0, 95.0, 85.0

# a benchmark publishes and listens in one process: who listens must not wait for who publishes
sys.setswitchinterval(0.0002)


@dataclass(frozen=True, slots=True)
class Stage:
    folder: Path
    broker: LocalBroker
    core: CoreProcess


@contextmanager
def stage(*, with_siren: bool = False) -> Iterator[Stage]:
    """1,000 points with four limits each, the upper one level 1; core connected, the siren listening."""
    with ExitStack() as open_now:
        folder = Path(
            open_now.enter_context(tempfile.TemporaryDirectory(prefix="gridwarden-bench-"))
        )
        broker = open_now.enter_context(LocalBroker(folder / "broker"))
        site = a_site(folder / "site", broker.port)
        if with_siren:
            siren = open_now.enter_context(Siren(broker.port, CODE, SIREN, folder))
            siren.await_listening()
        running = open_now.enter_context(core(site, folder / "data"))
        running.await_connected()
        yield Stage(folder, broker, running)


def a_site(folder: Path, port: int) -> Path:
    levels = {
        "LL": "{value: 10, priority: minor, mark: D}",
        "L": "{value: 20, priority: minor, mark: D}",
        "H": f"{{value: {LIMIT}, priority: urgent, mark: D}}",
        "HH": "{value: 105, priority: urgent, mark: D}",
    }
    four = ", ".join(f"{level}: {fields}" for level, fields in levels.items())
    limits = [f"{{point: {point}, {four}}}" for point in POINTS]
    return write_site(folder, port=port, points=POINTS, limits=limits)


def payload_of(points: Sequence[str], time_ms: int, value: float = QUIET) -> bytes:
    """One message in canonical JSON. Written by hand: the generator must cost less than what it loads."""
    readings = ",".join(
        f'{{"point":"{point}","time":{time_ms},"value":{value}}}' for point in points
    )
    return f'{{"readings":[{readings}]}}'.encode()


def quiet_payloads(messages: int, readings: int) -> list[bytes]:
    """Every point in turn, each time a millisecond later than before, all of the last minutes."""
    start_ms = time.time_ns() // 1_000_000 - 240_000
    return [
        payload_of(
            [POINTS[n % len(POINTS)] for n in range(index * readings, (index + 1) * readings)],
            start_ms + index * readings // len(POINTS),
        )
        for index in range(messages)
    ]
