"""Photos from outside: refused by their header, turned upright, and rid of what the telephone wrote."""

import struct

import cv2
import numpy as np
import pytest

from domain.picture_size import size_of
from domain.requests import Refused
from service.photos import LARGEST_BYTES, clean_photo
from tests.support.photos import PLACE, photo, photo_with_place


def test_place_and_owner_go_and_it_stands_upright() -> None:
    told = photo_with_place(640, 480, orientation=6)
    assert PLACE in told
    clean = clean_photo(told)
    assert b"Exif" not in clean
    assert PLACE not in clean
    assert size_of(clean) == (480, 640)  # it lay on its side
    upright = cv2.imdecode(np.frombuffer(clean, np.uint8), cv2.IMREAD_COLOR)
    assert upright is not None
    assert (
        upright[320, 460].argmax() == 2
    )  # what was above is on the right now: red of (40, 120, 200)


def test_a_large_one_is_made_smaller() -> None:
    assert size_of(clean_photo(photo(4_000, 3_000))) == (1_920, 1_440)


def png(width: int, height: int) -> bytes:
    """A header alone: nobody must believe the pixels to be there."""
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR"
    return head + struct.pack(">II", width, height) + b"\x08\x02\0\0\0" + b"\0" * 32 + b"IEND"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(b"", "photo_type", id="nothing"),
        pytest.param(b"GIF89a" + b"\0" * 50, "photo_type", id="a-gif"),
        pytest.param(b"<svg onload='x()'/>", "photo_type", id="a-script"),
        pytest.param(png(100_000, 100_000), "photo_pixels", id="a-bomb"),
        pytest.param(png(10, 10_000), "photo_small", id="a-line"),
        pytest.param(photo()[:-600], "photo_cut", id="cut-short"),
        pytest.param(b"\xff\xd8" + b"\xff" * 40, "photo_type", id="a-jpeg-without-a-header"),
        pytest.param(png(640, 480), "photo_broken", id="a-header-alone"),
        pytest.param(b"\xff\xd8" + b"\0" * (LARGEST_BYTES + 1), "photo_bytes", id="too-many-bytes"),
    ],
)
def test_what_is_no_photo_is_refused_before_it_is_decoded(data: bytes, why: str) -> None:
    with pytest.raises(Refused, match=why):
        clean_photo(data)
