"""Pictures from outside.

The size is read from the header before a byte is decoded, so that no file fills the memory.
"""

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from detectors.violations.boxes import Picture

LARGEST_PIXELS: Final = 40_000_000  # an 8K frame has 33 million; decoded three bytes each
LARGEST_BYTES: Final = 32 * 2**20
_SMALLEST_SIDE: Final = 8


class BadPicture(ValueError):
    """Bytes that are no usable picture; the message says why in one sentence."""


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
    if not _is_whole(data):
        raise BadPicture("the picture was cut short: send it whole")
    try:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise BadPicture("the picture cannot be decoded") from error
    if found is None or found.shape[0] * found.shape[1] > LARGEST_PIXELS:
        raise BadPicture("the picture cannot be decoded")
    return np.asarray(found, np.uint8)


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height by the header of a JPEG or PNG. Raises BadPicture."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        if len(data) < 24 or data[12:16] != b"IHDR":
            raise BadPicture("the PNG has no header")
        return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    if data.startswith(b"\xff\xd8"):
        return _size_of_jpeg(data)
    raise BadPicture("neither JPEG nor PNG: send one of the two")


# start of frame, baseline to lossless; C4, C8 and CC are tables and reserved
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length


def _size_of_jpeg(data: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 < len(data):
        if data[at] != 0xFF:
            break
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _FRAMES:
            return int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7])
        elif marker in _ALONE:
            at += 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4])
    raise BadPicture("the JPEG has no header that says how large it is")


def _is_whole(data: bytes) -> bool:
    """The end marker is there; some cameras pad after it."""
    if data.startswith(b"\xff\xd8"):
        return b"\xff\xd9" in data[-1024:]
    return b"IEND" in data[-1024:]
