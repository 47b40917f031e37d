"""The evidence of a proposal: pictures before, of the moment and after, and a clip that a browser plays."""

import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, cast

import cv2
import numpy as np

from detectors.violations.boxes import Box, Class, Detections
from detectors.violations.subjects import Subject
from detectors.violations.tracks import Track
from domain.cameras import Frame, Picture
from domain.clock import SECOND_US
from domain.evidence import Box as EvidenceBox
from domain.evidence import EvidenceFile, EvidenceKind
from domain.violations import Proposal
from service.evidence_files import blurred_faces
from storage.evidence import EvidenceFiles

_QUALITY: Final = 88
_CLIP_WIDTH: Final = 960
_KEPT_US: Final = 12 * SECOND_US  # before the newest
_BEFORE_US: Final = 3 * SECOND_US
_HEAD_HIGH: Final = 0.25  # of a person, with some room
_WORDS: Final = {Class.PERSON: "person", Class.HELMET: "helmet", Class.HEAD: "head"}


@dataclass(frozen=True, slots=True)
class _Kept:
    at_us: int
    jpeg: bytes
    size: tuple[int, int]  # width, height
    found: Detections
    followed: dict[int, Subject] = field(default_factory=dict)  # by track, of those seen on it


class CameraMemory:
    """The last seconds of one camera, as JPEG: raw pictures of sixteen cameras would fill the memory."""

    def __init__(self, files: EvidenceFiles) -> None:
        self._files = files
        self._kept: deque[_Kept] = deque()

    def remember(self, frame: Frame, found: Detections) -> None:
        height, width = frame.picture.shape[:2]
        self._kept.append(_Kept(frame.at_us, _jpeg(frame.picture), (width, height), found))
        while self._kept[0].at_us < frame.at_us - _KEPT_US:
            self._kept.popleft()

    def follow(self, tracks: Iterable[Track]) -> None:
        """Who is who on the newest picture."""
        newest = self._kept[-1]
        newest.followed.update(
            (track.number, track.subject) for track in tracks if track.last_seen_us == newest.at_us
        )

    def at_opening(self, proposal: Proposal) -> tuple[EvidenceFile, ...]:
        """Before and moment. Raises StorageUnavailable."""
        moment = self._kept[-1]
        before = next(
            (each for each in self._kept if each.at_us >= proposal.began_at_us - _BEFORE_US), moment
        )
        files = [self._picture(moment, EvidenceKind.MOMENT, proposal)]
        if before is not moment:
            files.insert(0, self._picture(before, EvidenceKind.BEFORE, None))
        return tuple(files)

    def at_end(self, proposal: Proposal) -> tuple[EvidenceFile, ...]:
        """After, the clip, and the clip without the faces of others. Raises StorageUnavailable."""
        last = self._kept[-1]
        since_us = max(proposal.began_at_us - _BEFORE_US, last.at_us - _KEPT_US)
        shown = [each for each in self._kept if each.at_us >= since_us]
        hidden = (blurred_faces(each.jpeg, _others(each, proposal.track)) for each in shown)
        clips = [
            self._clip([each.jpeg for each in shown], EvidenceKind.CLIP, shown),
            self._clip(list(hidden), EvidenceKind.CLIP_BLURRED, shown),
        ]
        return self._picture(last, EvidenceKind.AFTER, None), *filter(None, clips)

    def _clip(
        self, jpegs: Sequence[bytes], kind: EvidenceKind, shown: Sequence[_Kept]
    ) -> EvidenceFile | None:
        clip = webm(jpegs, _rate(shown))
        if clip is None:
            return None
        return EvidenceFile(
            sha256=self._files.put(clip),
            media_type="video/webm",
            kind=kind,
            at_us=shown[0].at_us,
            size=len(clip),
        )

    def _picture(self, kept: _Kept, kind: EvidenceKind, of: Proposal | None) -> EvidenceFile:
        return EvidenceFile(
            sha256=self._files.put(kept.jpeg),
            media_type="image/jpeg",
            kind=kind,
            at_us=kept.at_us,
            size=len(kept.jpeg),
            boxes=tuple(_boxes(kept, of)),
        )


def webm(pictures: Sequence[bytes], frames_per_second: float) -> bytes | None:
    """VP8 in WebM, which every browser plays; None where the build has no such encoder."""
    decoded = [_small(each) for each in pictures]
    if len(decoded) < 2:
        return None
    height, width = decoded[0].shape[:2]
    with tempfile.TemporaryDirectory(prefix="gridwarden-clip-") as folder:
        path = Path(folder) / "clip.webm"
        fourcc = cv2.VideoWriter.fourcc(*"VP80")
        writer = cv2.VideoWriter(
            str(path), cv2.CAP_FFMPEG, fourcc, frames_per_second, (width, height)
        )
        if not writer.isOpened():
            return None
        for picture in decoded:
            if picture.shape[:2] == (height, width):  # another one is of before a change of stream
                writer.write(picture)
        writer.release()
        return path.read_bytes()


def _jpeg(picture: Picture) -> bytes:
    _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return encoded.tobytes()


def _small(jpeg: bytes) -> Picture:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None  # we encoded it
    height, width = picture.shape[:2]
    factor = min(1.0, _CLIP_WIDTH / width)
    # even sides: the encoder takes no others
    size = (max(2, round(width * factor) // 2 * 2), max(2, round(height * factor) // 2 * 2))
    return cast(Picture, cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def _rate(shown: Sequence[_Kept]) -> float:
    took_us = shown[-1].at_us - shown[0].at_us
    return max(1.0, (len(shown) - 1) * SECOND_US / took_us) if took_us > 0 else 2.0


def _boxes(kept: _Kept, of: Proposal | None) -> Iterable[EvidenceBox]:
    width, height = kept.size
    concerned = of.box if of else None
    for box, score, kind in zip(
        kept.found.boxes.tolist(),
        kept.found.scores.tolist(),
        kept.found.classes.tolist(),
        strict=True,
    ):
        if score < 0.3:
            continue
        yield EvidenceBox(
            left=box[0] / width,
            top=box[1] / height,
            right=box[2] / width,
            bottom=box[3] / height,
            what=_WORDS[Class(kind)],
            score=round(score, 3),
            concerned=concerned is not None and _is(box, concerned),
        )


def _others(kept: _Kept, track: int) -> Iterator[EvidenceBox]:
    """The heads that are not this track's; where a person's was not found, the top of the person."""
    concerned = kept.followed.get(track)
    heads = [box for box in _boxes(kept, None) if box.what != "person"]
    mine = None if concerned is None else concerned.head
    yield from (box for box in heads if mine is None or not _is(_pixels(box, kept), mine))
    for person in _boxes(kept, None):
        is_mine = concerned is not None and _is(_pixels(person, kept), concerned.box)
        if person.what == "person" and not is_mine and not any(_on(each, person) for each in heads):
            top = person.top + _HEAD_HIGH * (person.bottom - person.top)
            yield replace(person, what="head", bottom=top)


def _on(head: EvidenceBox, person: EvidenceBox) -> bool:
    """Its middle lies in the upper half."""
    x, y = (head.left + head.right) / 2, (head.top + head.bottom) / 2
    return person.left <= x <= person.right and person.top <= y <= (person.top + person.bottom) / 2


def _pixels(box: EvidenceBox, kept: _Kept) -> Box:
    width, height = kept.size
    return box.left * width, box.top * height, box.right * width, box.bottom * height


def _is(box: Sequence[float], other: Sequence[float]) -> bool:
    return max(abs(a - b) for a, b in zip(box, other, strict=True)) < 2.0
