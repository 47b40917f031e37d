"""kill -9 of core under 5,000 readings per second: how long until it works again, and what was lost.

`gridwarden run` supervises, as in the field. The wait is from the kill to the first reading that the new
process has evaluated; afterwards every reading must be stored once.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.load import RawPublisher, paced
from benchmarks.rows import Row
from benchmarks.stage import TOPIC, a_site, quiet_payloads
from service.broker import LocalBroker
from service.local_socket import SOCKET_NAME, CoreUnreachable, request
from tests.support.running import ROOT, until

READINGS, MESSAGES_PER_S = 10, 500
KILLS, SECONDS_BETWEEN = 3, 8
BUDGET_S = 3.0


def rows() -> Iterator[Row]:
    waits, lost = measure()
    yield Row(
        what=f"kill -9 under {READINGS * MESSAGES_PER_S:,} readings/s, back at work",
        figure=f"{max(waits):.1f} s at most of {KILLS}, {lost} readings lost or doubled",
        budget=f"{BUDGET_S:.0f} s, 0",
        passed=max(waits) <= BUDGET_S and lost == 0,
    )


def measure() -> tuple[list[float], int]:
    """Seconds of each kill until work went on; readings that are not stored exactly once."""
    payloads = quiet_payloads(MESSAGES_PER_S * SECONDS_BETWEEN * (KILLS + 1), READINGS)
    with (
        tempfile.TemporaryDirectory(prefix="gridwarden-bench-") as name,
        LocalBroker(Path(name) / "broker") as broker,
    ):
        folder = Path(name)
        data = folder / "data"
        run = start_run(a_site(folder / "site", broker.port), data)
        try:
            until(lambda: is_current(data), "core is current", 60)
            load = threading.Thread(target=publish, args=(broker, payloads))
            load.start()
            waits = [kill_and_wait(data) for _ in range(KILLS)]
            load.join()
            expected = len(payloads) * READINGS
            until(lambda: int(asked(data, "stored_rows")) >= expected, "all is stored", 60)
            return waits, abs(int(asked(data, "stored_rows")) - expected)
        finally:
            run.send_signal(signal.SIGINT)
            run.wait(30)


def start_run(site: Path, data: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "service.cli",
            "run",
            "--site",
            str(site),
            "--data",
            str(data),
            "--no-console",
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def publish(broker: LocalBroker, payloads: list[bytes]) -> None:
    with RawPublisher(broker.host, broker.port) as publisher:
        for group in paced(payloads, MESSAGES_PER_S, at_once=5):
            publisher.publish(TOPIC, group, qos=1)
        publisher.await_acknowledged()


def kill_and_wait(data: Path) -> float:
    """Lets it work for a while, kills it, and waits until the next one works."""
    rows_before = int(asked(data, "evaluated_rows"))
    until(
        lambda: int(asked(data, "evaluated_rows")) > rows_before + 2 * READINGS * MESSAGES_PER_S,
        "core is at work",
    )
    pid = int(asked(data, "pid"))
    os.kill(pid, signal.SIGKILL)
    began = time.perf_counter()
    until(lambda: asked(data, "pid") not in (0, pid), "another core answers")
    until(lambda: int(asked(data, "evaluated_rows")) > 0, "it evaluates readings")
    return time.perf_counter() - began


def asked(data: Path, what: str) -> int:
    """A number of core's status; 0 while it does not answer."""
    try:
        return int(request(data / SOCKET_NAME, "status")[what] or 0)
    except CoreUnreachable:
        return 0


def is_current(data: Path) -> bool:
    try:
        return bool(request(data / SOCKET_NAME, "status")["source"]["current"])
    except CoreUnreachable:
        return False


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)
