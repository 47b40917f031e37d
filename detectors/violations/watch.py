"""One camera, frame by frame: tracks, rules, tickets, and from them proposals that open, last and end.

Deterministic: the same frames and the same tickets give the same proposals with the same ids.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from detectors.violations.boxes import Detections, Picture
from detectors.violations.ground import Ground, LivePart
from detectors.violations.rules import (
    CLEAR,
    Frames,
    Says,
    VestMemory,
    View,
    bare_head,
    certain,
    permitted,
    too_near,
)
from detectors.violations.subjects import Subject, Sureness, subjects_of
from detectors.violations.tracks import Track, TrackConfig, Tracker
from detectors.violations.vest import wears_vest
from detectors.violations.zones import Presence, Zone
from domain.assets import Priority
from domain.distances import Distances
from domain.ids import TeamId, proposal_id
from domain.violations import LEVELS, Code, Place, Proposal, TicketAnswer, Tickets

_SECOND_US: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchConfig:
    camera: str
    place: Place
    # rules that hold wherever the camera looks: PPE-01, PPE-02, ZONE-02
    everywhere: frozenset[Code] = frozenset({Code.NO_HELMET})
    zones: tuple[Zone, ...] = ()
    ground: Ground | None = None
    live_parts: tuple[LivePart, ...] = ()
    distances: Distances | None = None
    sure: Sureness = field(default_factory=Sureness)
    frames: Frames = field(default_factory=Frames)
    tracks: TrackConfig = field(default_factory=TrackConfig)
    present_us: int = 3 * _SECOND_US  # ZONE-02: so long before somebody counts as there
    alone_us: int = 60 * _SECOND_US  # ALONE-01: a guardian may step aside for so long
    near_us: int = _SECOND_US  # DIST-01
    clear_after_us: int = 5 * _SECOND_US  # so long in order before an open proposal ends
    quiet_us: int = (
        30 * _SECOND_US
    )  # after that the same rule does not propose the same track again
    levels: tuple[tuple[Code, Priority], ...] = ()  # where this camera's differ

    def __post_init__(self) -> None:
        if self.live_parts and (self.ground is None or self.distances is None):
            raise ValueError(
                f"camera {self.camera}: a distance to live parts needs a ground and a table"
            )
        if self.distances is not None:
            for part in self.live_parts:
                self.distances.at(
                    part.kv
                )  # a voltage without a limit is told now, not at the camera

    def level(self, code: Code) -> Priority:
        return dict(self.levels).get(code, LEVELS[code])


@dataclass(slots=True)
class _Standing:
    """One rule and one track: since when it holds, or since when it does not any more."""

    since_us: int | None = None
    clear_since_us: int | None = None
    quiet_until_us: int = 0
    proposal: Proposal | None = None


@dataclass(frozen=True, slots=True)
class _Told:
    """What one rule says of one track, and for how long it must before it is proposed."""

    code: Code
    view: View
    ticket: TicketAnswer
    after_us: int = 0


HOLDS: Final = View(says=Says.HOLDS)
_Key = tuple[Code, int]  # rule, track


@dataclass(slots=True)
class CameraWatch:
    config: WatchConfig
    tickets: Tickets
    # who is known to be there, by badge or door
    team_there: Callable[[int], TeamId | None] = lambda _: None
    _tracker: Tracker = field(init=False)
    _vests: VestMemory = field(init=False)
    _presences: tuple[Presence, ...] = field(init=False)
    _standing: dict[_Key, _Standing] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._tracker = Tracker(self.config.tracks)
        self._vests = VestMemory(self.config.frames)
        self._presences = tuple(Presence(zone) for zone in self.config.zones)

    @property
    def tracks(self) -> tuple[Track, ...]:
        return tuple(self._tracker.tracks)

    def open_proposals(self) -> list[Proposal]:
        return [each.proposal for each in self._standing.values() if each.proposal is not None]

    def look(
        self, at_us: int, found: Detections, size: tuple[int, int], picture: Picture | None = None
    ) -> list[Proposal]:
        """The proposals that this frame opens or ends. Without the picture there is no hint on vests."""
        return self.look_at(at_us, subjects_of(found, self.config.sure, size), picture)

    def look_at(
        self, at_us: int, subjects: list[Subject], picture: Picture | None = None
    ) -> list[Proposal]:
        """`look`, of subjects that are known already."""
        lost = self._tracker.update(at_us, subjects)
        changed = [change for track in lost for change in self._gone(track)]
        for presence in self._presences:
            for track in self._tracker.tracks:
                # of a head alone the foot is a guess
                if track.last_seen_us == at_us and not track.subject.estimated:
                    presence.note(track.number, track.subject.foot)
        for track in self._tracker.tracks:
            for told in self._told(track, at_us, picture):
                changed += self._decided(track, at_us, told)
        return changed

    def end(self) -> list[Proposal]:
        """The camera is gone: what is open ends where it was last seen."""
        lost, self._tracker.tracks = self._tracker.tracks, []
        return [change for track in lost for change in self._gone(track)]

    def _told(self, track: Track, at_us: int, picture: Picture | None) -> Iterator[_Told]:
        """What each rule of this camera says of the track. One that is hidden now breaks no rule newly."""
        yield from self._of_helmets(track, at_us)
        if track.last_seen_us == at_us and not track.subject.estimated:
            yield from self._of_vests(track, at_us, picture)
            yield from self._of_presence(track, at_us)
            yield from self._of_distance(track, at_us)

    def _of_helmets(self, track: Track, at_us: int) -> Iterator[_Told]:
        presence = self._zone_of(track, Code.NO_HELMET)
        if presence is not None or Code.NO_HELMET in self.config.everywhere:
            view = bare_head(track, self.config.frames)
            zone = None if presence is None else presence.zone
            yield _Told(Code.NO_HELMET, replace(view, zone=zone), self._ask(zone, at_us))

    def _of_vests(self, track: Track, at_us: int, picture: Picture | None) -> Iterator[_Told]:
        if Code.NO_VEST in self.config.everywhere and picture is not None:
            view = self._vests.view(track.number, at_us, wears_vest(picture, track.subject.box))
            yield _Told(Code.NO_VEST, view, self._ask(None, at_us))

    def _of_presence(self, track: Track, at_us: int) -> Iterator[_Told]:
        if Code.NO_PLAN in self.config.everywhere:
            yield _Told(Code.NO_PLAN, HOLDS, self._ask(None, at_us), self.config.present_us)
        if self._has_zone(Code.IN_ZONE):
            presence = self._zone_of(track, Code.IN_ZONE)
            zone = None if presence is None else presence.zone
            view = CLEAR if zone is None else replace(HOLDS, zone=zone)
            yield _Told(
                Code.IN_ZONE, view, self._ask(zone, at_us), 0 if zone is None else zone.dwell_us
            )
        if self._has_zone(Code.ALONE):
            presence = self._zone_of(track, Code.ALONE)
            zone = None if presence is None else presence.zone
            # who is hidden for a moment still counts: his track stands
            alone = presence is not None and presence.inside == {track.number}
            view = replace(HOLDS, zone=zone) if alone else CLEAR
            yield _Told(Code.ALONE, view, self._ask(zone, at_us), self.config.alone_us)

    def _of_distance(self, track: Track, at_us: int) -> Iterator[_Told]:
        ground, distances = self.config.ground, self.config.distances
        if ground is not None and distances is not None and self.config.live_parts:
            ticket = self._ask(None, at_us)
            view = too_near(track, ground, self.config.live_parts, distances, ticket)
            yield _Told(Code.TOO_NEAR, view, ticket, self.config.near_us)

    def _has_zone(self, code: Code) -> bool:
        return any(code in zone.rules for zone in self.config.zones)

    def _zone_of(self, track: Track, code: Code) -> Presence | None:
        """The first of the camera's zones with this rule in which the track is."""
        return next(
            (
                each
                for each in self._presences
                if code in each.zone.rules and track.number in each.inside
            ),
            None,
        )

    def _ask(self, zone: Zone | None, at_us: int) -> TicketAnswer:
        place = self.config.place if zone is None else zone.place
        return self.tickets.answer(place, at_us, self.team_there(at_us))

    def _decided(self, track: Track, at_us: int, told: _Told) -> list[Proposal]:
        standing = self._standing.setdefault((told.code, track.number), _Standing())
        says = told.view.says
        if says is Says.CANNOT_TELL:
            return []
        if says is Says.CLEAR or permitted(told.code, told.ticket):
            return self._cleared(standing, at_us)
        standing.clear_since_us = None
        if standing.since_us is None:
            standing.since_us = told.view.since_us or at_us
        if standing.proposal is not None:
            standing.proposal = standing.proposal.seen_again(at_us)
        elif at_us - standing.since_us >= told.after_us and at_us >= standing.quiet_until_us:
            standing.proposal = self._proposal(track, at_us, standing.since_us, told)
            return [standing.proposal]
        return []

    def _cleared(self, standing: _Standing, at_us: int) -> list[Proposal]:
        if standing.proposal is None:
            standing.since_us = None
            return []
        if standing.clear_since_us is None:
            standing.clear_since_us = at_us
        if at_us - standing.clear_since_us < self.config.clear_after_us:
            return []
        ended = standing.proposal.ended(standing.clear_since_us)
        standing.since_us, standing.clear_since_us, standing.proposal = None, None, None
        standing.quiet_until_us = at_us + self.config.quiet_us
        return [ended]

    def _gone(self, track: Track) -> Iterator[Proposal]:
        for presence in self._presences:
            presence.forget(track.number)
        self._vests.forget(track.number)
        for key in [key for key in self._standing if key[1] == track.number]:
            standing = self._standing.pop(key)
            if standing.proposal is not None:
                yield standing.proposal.ended(track.last_seen_us)

    def _proposal(self, track: Track, at_us: int, since_us: int, told: _Told) -> Proposal:
        subject, zone, near = track.subject, told.view.zone, told.view.near
        head = subject.head if told.code is Code.NO_HELMET else None
        return Proposal(
            proposal_id=proposal_id(self.config.camera, told.code, track.number, since_us),
            camera=self.config.camera,
            code=told.code,
            track=track.number,
            place=self.config.place if zone is None else zone.place,
            level=self.config.level(told.code),
            began_at_us=since_us,
            proposed_at_us=at_us,
            score=subject.score if head is None else subject.head_score,
            box=head or subject.box,
            ticket=told.ticket,
            zone="" if zone is None else zone.name,
            clearance_m=None if near is None else near.clearance_m,
            error_m=None if near is None else near.error_m,
            limit_m=None if near is None else near.limit_m,
            certain=certain(told.code, told.ticket, told.view),
            last_seen_us=at_us,
        )
