"""Whether sixteen cameras slow a device command down, and how many of their pictures are looked at.

In one run, in turn: the command latency of core alone, and beside the vision process, which
follows sixteen H.264 streams of a real RTSP server, 704x576 at 25 frames a second, and looks at two of them a
second. Once all of all sixteen pictures moves, a key frame every two seconds; once two of them move and
fourteen have a sensor's noise, a key frame every 12 pictures, as the docs ask for. The streams are encoded
beforehand: a camera has its own encoder.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import command_latency
from benchmarks.idle import cpu_s
from benchmarks.rows import Row, percentile
from benchmarks.stage import Stage, stage
from service.site.compiled import compile_into
from service.site.load import load
from tests.support.rtsp import PYTHON, RtspServer, rtsp_is_here, rtsp_server
from tests.support.running import ROOT, until

CAMERAS, RATE, ROUNDS = 16, 2.0, 2
MOST = 1.2
# of the asked pictures: below it a camera is looked at too seldom
LOOKED_AT: Final = 0.9
_FILM_S: Final = 120
_ENCODE: Final = ROOT / "tests" / "servers" / "rtsp" / "encode.py"


@dataclass(frozen=True, slots=True)
class Case:
    """What the cameras show."""

    name: str
    moving: int  # of them, the others are still
    interval: int  # pictures from key frame to key frame


CASES: Final = (
    Case("all moving, a key frame every 2 s", CAMERAS, 50),
    Case("two moving, a key frame every 12 pictures", 2, 12),
)


@dataclass(slots=True)
class Seen:
    """What the vision process did while the latency was measured."""

    seconds: float = 0.0
    pictures: int = 0
    asked: int = 0  # of them the net
    passed_over: int = 0
    fewest: float = RATE  # a second, of the camera that was looked at least
    cpu_s: float = 0.0
    server_cpu_s: float = 0.0


def rows() -> Iterator[Row]:
    if not rtsp_is_here():
        raise SystemExit("there is no RTSP server: see tests/servers/rtsp/serve.py")
    alone: list[float] = []
    beside: dict[Case, list[float]] = {case: [] for case in CASES}
    seen = {case: Seen() for case in CASES}
    with tempfile.TemporaryDirectory(prefix="gridwarden-bench-") as folder:
        streams = {case: list(_streams(case, Path(folder))) for case in CASES}
        for _ in range(ROUNDS):
            with stage(with_siren=True) as here:
                alone += command_latency.measured_on(here)
            for case in CASES:
                with (
                    rtsp_server(*streams[case]) as server,
                    stage(with_siren=True) as here,
                    cameras(here, server, seen[case]),
                ):
                    beside[case] += command_latency.measured_on(here)
    for case in CASES:
        yield from _rows(case, alone, beside[case], seen[case])


def _rows(case: Case, alone: list[float], beside: list[float], seen: Seen) -> Iterator[Row]:
    before, after = percentile(alone, 0.99), percentile(beside, 0.99)
    yield Row(
        what=f"command p99 with {CAMERAS} cameras, 704x576 at 25, {RATE:g} looked at a second: {case.name}",
        figure=f"{after:.1f} ms, {after / before:.2f} x",
        budget=f"{MOST:.1f} x without",
        passed=after <= MOST * before,
        beside=(
            f"without, same run: {before:.1f} ms; p50 {percentile(beside, 0.5):.1f} and"
            f" {percentile(alone, 0.5):.1f} ms; n {len(beside)} and {len(alone)}"
        ),
    )
    rate = seen.pictures / seen.seconds / CAMERAS
    yield Row(
        what=f"pictures looked at, a second and camera of {CAMERAS}: {case.name}",
        figure=f"{rate:.2f}, the fewest {seen.fewest:.2f}; {seen.passed_over} passed over",
        budget=f"{LOOKED_AT * RATE:.1f}",
        passed=rate >= LOOKED_AT * RATE,
        beside=(
            f"the net asked for {seen.asked / max(seen.pictures, 1):.0%},"
            f" vision {seen.cpu_s / seen.seconds:.2f} of a core,"
            f" RTSP server {seen.server_cpu_s / seen.seconds:.2f}; load {os.getloadavg()[0]:.1f}"
        ),
    )


def _streams(case: Case, folder: Path) -> Iterator[str]:
    for number in range(CAMERAS):
        shows = "moving" if number < case.moving else "still"
        film = folder / f"{shows}-{case.interval}.mp4"
        if not film.exists():
            subprocess.run(
                [PYTHON, str(_ENCODE), str(film), str(_FILM_S), shows, str(case.interval)],
                check=True,
            )
        yield f"c{number}={film}"


@contextmanager
def cameras(here: Stage, server: RtspServer, seen: Seen) -> Iterator[None]:
    """The vision process beside the stage's core; `seen` grows by what it did inside."""
    site = here.folder / "site"
    (site / "cameras.yaml").write_text(_cameras(server), encoding="utf-8")
    compiled = compile_into(here.folder / "compiled", load(site))
    log = here.folder / "vision.log"
    log.write_bytes(b"")
    with log.open("ab") as out:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "service.cameras"),
                *("--compiled", str(compiled), "--data", str(here.folder / "data")),
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "GRIDWARDEN_VISION__TELL_EVERY_S": "1"},
            stdout=out,
            stderr=out,
        )
    try:
        until(lambda: _all_looked_at(log), "every camera is looked at", 150)
        before, began = _told(log), time.monotonic()
        cpu = cpu_s(process.pid), cpu_s(server.process.pid)
        yield
        after, took_s = _told(log), time.monotonic() - began
        seen.cpu_s += cpu_s(process.pid) - cpu[0]
        seen.server_cpu_s += cpu_s(server.process.pid) - cpu[1]
    finally:
        process.terminate()
        process.wait(60)  # behind everybody else
    looked_at = [
        count - before["pictures"].get(name, 0) for name, count in after["pictures"].items()
    ]
    seen.seconds += took_s
    seen.pictures += sum(looked_at)
    seen.asked += sum(after["asked"].values()) - sum(before["asked"].values())
    seen.fewest = min(seen.fewest, min(looked_at) / took_s)
    seen.passed_over += sum(after["passed_over"].values()) - sum(before["passed_over"].values())


def _cameras(server: RtspServer) -> str:
    each = "\n".join(
        f"  - {{id: c{number}, name: 场地摄像机{number}, at: N/1T, kind: rtsp,"
        f" address: '{server.url(f'c{number}')}',"
        f" looks_for: [PPE-01, ZONE-02], frames_per_second: {RATE:g}, watch_moved: false}}"
        for number in range(CAMERAS)
    )
    rules = "  - {code: PPE-01, text: 未戴安全帽}\n  - {code: ZONE-02, text: 无计划作业}"
    return f"rules:\n{rules}\ncameras:\n{each}\n"


def _all_looked_at(log: Path) -> bool:
    pictures = _told(log).get("pictures", {})
    return len(pictures) == CAMERAS and min(pictures.values()) > 2


def _told(log: Path) -> dict[str, Any]:
    """The newest line of it."""
    lines = log.read_text(encoding="utf-8").splitlines()
    told = [line for line in lines if '"cameras_looked_at"' in line]
    return dict(json.loads(told[-1])) if told else {}


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)
