"""Photos from a telephone: looked at before they are decoded, made smaller, and written anew, so that nothing
of what the telephone wrote into the file (place, owner, serial number) is kept."""

from typing import Final

from domain.picture_size import BadPicture, is_whole, size_of

LARGEST_BYTES: Final = 20 * 2**20
LARGEST_PIXELS: Final = 64_000_000  # a telephone of 64 megapixels; three bytes each when decoded
_SMALLEST_SIDE: Final = 32
_LONGEST_SIDE: Final = 1_920  # of what is kept
_QUALITY: Final = 85


def clean_photo(data: bytes) -> bytes:
    """A JPEG of the same picture, upright. Raises BadPicture, for what is too large before it is decoded."""
    if len(data) > LARGEST_BYTES:
        raise BadPicture(f"{len(data) // 2**20} MiB: up to {LARGEST_BYTES // 2**20} MiB are taken")
    width, height = size_of(data)
    if width * height > LARGEST_PIXELS:
        raise BadPicture(
            f"{width} x {height}: up to {LARGEST_PIXELS // 1_000_000} megapixels are taken"
        )
    if min(width, height) < _SMALLEST_SIDE:
        raise BadPicture(f"{width} x {height}: that shows nothing")
    if not is_whole(data):
        raise BadPicture("the photo was cut short: send it again")
    return _written_anew(data)


def _written_anew(data: bytes) -> bytes:
    import cv2  # a heavy library, for the few who report
    import numpy as np

    try:
        # turned upright as the telephone says; that is the last use of what it wrote
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise BadPicture("the photo cannot be decoded") from error
    if picture is None or picture.shape[0] * picture.shape[1] > LARGEST_PIXELS:
        raise BadPicture("the photo cannot be decoded")
    longest = max(picture.shape[:2])
    if longest > _LONGEST_SIDE:
        factor = _LONGEST_SIDE / longest
        size = (round(picture.shape[1] * factor), round(picture.shape[0] * factor))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return encoded.tobytes()
