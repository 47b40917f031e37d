"""Pictures and model files from outside: what is wrong with one is said in a sentence, and costs nothing."""

import json
import resource
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from detectors.violations.boxes import Class, Floats
from detectors.violations.recognise import (
    RecogniseConfig,
    Recogniser,
    Tiles,
    UnusablePicture,
    letterboxed,
)
from domain.picture_size import BadPicture
from service.settings import VisionSettings
from service.vision.frames import NoFrames, frames_of
from service.vision.model import DEFAULT_MODEL, UnusableModel, card_path, read_model
from service.vision.net import build_net
from service.vision.pictures import decode_picture, read_picture
from service.vision.recogniser import build_recogniser, sureness
from service.vision.watch_file import UnusableWatch, read_watch


def noise(width: int, height: int) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)


def jpeg(width: int = 64, height: int = 48) -> bytes:
    return bytes(cv2.imencode(".jpg", noise(width, height))[1])


def png_bomb(side: int) -> bytes:
    """A PNG of side by side pixels in a few hundred bytes for each thousand of them."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(100_000), 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def claiming(width: int, height: int) -> bytes:
    """A JPEG whose header tells another size."""
    data = bytearray(jpeg())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        pytest.param(b"", "neither JPEG nor PNG", id="nothing"),
        pytest.param(b"GIF89a" + bytes(100), "neither JPEG nor PNG", id="another-kind"),
        pytest.param(b"\xff\xd8\xff", "no header", id="three-bytes"),
        pytest.param(b"\xff\xd8" + bytes(5_000), "no header", id="zeros-after-the-start"),
        pytest.param(jpeg()[:-300], "cut short", id="truncated-jpeg"),
        pytest.param(claiming(12_000, 9_000), "12000 x 9000", id="over-100-megapixels"),
        pytest.param(png_bomb(60_000), "60000 x 60000", id="picture-bomb"),
        pytest.param(claiming(4, 3), "shows nothing", id="a-few-pixels"),
        pytest.param(png_bomb(500)[:-40], "cut short", id="truncated-png"),
        pytest.param(bytes(40 * 2**20), "bytes", id="too-many-bytes"),
    ],
)
def test_a_bad_picture_is_told_apart_before_it_fills_the_memory(data: bytes, what: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadPicture, match=what):
        decode_picture(data)
    # kilobytes; the bomb would take 10 GB, the 108 megapixels 324 MB
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_a_good_picture_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(100, 80))
    assert read_picture(tmp_path / "a.jpg").shape == (80, 100, 3)
    with pytest.raises(BadPicture, match=r"cannot read b\.jpg"):
        read_picture(tmp_path / "b.jpg")


def test_a_bad_frame_is_told_and_the_clock_goes_on(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(jpeg())
    (tmp_path / "2.jpg").write_bytes(jpeg()[:-300])
    (tmp_path / "3.jpg").write_bytes(jpeg())
    told: list[BadPicture] = []
    frames = list(frames_of(tmp_path, told.append))
    assert [frame is None for frame in frames] == [False, True, False]
    assert "2.jpg" in str(told[0])


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoFrames, match="holds no"):
        list(frames_of(tmp_path, lambda _: None))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    shutil.copy(DEFAULT_MODEL, tmp_path / "net.onnx")
    shutil.copy(card_path(DEFAULT_MODEL), tmp_path / "net.json")
    return tmp_path / "net.onnx"


def rewritten(path: Path, **changed: object) -> None:
    card = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**card, **changed}), encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        pytest.param(lambda p: p.write_bytes(p.read_bytes() + b"x"), "not the file", id="changed"),
        pytest.param(lambda p: p.unlink(), "cannot read the model", id="gone"),
        pytest.param(lambda p: card_path(p).unlink(), "card", id="no-card"),
        pytest.param(lambda p: card_path(p).write_text("{"), "no model card", id="broken-card"),
        pytest.param(
            lambda p: rewritten(card_path(p), side="wide"), "side", id="a-card-of-nonsense"
        ),
        pytest.param(
            lambda p: rewritten(card_path(p), classes=["cat"]), "classes", id="other-classes"
        ),
    ],
)
def test_a_model_that_is_not_what_its_card_says_is_refused(
    model: Path, spoil: Callable[[Path], object], what: str
) -> None:
    spoil(model)
    with pytest.raises(UnusableModel, match=what):
        read_model(model)


@pytest.mark.parametrize("engine", ["opencv", "onnxruntime"])
def test_a_file_that_is_no_net_is_refused_by_each_engine(model: Path, engine: str) -> None:
    import hashlib

    model.write_bytes(b"not a net" * 100)
    rewritten(card_path(model), sha256=hashlib.sha256(model.read_bytes()).hexdigest())
    with pytest.raises(UnusableModel, match="cannot read"):
        build_net(read_model(model), engine)  # type: ignore[arg-type]


def test_a_net_of_another_input_is_refused(model: Path) -> None:
    rewritten(card_path(model), side=320)
    with pytest.raises(UnusableModel, match="320"):
        build_net(read_model(model), "onnxruntime")


def test_both_engines_say_the_same_of_one_picture(model: Path) -> None:
    pictures, _ = letterboxed(noise(640, 480), 416)
    net = read_model(model)
    first, second = (
        build_net(net, "opencv").boxes_scores(pictures),
        build_net(net, "onnxruntime").boxes_scores(pictures),
    )
    np.testing.assert_allclose(first, second, atol=2e-3)
    assert first.shape == (3549, 7)


def test_another_net_stands_in_by_configuration(model: Path) -> None:
    rewritten(card_path(model), thresholds={"person": 0.6, "helmet": 0.3, "head": 0.7})
    recogniser, found = build_recogniser(VisionSettings(model=model, engine="opencv"))
    assert sureness(found).head == 0.7
    assert len(recogniser.detect(noise(64, 64))) >= 0


class Painted:
    """Finds the magenta squares of a picture: a net whose answers are known."""

    side = 416
    looks = 0

    def boxes_scores(self, pictures: Floats) -> Floats:
        self.looks += 1
        mask = (pictures[0, 0] > 200) & (pictures[0, 1] < 60) & (pictures[0, 2] > 200)
        _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
        rows = [[x, y, x + w, y + h, 0, 0, 0.9] for x, y, w, h, _ in stats[1:] if min(w, h) >= 6]
        return np.array(rows, np.float32).reshape(-1, 7)


def painted(*squares: tuple[int, int, int]) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    picture = np.full((900, 1600, 3), 128, np.uint8)
    for x, y, side in squares:
        picture[y : y + side, x : x + side] = (255, 0, 255)
    return picture


@pytest.mark.parametrize(
    ("squares", "tiled", "found"),
    [
        pytest.param([(400, 300, 80)], False, 1, id="a-near-head-without-tiles"),
        pytest.param([(400, 300, 18)], False, 0, id="a-far-head-is-too-small"),
        pytest.param([(400, 300, 18)], True, 1, id="a-far-head-with-tiles"),
        pytest.param([(760, 430, 80)], True, 1, id="where-four-tiles-overlap-it-is-one"),
        pytest.param([(620, 300, 60)], True, 1, id="cut-by-a-tile-it-is-one"),
        pytest.param([(400, 100, 700)], True, 1, id="larger-than-a-tile"),
        pytest.param([(400, 300, 60), (470, 300, 60)], True, 2, id="two-neighbours-stay-two"),
    ],
)
def test_tiles_find_what_is_far_and_double_nothing(
    squares: list[tuple[int, int, int]], tiled: bool, found: int
) -> None:
    recogniser = Recogniser(Painted(), RecogniseConfig(tiles=Tiles() if tiled else None))
    heads = recogniser.detect(painted(*squares)).of(Class.HEAD)
    assert len(heads) == found
    for (x, y, side), box in zip(squares, sorted(heads.boxes.tolist()), strict=False):
        assert box == pytest.approx([x, y, x + side, y + side], abs=5)


def test_each_look_is_counted_and_a_mirrored_one_is_turned_back() -> None:
    net = Painted()
    recogniser = Recogniser(net, RecogniseConfig(tiles=Tiles(), mirrored=True))
    (box,) = recogniser.detect(painted((100, 300, 80))).boxes.tolist()
    assert box == pytest.approx([100, 300, 180, 380], abs=5)
    assert net.looks == 6


@pytest.mark.parametrize("tiles", [(0, 2, 0.6), (5, 5, 0.6), (2, 2, 1.5), (2, 2, 0.3)])
def test_tiles_that_cannot_be_are_refused(tiles: tuple[int, int, float]) -> None:
    with pytest.raises(ValueError, match="tile"):
        Tiles(columns=tiles[0], rows=tiles[1], part=tiles[2])


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((90, 90), np.uint8),
        np.zeros((90, 90, 3), np.float32),
        np.zeros((2, 90, 3), np.uint8),
    ],
    ids=["grey", "floats", "two-rows"],
)
def test_an_array_that_is_no_picture_is_refused(picture: Any) -> None:
    with pytest.raises(UnusablePicture):
        Recogniser(Painted()).detect(picture)


@pytest.mark.parametrize(
    ("text", "zones"),
    [
        pytest.param("[[0, 0], [1, 0], [1, 1]]", 1, id="corners-only"),
        pytest.param('{"polygon": [[0, 0], [9, 0], [9, 9]], "dwell_s": 3}', 1, id="one-zone"),
        pytest.param('{"camera": "gate", "zones": []}', 0, id="no-zone"),
    ],
)
def test_a_watch_is_read(tmp_path: Path, text: str, zones: int) -> None:
    (tmp_path / "zone.json").write_text(text, encoding="utf-8")
    assert len(read_watch(tmp_path / "zone.json").zones) == zones


@pytest.mark.parametrize(
    "text", ["", "[]", '{"zones": 3}', '{"nozones": []}', '[[0, 0], ["a", 1], [2, 2]]']
)
def test_a_watch_of_nonsense_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "zone.json").write_text(text, encoding="utf-8")
    with pytest.raises(UnusableWatch, match=r"zone\.json"):
        read_watch(tmp_path / "zone.json")
