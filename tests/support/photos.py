"""Photos as a telephone makes them: turned by a note in the file, with the place where they were taken."""

import struct

import cv2
import numpy as np

PLACE = b"GPS-38.123N"


def photo(width: int = 640, height: int = 480) -> bytes:
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2] = (40, 120, 200)
    cv2.circle(picture, (width // 3, height // 2), min(width, height) // 5, (20, 220, 60), -1)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def photo_with_place(width: int = 640, height: int = 480, orientation: int = 6) -> bytes:
    """JPEG with an Exif part: orientation 6 says "turn me clockwise to see me upright"."""
    place = PLACE + b"\0"
    # two entries: orientation (SHORT) and artist (ASCII), which stands behind the directory
    after = 8 + 2 + 2 * 12 + 4
    directory = struct.pack("<H", 2)
    directory += struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    directory += struct.pack("<HHII", 0x013B, 2, len(place), after)
    body = b"Exif\0\0II*\0" + struct.pack("<I", 8) + directory + struct.pack("<I", 0) + place
    part = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    plain = photo(width, height)
    return plain[:2] + part + plain[2:]
