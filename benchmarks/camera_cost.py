"""What one camera costs, by what it shows and how often its key frames come: processor time a second.

A real RTSP server, 704x576 at 25 pictures a second, two of them looked at, by the parts that the vision
process is made of: reader, sight, attention, net, and the JPEG that evidence needs. Processor time says on a
busy machine too what a quiet one would need.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.rows import Row
from detectors.violations.attention import Attention
from detectors.violations.recognise import Recogniser
from domain.cameras import Camera, CameraKind
from domain.clock import SECOND_US
from domain.ids import AssetId, CameraId
from service.camera_rig import CameraRig
from service.settings import VisionSettings
from service.vision.evidence import CameraMemory
from service.vision.recogniser import build_recogniser
from storage.evidence import EvidenceFiles
from tests.support.rtsp import PYTHON, rtsp_is_here, rtsp_server
from tests.support.running import ROOT

CASES: Final = (("moving", 50), ("moving", 25), ("moving", 12), ("still", 12))
RATE, CAMERAS = 2.0, 16
MEASURED_S, BEFORE_S = 12.0, 4.0
_ENCODE: Final = ROOT / "tests" / "servers" / "rtsp" / "encode.py"


@dataclass(slots=True)
class Cost:
    seconds: float = 0.0
    cpu_s: float = 0.0
    pictures: int = 0
    asked: int = 0


def rows() -> Iterator[Row]:
    if not rtsp_is_here():
        raise SystemExit("there is no RTSP server: see tests/servers/rtsp/serve.py")
    settings = VisionSettings()
    recogniser, _ = build_recogniser(settings)
    for shows, interval in CASES:
        with tempfile.TemporaryDirectory(prefix="gridwarden-bench-") as folder:
            cost = _cost(Path(folder), recogniser, settings, shows, interval)
        each_ms = 1_000 * cost.cpu_s / cost.seconds
        yield Row(
            what=f"processor of one camera, {shows}, a key frame every {interval} pictures",
            figure=f"{each_ms:.0f} ms a second",
            budget="none",
            passed=None,
            beside=(
                f"{CAMERAS} cameras: {CAMERAS * each_ms / 1_000:.2f} of a core;"
                f" {cost.pictures / cost.seconds:.2f} pictures a second, the net asked for"
                f" {cost.asked / max(cost.pictures, 1):.0%}; load {os.getloadavg()[0]:.1f}"
            ),
        )


def _cost(
    folder: Path, recogniser: Recogniser, settings: VisionSettings, shows: str, interval: int
) -> Cost:
    film = folder / "film.mp4"
    length_s = str(round(MEASURED_S + BEFORE_S) + 10)
    encode = [PYTHON, str(_ENCODE), str(film), length_s, shows, str(interval)]
    subprocess.run(encode, check=True)
    with rtsp_server(f"one={film}") as server:
        camera = Camera(
            camera_id=CameraId("one"),
            name="one",
            station="N",
            asset_id=AssetId("N/1T"),
            kind=CameraKind.RTSP,
            address=server.url("one"),
            frames_per_second=RATE,
        )
        rig = CameraRig([camera], {})
        rig.start()
        attention = Attention(round(settings.look_again_s * SECOND_US))
        memory = CameraMemory(EvidenceFiles(folder / "evidence"))
        _look(rig, recogniser, attention, memory, BEFORE_S)
        cost = _look(rig, recogniser, attention, memory, MEASURED_S)
        rig.stop()
    return cost


def _look(
    rig: CameraRig,
    recogniser: Recogniser,
    attention: Attention,
    memory: CameraMemory,
    seconds: float,
) -> Cost:
    cost, asked = Cost(), attention.asked
    began, cpu = time.monotonic(), time.process_time()
    while time.monotonic() - began < seconds:
        frame = rig.next_frame(0.2)
        if frame is not None:
            found = attention.found(frame.picture, frame.at_us, recogniser.detect)
            memory.remember(frame, found)
            cost.pictures += 1
    cost.seconds, cost.cpu_s = time.monotonic() - began, time.process_time() - cpu
    cost.asked = attention.asked - asked
    return cost


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)
