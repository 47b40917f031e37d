"""How large a picture is, by its header: known before a byte is decoded, so that no file fills the memory."""

from typing import Final


class BadPicture(ValueError):
    """Bytes that are no usable picture; the message says why in one sentence."""


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height by the header of a JPEG or PNG. Raises BadPicture."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        if len(data) < 24 or data[12:16] != b"IHDR":
            raise BadPicture("the PNG has no header")
        return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    if data.startswith(b"\xff\xd8"):
        return _size_of_jpeg(data)
    raise BadPicture("neither JPEG nor PNG: send one of the two")


def is_whole(data: bytes) -> bool:
    """The end marker is there; some cameras pad after it."""
    if data.startswith(b"\xff\xd8"):
        return b"\xff\xd9" in data[-1024:]
    return b"IEND" in data[-1024:]


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
