"""What each rule says of one track on one frame: it holds, it is clear, or it cannot be told."""

from dataclasses import dataclass, field
from enum import Enum
from math import inf
from typing import Final

from detectors.violations.ground import Ground, LivePart
from detectors.violations.subjects import HeadState
from detectors.violations.tracks import Track
from detectors.violations.zones import Point, Zone
from domain.distances import Distances
from domain.violations import Code, TicketAnswer


class Says(Enum):
    HOLDS = "holds"
    CLEAR = "clear"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearness:
    """To the live part whose limit is broken most; metres along the ground."""

    clearance_m: float
    error_m: float
    limit_m: float

    @property
    def room_m(self) -> float:
        """What is left at the worst: a camera's distance is no better than its calibration."""
        return self.clearance_m - self.error_m - self.limit_m

    @property
    def is_certain(self) -> bool:
        return self.clearance_m + self.error_m < self.limit_m


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a rule says now, and what a proposal would show beside it."""

    says: Says
    since_us: int = 0  # of HOLDS, where the rule knows it better than the clock of the frame
    zone: Zone | None = None
    near: Nearness | None = None


CLEAR: Final = View(says=Says.CLEAR)
CANNOT_TELL: Final = View(says=Says.CANNOT_TELL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """k of n frames must show it."""

    k: int = 3
    n: int = 5

    def __post_init__(self) -> None:
        if not 1 <= self.k <= self.n <= 16:
            raise ValueError(f"{self.k} of {self.n} frames: 1 <= k <= n <= 16 is possible")


def bare_head(track: Track, frames: Frames) -> View:
    """PPE-01. A head that is not seen says nothing; bare or helmet must be seen in k of n frames."""
    newest = track.newest(frames.n)
    bare = [at_us for at_us, state in newest if state is HeadState.BARE]
    if len(bare) >= frames.k:
        return View(says=Says.HOLDS, since_us=bare[0])
    if sum(state is HeadState.HELMET for _, state in newest) >= frames.k:
        return CLEAR
    return CANNOT_TELL


@dataclass(slots=True)
class VestMemory:
    """PPE-02, a hint: the newest answers of `vest.wears_vest` to each track."""

    frames: Frames
    _answers: dict[int, list[tuple[int, bool | None]]] = field(default_factory=dict)

    def view(self, track: int, at_us: int, wears: bool | None) -> View:
        answers = [*self._answers.get(track, []), (at_us, wears)][-self.frames.n :]
        self._answers[track] = answers
        without = [seen_us for seen_us, answer in answers if answer is False]
        if len(without) >= self.frames.k:
            return View(says=Says.HOLDS, since_us=without[0])
        if sum(answer is True for _, answer in answers) >= self.frames.k:
            return CLEAR
        return CANNOT_TELL

    def forget(self, track: int) -> None:
        self._answers.pop(track, None)


def too_near(
    track: Track,
    ground: Ground,
    parts: tuple[LivePart, ...],
    distances: Distances,
    ticket: TicketAnswer,
) -> View:
    """DIST-01. A valid ticket allows the distance of people at work, nothing else does."""
    foot = track.subject.foot
    at, error_m = ground.metres(foot), ground.error_m(foot)
    if at is None or error_m == inf or not parts:
        return CANNOT_TELL  # above the horizon, or too near to it, there is no distance
    worst = min(
        (_nearness(at, error_m, part, distances, ticket) for part in parts),
        key=lambda near: near.room_m,
    )
    return View(says=Says.HOLDS, near=worst) if worst.room_m < 0 else CLEAR


def _nearness(
    at: Point, error_m: float, part: LivePart, distances: Distances, ticket: TicketAnswer
) -> Nearness:
    row = distances.at(part.kv)
    return Nearness(
        clearance_m=part.distance(at),
        error_m=error_m,
        limit_m=row.working_m if ticket.permits else row.near_m,
    )


# these a valid ticket makes legal; a helmet, a vest and a distance it does not
_TICKET_PERMITS: Final = frozenset({Code.IN_ZONE, Code.NO_PLAN})


_NO_TICKET_EXCUSES: Final = frozenset({Code.NO_HELMET, Code.NO_VEST, Code.SMOKING, Code.PHONE})


def permitted(code: Code, ticket: TicketAnswer) -> bool:
    if code is Code.ALONE:
        return ticket.permits and ticket.lone_work
    return code in _TICKET_PERMITS and ticket.permits


def certain(code: Code, ticket: TicketAnswer, view: View) -> bool:
    """Whether nothing that we do not know could excuse it."""
    if code in _NO_TICKET_EXCUSES:
        return True
    return ticket.is_certain and (view.near is None or view.near.is_certain)
