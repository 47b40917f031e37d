"""A recorded sequence: a folder of pictures in the order of their names, or one video file."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from detectors.violations.boxes import Picture
from domain.picture_size import BadPicture
from service.vision.pictures import LARGEST_PIXELS, read_picture

_PICTURES: Final = frozenset({".jpg", ".jpeg", ".png"})
OnBad = Callable[[BadPicture], None]


class NoFrames(ValueError):
    """A folder or file without a single picture."""


def frames_of(source: Path, on_bad: OnBad) -> Iterator[Picture | None]:
    """None for a frame that could not be used, so that the clock of the sequence goes on. Raises NoFrames."""
    return _of_folder(source, on_bad) if source.is_dir() else _of_video(source)


def frame_rate(source: Path) -> float | None:
    """Frames a second, where the file says it."""
    if source.is_dir():
        return None
    rate = float(cv2.VideoCapture(str(source)).get(cv2.CAP_PROP_FPS))
    return rate if 0 < rate <= 240 else None


def _of_folder(folder: Path, on_bad: OnBad) -> Iterator[Picture | None]:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _PICTURES)
    if not paths:
        raise NoFrames(f"{folder} holds no .jpg or .png")
    for path in paths:
        try:
            yield read_picture(path)
        except BadPicture as error:
            on_bad(error)
            yield None


def _of_video(path: Path) -> Iterator[Picture | None]:
    video = cv2.VideoCapture(str(path))
    try:
        width, height = (
            video.get(each) for each in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        )
        if not video.isOpened() or not 0 < width * height <= LARGEST_PIXELS:
            raise NoFrames(f"{path} is neither a folder of pictures nor a video that can be read")
        while True:
            there, frame = video.read()
            if not there:
                return
            yield np.asarray(frame, np.uint8)
    finally:
        video.release()
