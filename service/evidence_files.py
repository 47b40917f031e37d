"""Where evidence lies in the data folder, and what is done to a picture before it is shown."""

from collections.abc import Iterable
from typing import Final

from domain.evidence import Box

EVIDENCE: Final = "evidence"  # beside the records


def blurred_faces(jpeg: bytes, boxes: Iterable[Box]) -> bytes:
    """The same picture with the heads of all but whom it concerns made unrecognisable."""
    import cv2  # a heavy library, for the few who ask for it
    import numpy as np

    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        return jpeg
    height, width = picture.shape[:2]
    for box in boxes:
        if box.concerned or box.what == "person":
            continue
        x1, x2 = sorted((int(box.left * width), int(box.right * width)))
        y1, y2 = sorted((int(box.top * height), int(box.bottom * height)))
        head = picture[max(0, y1) : y2, max(0, x1) : x2]
        if head.size:
            # blocks, and not a soft filter: that one can be undone
            small = cv2.resize(head, (4, 4), interpolation=cv2.INTER_AREA)
            head[:] = cv2.resize(
                small, (head.shape[1], head.shape[0]), interpolation=cv2.INTER_NEAREST
            )
    _, encoded = cv2.imencode(".jpg", picture)
    return encoded.tobytes()
