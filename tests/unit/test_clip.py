"""The clip of a proposal, as it was and without the faces of others."""

import hashlib
from pathlib import Path

import av
import numpy as np
import pytest

from detectors.violations.boxes import Class, Detections
from detectors.violations.subjects import HeadState, Subject
from detectors.violations.tracks import Track
from domain.assets import Priority
from domain.cameras import Frame, Picture
from domain.evidence import EvidenceFile, EvidenceKind
from domain.ids import AssetId, CameraId, proposal_id
from domain.violations import Code, Place, Proposal, TicketAnswer, TicketFinding
from service.vision.evidence import CameraMemory
from storage.evidence import EvidenceFiles

MINE, OTHERS, UNSEEN = (60, 40, 100, 80), (200, 40, 240, 80), (320, 40, 380, 280)
STEP_US, STEPS = 500_000, 8


def picture() -> Picture:
    """A chessboard of fine squares is where the heads are; a block of it is grey."""
    board = np.indices((300, 420)).sum(axis=0) // 4 % 2 * 200 + 20
    return np.repeat(board[:, :, None], 3, axis=2).astype(np.uint8)


def found() -> Detections:
    """Two heads, and a person whose head was not found."""
    boxes = np.array([MINE, OTHERS, UNSEEN], np.float32)
    classes = np.array([Class.HEAD, Class.HELMET, Class.PERSON])
    return Detections(boxes, np.full(3, 0.9, np.float32), classes)


def proposal(track: int) -> Proposal:
    began_us = STEP_US
    return Proposal(
        proposal_id=proposal_id("C1", Code.NO_HELMET, track, began_us),
        camera="C1",
        code=Code.NO_HELMET,
        track=track,
        place=Place(station="N", asset_id=AssetId("N/1T")),
        level=Priority.URGENT,
        began_at_us=began_us,
        proposed_at_us=began_us,
        score=0.9,
        box=(60.0, 40.0, 100.0, 80.0),
        ticket=TicketAnswer(finding=TicketFinding.NONE),
        last_seen_us=began_us,
    ).ended(STEPS * STEP_US)


@pytest.fixture
def store(tmp_path: Path) -> EvidenceFiles:
    return EvidenceFiles(tmp_path / "evidence")


def kept(store: EvidenceFiles, track: int = 1) -> dict[EvidenceKind, EvidenceFile]:
    """What is kept at the end of a proposal of track 1 or another, where track 1 is seen."""
    memory = CameraMemory(store)
    mine = (60.0, 40.0, 100.0, 280.0)
    head = (60.0, 40.0, 100.0, 80.0)
    for step in range(STEPS):
        at_us = step * STEP_US
        frame = Frame(camera_id=CameraId("C1"), number=step, at_us=at_us, picture=picture())
        memory.remember(frame, found())
        subject = Subject(box=mine, score=0.9, head=head, head_state=HeadState.BARE)
        memory.follow([Track(1, 0, at_us, subject)])
    return {each.kind: each for each in memory.at_end(proposal(track))}


def contrasts(clip: bytes, tmp_path: Path) -> list[tuple[float, float, float]]:
    """Of each picture of the clip: of track 1's head, of the other's, of the top of the third."""
    path = tmp_path / "clip.webm"
    path.write_bytes(clip)
    with av.open(path, "r") as container:
        shown = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    return [
        (
            float(each[45:75, 65:95].std()),
            float(each[45:75, 205:235].std()),
            float(each[45:95, 325:375].std()),
        )
        for each in shown
    ]


def test_the_faces_of_others_are_hidden_on_each_picture_of_the_derived_clip(
    store: EvidenceFiles, tmp_path: Path
) -> None:
    files = kept(store)
    shown = contrasts(store.get(files[EvidenceKind.CLIP].sha256), tmp_path)
    hidden = contrasts(store.get(files[EvidenceKind.CLIP_BLURRED].sha256), tmp_path)
    assert len(shown) == len(hidden) == STEPS
    assert all(min(each) > 50 for each in shown)
    assert all(mine > 50 and max(others) < 30 for mine, *others in hidden)


def test_who_is_not_known_to_be_concerned_is_hidden(store: EvidenceFiles, tmp_path: Path) -> None:
    hidden = kept(store, track=2)[EvidenceKind.CLIP_BLURRED]
    assert all(max(each) < 30 for each in contrasts(store.get(hidden.sha256), tmp_path))


def test_the_original_keeps_its_hash(store: EvidenceFiles) -> None:
    files = kept(store)
    clip, derived = files[EvidenceKind.CLIP], files[EvidenceKind.CLIP_BLURRED]
    assert clip.sha256 != derived.sha256
    assert hashlib.sha256(store.get(clip.sha256)).hexdigest() == clip.sha256
    assert (clip.at_us, clip.media_type) == (derived.at_us, derived.media_type)
