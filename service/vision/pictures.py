"""Pictures from outside.

The size is read from the header before a byte is decoded, so that no file fills the memory.
"""

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from detectors.violations.boxes import Picture
from domain.picture_size import BadPicture, is_whole, size_of

LARGEST_PIXELS: Final = 40_000_000  # an 8K frame has 33 million; decoded three bytes each
LARGEST_BYTES: Final = 32 * 2**20
_SMALLEST_SIDE: Final = 8


def read_picture(path: Path) -> Picture:
    """Raises BadPicture, also where the file cannot be read."""
    try:
        if (size := path.stat().st_size) > LARGEST_BYTES:
            raise BadPicture(f"{path.name} has {size} bytes: up to {LARGEST_BYTES} are taken")
        data = path.read_bytes()
    except OSError as error:
        raise BadPicture(f"cannot read {path.name}: {error.strerror}") from error
    try:
        return decode_picture(data)
    except BadPicture as error:
        raise BadPicture(f"{path.name}: {error}") from error


def decode_picture(data: bytes) -> Picture:
    """JPEG or PNG to BGR. Raises BadPicture, for what is too large before it is decoded."""
    if len(data) > LARGEST_BYTES:
        raise BadPicture(f"a picture of {len(data)} bytes: up to {LARGEST_BYTES} are taken")
    width, height = size_of(data)
    if width * height > LARGEST_PIXELS:
        raise BadPicture(
            f"a picture of {width} x {height}: up to {LARGEST_PIXELS // 1_000_000} megapixels are taken"
        )
    if min(width, height) < _SMALLEST_SIDE:
        raise BadPicture(f"a picture of {width} x {height} shows nothing")
    if not is_whole(data):
        raise BadPicture("the picture was cut short: send it whole")
    try:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise BadPicture("the picture cannot be decoded") from error
    if found is None or found.shape[0] * found.shape[1] > LARGEST_PIXELS:
        raise BadPicture("the picture cannot be decoded")
    return np.asarray(found, np.uint8)
