"""Photos from a telephone: looked at before they are decoded, made smaller, and written anew, so that nothing
of what the telephone wrote into the file (place, owner, serial number) is kept."""

from typing import Final

from domain.picture_size import BadPicture, is_whole, size_of
from domain.requests import Refused
from domain.responsibility import Reason

LARGEST_BYTES: Final = 20 * 2**20
LARGEST_PIXELS: Final = 64_000_000  # a telephone of 64 megapixels; three bytes each when decoded
_SMALLEST_SIDE: Final = 32
_LONGEST_SIDE: Final = 1_920  # of what is kept
_QUALITY: Final = 85


def clean_photo(data: bytes) -> bytes:
    """A JPEG of the same picture, upright. Raises Refused, for what is too large before it is decoded."""
    if len(data) > LARGEST_BYTES:
        raise Refused(Reason.of("photo_bytes", most=LARGEST_BYTES // 2**20))
    try:
        width, height = size_of(data)
    except BadPicture as error:
        raise Refused(Reason.of("photo_type")) from error
    if width * height > LARGEST_PIXELS:
        most = LARGEST_PIXELS // 1_000_000
        raise Refused(Reason.of("photo_pixels", width=width, height=height, most=most))
    if min(width, height) < _SMALLEST_SIDE:
        raise Refused(Reason.of("photo_small", width=width, height=height))
    if not is_whole(data):
        raise Refused(Reason.of("photo_cut"))
    return _written_anew(data)


def _written_anew(data: bytes) -> bytes:
    import cv2  # a heavy library, for the few who report
    import numpy as np

    try:
        # turned upright as the telephone says; that is the last use of what it wrote
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise Refused(Reason.of("photo_broken")) from error
    if picture is None or picture.shape[0] * picture.shape[1] > LARGEST_PIXELS:
        raise Refused(Reason.of("photo_broken"))
    longest = max(picture.shape[:2])
    if longest > _LONGEST_SIDE:
        factor = _LONGEST_SIDE / longest
        size = (round(picture.shape[1] * factor), round(picture.shape[0] * factor))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return encoded.tobytes()
