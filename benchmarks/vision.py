"""The product's recogniser over a COCO-style folder, or its rules over a sequence of frames.

python -m benchmarks.vision --gt annotations.json --images DIR --out predictions.json
python -m benchmarks.vision --frames DIR --zone zone.json [--rate 10] [--out proposals.jsonl]

The first writes detections as a COCO scorer reads them and prints milliseconds per picture; AP50 too, where
the annotations have boxes. The second prints one line per proposal that opens or ends, and how many an hour
that is. Without arguments (as `make bench` runs it): a full-HD picture on each engine, on one core.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import numpy as np

from benchmarks.rows import Row, percentile
from detectors.violations.attention import Attention
from detectors.violations.boxes import Picture
from detectors.violations.recognise import RecogniseConfig, Recogniser, Tiles
from detectors.violations.watch import CameraWatch
from domain.ids import TeamId
from domain.picture_size import BadPicture
from domain.violations import Place, Proposal, TicketAnswer, TicketFinding
from service.settings import VisionSettings
from service.train_vision.card import as_coco
from service.train_vision.scoring import average_precisions
from service.vision.distances import read_distances
from service.vision.frames import NoFrames, frame_rate, frames_of
from service.vision.model import DEFAULT_MODEL, Model, UnusableModel, read_model
from service.vision.net import Engine, build_net, has_onnxruntime
from service.vision.pictures import read_picture
from service.vision.recogniser import sureness
from service.vision.watch_file import UnusableWatch, WatchFile, read_watch

BUDGETS_MS: Final[dict[Engine, float]] = {"onnxruntime": 30.0, "opencv": 45.0}
RUNS: Final = 40
FLOOR: Final = 0.02  # of scores that are written: the scorer draws the curve itself


def rows() -> Iterator[Row]:
    model = read_model()
    picture = np.random.default_rng(1).integers(0, 256, (1080, 1920, 3), np.uint8)
    for engine, budget in BUDGETS_MS.items():
        if engine == "onnxruntime" and not has_onnxruntime():
            continue
        recogniser = Recogniser(build_net(model, engine))
        took = _timed(recogniser, picture)
        tiled = _timed(
            Recogniser(recogniser.net, RecogniseConfig(tiles=Tiles())), picture, RUNS // 4
        )
        yield Row(
            what=f"full-HD picture, {engine}, one core, letterbox to boxes",
            figure=f"p50 {percentile(took, 0.5):.1f} ms, p90 {percentile(took, 0.9):.1f} ms",
            budget=f"{budget:.0f} ms",
            passed=percentile(took, 0.5) <= budget,
            beside=f"with 2 x 2 tiles p50 {percentile(tiled, 0.5):.0f} ms",
        )


def _timed(recogniser: Recogniser, picture: Picture, runs: int = RUNS) -> list[float]:
    recogniser.detect(picture)
    took = []
    for _ in range(runs):
        began = perf_counter()
        recogniser.detect(picture)
        took.append((perf_counter() - began) * 1e3)
    return took


@dataclass(slots=True)
class NoTickets:
    """A recording without tickets: nothing is permitted."""

    def answer(self, place: Place, at_us: int, team_id: TeamId | None = None) -> TicketAnswer:
        return TicketAnswer(finding=TicketFinding.NONE)


def file_of(images: Path, name: str) -> Path:
    """`images` may be the folder that the names count from, or the one that the files lie in."""
    path = images / name
    return path if path.exists() else images / Path(name).name


def detect_all(recogniser: Recogniser, gt: Path, images: Path, out: Path) -> None:
    document = json.loads(gt.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = []
    took: list[float] = []
    for image in document["images"]:
        try:
            picture = read_picture(file_of(images, image["file_name"]))
        except BadPicture as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        began = perf_counter()
        detections = recogniser.detect(picture)
        took.append((perf_counter() - began) * 1e3)
        found += as_coco(image["id"], detections)
    if not took:
        sys.exit(f"no picture of {gt} could be read under {images}")
    out.write_text(json.dumps(found), encoding="utf-8")
    print(
        f"{len(took)} pictures, {len(found)} detections, milliseconds per picture: mean"
        f" {sum(took) / len(took):.1f}, p50 {percentile(took, 0.5):.1f}, p90 {percentile(took, 0.9):.1f}"
    )
    for name, value in average_precisions(document, found).items():
        print(f"{name:8} AP50 {value:.3f}")


def watch_all(
    recogniser: Recogniser,
    model: Model,
    frames: Path,
    watch: WatchFile,
    rate: float,
    attention: Attention,
) -> Iterator[tuple[int, Proposal]]:
    """(frame, proposal) as it opens and as it ends."""
    camera: CameraWatch | None = None
    frame = 0
    for frame, picture in enumerate(frames_of(frames, lambda error: print(error, file=sys.stderr))):
        if picture is None:
            continue
        size = (picture.shape[1], picture.shape[0])
        if camera is None:
            config = watch.config(size, sureness(model), read_distances())
            camera = CameraWatch(config, NoTickets())
        at_us = round(frame / rate * 1e6)
        found = attention.found(picture, at_us, recogniser.detect)
        for change in camera.look(at_us, found, size, picture):
            yield frame, change
    for change in [] if camera is None else camera.end():
        yield frame, change


def _as_line(frame: int, proposal: Proposal) -> str:
    ended = proposal.ended_at_us
    return json.dumps(
        {
            "frame": frame,
            "state": "open" if ended is None else "ended",
            "code": proposal.code,
            "track": proposal.track,
            "zone": proposal.zone,
            "began_s": proposal.began_at_us / 1e6,
            "proposed_s": proposal.proposed_at_us / 1e6,
            "ended_s": None if ended is None else ended / 1e6,
            "dwell_s": round(proposal.dwell_us / 1e6, 2),
            "box": [round(each, 1) for each in proposal.box],
            "score": round(proposal.score, 3),
            "ticket": proposal.ticket.finding,
            "proposal_id": str(proposal.proposal_id),
        }
    )


def _print_watch(recogniser: Recogniser, model: Model, given: argparse.Namespace) -> None:
    watch = read_watch(given.zone) if given.zone else WatchFile()
    rate = given.rate or watch.rate or frame_rate(given.frames) or 10.0
    last, opened, lines = 0, 0, []
    attention = Attention(round(given.look_again * 1e6))
    for frame, proposal in watch_all(recogniser, model, given.frames, watch, rate, attention):
        lines.append(_as_line(frame, proposal))
        print(lines[-1], flush=True)
        last, opened = frame, opened + proposal.is_open
    hours = (last + 1) / rate / 3600
    print(
        f"{opened} proposals in {hours * 3600:.0f} s: {opened / hours:.0f} an hour; the net looked at"
        f" {attention.asked} of {last + 1} pictures",
        file=sys.stderr,
    )
    if given.out:
        given.out.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--gt", type=Path)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--frames", type=Path, help="folder of pictures, or a video file")
    parser.add_argument("--zone", type=Path)
    parser.add_argument(
        "--rate", type=float, help="frames a second; default: what the zone or the video says"
    )
    parser.add_argument(
        "--look-again",
        type=float,
        default=VisionSettings().look_again_s,
        help="seconds after which the net looks though nothing moved; 0: at each picture",
    )
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    parser.add_argument("--engine", choices=["auto", "opencv", "onnxruntime"], default="auto")
    parser.add_argument("--no-tiles", action="store_true")
    parser.add_argument("--no-mirror", action="store_true")
    given = parser.parse_args()
    try:
        model = read_model(given.model)
        net = build_net(model, given.engine)
        if given.frames:
            _print_watch(Recogniser(net, RecogniseConfig()), model, given)
        elif given.gt and given.images and given.out:
            config = RecogniseConfig(
                floor=FLOOR,
                tiles=None if given.no_tiles else Tiles(),
                mirrored=not given.no_mirror,
            )
            detect_all(Recogniser(net, config), given.gt, given.images, given.out)
        else:
            for row in rows():
                print(row)
    except (UnusableModel, UnusableWatch, NoFrames, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
