"""Who is who from frame to frame, by overlap. A track that is not seen for a while is kept, then lost."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from detectors.violations.boxes import Box, overlap
from detectors.violations.subjects import HeadState, Subject

_FRAMES_KEPT: Final = 16
_NOWHERE: Final = (0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackConfig:
    same: float = 0.2  # IoU with where it was last, or is thought to be now
    # body heights between two places that may be one person's, where boxes do not meet: few frames a second
    reach: float = 0.35
    lost_after_us: int = 3_000_000


@dataclass(slots=True)
class Track:
    """One subject. `seen` holds its newest frames, oldest first, and UNKNOWN for frames without it."""

    number: int
    began_at_us: int
    last_seen_us: int
    subject: Subject
    seen: deque[tuple[int, HeadState]] = field(default_factory=lambda: deque(maxlen=_FRAMES_KEPT))
    frames: int = 0
    speed: tuple[float, float] = (0.0, 0.0)  # pixels a second

    def newest(self, frames: int) -> list[tuple[int, HeadState]]:
        return list(self.seen)[-frames:]

    def expected(self, at_us: int) -> Subject:
        """Where it would be now, had it gone on for at most a second."""
        after_s = min((at_us - self.last_seen_us) / 1e6, 1.0)
        dx, dy = self.speed[0] * after_s, self.speed[1] * after_s
        moved = self.subject
        return Subject(
            box=_moved(moved.box, dx, dy),
            score=moved.score,
            head=None if moved.head is None else _moved(moved.head, dx, dy),
            head_state=moved.head_state,
            head_score=moved.head_score,
            estimated=moved.estimated,
        )


@dataclass(slots=True)
class Tracker:
    config: TrackConfig = field(default_factory=TrackConfig)
    tracks: list[Track] = field(default_factory=list)
    _numbers: int = 0

    def update(self, at_us: int, subjects: list[Subject]) -> list[Track]:
        """The tracks that are lost by now; `tracks` are those that stand."""
        matched = self._matches(at_us, subjects)
        for row, track in enumerate(self.tracks):
            _note(track, at_us, subjects[matched[row]] if row in matched else None)
        for column in sorted(set(range(len(subjects))) - set(matched.values())):
            self._begin(at_us, subjects[column])
        lost = [
            each for each in self.tracks if at_us - each.last_seen_us > self.config.lost_after_us
        ]
        self.tracks = [each for each in self.tracks if each not in lost]
        return lost

    def _matches(self, at_us: int, subjects: list[Subject]) -> dict[int, int]:
        """Row of the track -> row of the subject, the surest first."""
        if not self.tracks or not subjects:
            return {}
        before = [track.subject for track in self.tracks]
        thought = [track.expected(at_us) for track in self.tracks]
        fit = np.maximum(_fits(before, subjects), _fits(thought, subjects))
        near = np.minimum(_apart(before, subjects), _apart(thought, subjects))
        # what overlaps goes before what is only near
        score = np.where(
            fit >= self.config.same, 1.0 + fit, np.where(near <= self.config.reach, 1.0 - near, 0.0)
        )
        return dict(_greedy(score))

    def _begin(self, at_us: int, subject: Subject) -> None:
        self._numbers += 1
        track = Track(self._numbers, at_us, at_us, subject)
        _note(track, at_us, subject)
        self.tracks.append(track)


def _note(track: Track, at_us: int, subject: Subject | None) -> None:
    if subject is None:
        track.seen.append((at_us, HeadState.UNKNOWN))
        return
    track.seen.append((at_us, subject.head_state))
    track.frames += 1
    passed_s = (at_us - track.last_seen_us) / 1e6
    if passed_s > 0 and not (subject.estimated or track.subject.estimated):
        was, now = track.subject.foot, subject.foot
        track.speed = ((now[0] - was[0]) / passed_s, (now[1] - was[1]) / passed_s)
    track.subject, track.last_seen_us = subject, at_us


def _greedy(score: npt.NDArray[np.float64]) -> Iterator[tuple[int, int]]:
    score = score.copy()
    while score.size and score.max() > 0:
        row, column = (int(each) for each in np.unravel_index(score.argmax(), score.shape))
        yield row, column
        score[row], score[:, column] = 0.0, 0.0


def _fits(before: list[Subject], now: list[Subject]) -> npt.NDArray[np.float64]:
    """(before, now) IoU of bodies or of heads, whichever is more: one of the two may be hidden.

    A body that is only estimated belongs to nobody: it would take over who walks in front of it."""
    bodies = overlap(_array([_body(s) for s in before]), _array([_body(s) for s in now]))
    heads = overlap(_array([_head(s) for s in before]), _array([_head(s) for s in now]))
    return np.maximum(bodies, heads).astype(np.float64)


def _apart(before: list[Subject], now: list[Subject]) -> npt.NDArray[np.float64]:
    """(before, now) how far the tops of two bodies are apart, in the larger one's heights."""
    top = [
        np.array([((s.box[0] + s.box[2]) / 2, s.box[1]) for s in each]) for each in (before, now)
    ]
    far = np.linalg.norm(top[0][:, None] - top[1][None], axis=2)
    tall = [np.array([s.height for s in each]) for each in (before, now)]
    larger = np.maximum(tall[0][:, None], tall[1][None])
    alike = np.minimum(tall[0][:, None], tall[1][None]) > 0.5 * larger
    real = [np.array([not s.estimated for s in each], np.bool_) for each in (before, now)]
    alike &= real[0][:, None] & real[1][None]
    return np.where(alike, far / np.maximum(larger, 1e-6), np.inf)


def _head(subject: Subject) -> Box:
    return subject.head or _NOWHERE


def _body(subject: Subject) -> Box:
    return _NOWHERE if subject.estimated else subject.box


def _array(boxes: list[Box]) -> npt.NDArray[np.float32]:
    return np.array(boxes, np.float32).reshape(-1, 4)


def _moved(box: Box, dx: float, dy: float) -> Box:
    return box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy
