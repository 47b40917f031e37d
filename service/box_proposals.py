"""What other makers' boxes found, through our tickets and into our queue, like what we saw ourselves.

A box is believed to have seen something, and nothing more: the rule must be one of the site's, the camera
one of its cameras, the tickets are asked by us, and a person judges. What cannot be used is a dead letter.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final
from uuid import UUID

import structlog

from detectors.violations.rules import CLEAR, certain, permitted
from domain.cameras import AnalysisBox, Camera, MachineRule, WatchedArea
from domain.clock import SECOND_US, Clock, system_clock
from domain.evidence import Box, EvidenceFile, EvidenceKind
from domain.ids import AssetId, BoxId, CameraId, box_proposal_id
from domain.picture_size import BadPicture
from domain.ports import Counters, StorageUnavailable
from domain.requests import ProposeViolation, RefuseProposal
from domain.violations import Code, Place, Proposal, Tickets
from ingest.cameras.box_message import BoxMessage, UnusableMessage, read_box_message
from service.site.model import Site
from service.vision.pictures import decode_picture
from storage.evidence import EvidenceFiles

log = structlog.get_logger(__name__)

_OVER_AFTER_US: Final = 60 * SECOND_US  # where the box does not say when it ended
_AHEAD_US: Final = 300 * SECOND_US  # a box whose clock is farther ahead has none
_REMEMBERED: Final = 10_000
_LETTERS_KEPT: Final = 1_000  # payloads of a process; beyond that they are only counted
_LETTER_BYTES: Final = 64 * 1024

Tell = Callable[
    [ProposeViolation | RefuseProposal], None
]  # raises ingest.cameras.box_mqtt.NotTaken


class Taken(StrEnum):
    TAKEN = "taken"
    KNOWN = "known"  # told before
    PERMITTED = "permitted"  # a ticket makes it legal
    REFUSED = "refused"  # a dead letter


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxAnswer:
    what: Taken
    proposal_id: UUID | None = None
    tickets: tuple[str, ...] = ()
    reason: str = ""
    detail: str = ""


class BoxDesk:
    """`take` from any thread; `pass_time` now and then; `end` when nobody listens any more."""

    def __init__(
        self,
        site: Site,
        tickets: Tickets,
        files: EvidenceFiles,
        tell: Tell,
        counters: Counters,
        clock: Clock = system_clock,
    ) -> None:
        self._boxes: Mapping[BoxId, AnalysisBox] = {
            box.box_id: box for box in site.boxes if box.enabled
        }
        self._cameras: Mapping[CameraId, Camera] = {each.camera_id: each for each in site.cameras}
        self._rules: Mapping[str, MachineRule] = {rule.code: rule for rule in site.machine_rules}
        self._tickets, self._files = tickets, files
        self._tell, self._counters, self._clock = tell, counters, clock
        self._known: OrderedDict[UUID, None] = OrderedDict()
        self._open: dict[UUID, ProposeViolation] = {}
        self._heard_us: dict[UUID, int] = {}  # of what is open, by our clock
        self._letters = 0
        self._lock = threading.Lock()

    def take(self, box_id: BoxId, body: bytes) -> BoxAnswer:
        """Journalled on return. Raises NotTaken."""
        with self._lock:
            try:
                answer = self._taken(self._boxes[box_id], body)
            except UnusableMessage as error:
                self._refuse(box_id, body, error)
                answer = BoxAnswer(what=Taken.REFUSED, reason=error.reason, detail=error.detail)
        self._counters.add("box_proposals", box=box_id, outcome=answer.what.value)
        return answer

    def pass_time(self, now_us: int) -> None:
        """What the box does not end is over after a while. Raises NotTaken. Waits for no box."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            for told in list(self._open.values()):
                if now_us - self._heard_us[told.proposal.proposal_id] >= _OVER_AFTER_US:
                    self._ended(told, told.proposal.last_seen_us)
        finally:
            self._lock.release()

    def end(self) -> None:
        """Raises NotTaken."""
        with self._lock:
            for told in list(self._open.values()):
                self._ended(told, told.proposal.last_seen_us)

    def _taken(self, box: AnalysisBox, body: bytes) -> BoxAnswer:
        message = read_box_message(body)
        number = box_proposal_id(box.box_id, message.id)
        if number in self._known:
            return self._told_again(number, message)
        camera, rule = self._camera(box, message), self._rule(box, message)
        told, tickets = self._proposal(box, camera, rule, message, number)
        if permitted(told.proposal.code, told.proposal.ticket):
            self._remember(number)
            return BoxAnswer(what=Taken.PERMITTED, tickets=tickets)
        told, trouble = self._with_picture(told, message)
        self._tell(told)
        self._remember(number)
        self._open[number], self._heard_us[number] = told, self._clock()
        if message.ended_us is not None:
            self._ended(told, max(message.ended_us, told.proposal.began_at_us))
        if trouble:
            self._refuse(box.box_id, body, trouble)
        return BoxAnswer(
            what=Taken.TAKEN,
            proposal_id=number,
            tickets=tickets,
            reason=trouble.reason if trouble else "",
            detail=trouble.detail if trouble else "",
        )

    def _told_again(self, number: UUID, message: BoxMessage) -> BoxAnswer:
        told = self._open.get(number)
        if told is not None and message.ended_us is not None:
            self._ended(told, max(message.ended_us, told.proposal.began_at_us))
        elif told is not None:  # it goes on
            now_us = self._heard_us[number] = self._clock()
            seen = told.proposal.seen_again(max(told.proposal.last_seen_us, now_us))
            self._open[number] = replace(told, proposal=seen)
        return BoxAnswer(what=Taken.KNOWN, proposal_id=number)

    def _ended(self, told: ProposeViolation, at_us: int) -> None:
        seen = told.proposal.seen_again(max(told.proposal.last_seen_us, at_us))
        self._tell(replace(told, proposal=seen.ended(at_us)))
        del self._open[told.proposal.proposal_id], self._heard_us[told.proposal.proposal_id]

    def _remember(self, number: UUID) -> None:
        self._known[number] = None
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def _camera(self, box: AnalysisBox, message: BoxMessage) -> Camera:
        ours = box.cameras.get(message.camera)
        if ours is None:
            known = ", ".join(sorted(box.cameras)) or "none"
            raise UnusableMessage(
                "unknown_camera",
                f"camera {message.camera!r} is none of box {box.box_id}'s in cameras.yaml (they are {known})",
            )
        return self._cameras[ours]

    def _rule(self, box: AnalysisBox, message: BoxMessage) -> MachineRule:
        ours = box.codes.get(message.code)
        if ours is None:
            known = ", ".join(sorted(box.codes)) or "none"
            raise UnusableMessage(
                "unknown_code",
                f"code {message.code!r} is none of box {box.box_id}'s in cameras.yaml (they are {known})",
            )
        return self._rules[ours]

    def _proposal(
        self,
        box: AnalysisBox,
        camera: Camera,
        rule: MachineRule,
        message: BoxMessage,
        number: UUID,
    ) -> tuple[ProposeViolation, tuple[str, ...]]:
        now_us = self._clock()
        at_us = message.at_us if message.at_us <= now_us + _AHEAD_US else now_us
        area = next(
            (each for each in camera.areas if message.area in {each.area_id, each.name}), None
        )
        place = Place(station=camera.station, asset_id=_asset_of(area) or camera.asset_id)
        ticket = self._tickets.answer(place, at_us)
        code = Code(rule.code)
        proposal = Proposal(
            proposal_id=number,
            camera=camera.camera_id,
            code=code,
            track=0,
            place=place,
            level=rule.priority,
            began_at_us=at_us,
            proposed_at_us=at_us,
            score=message.score,
            box=(0.0, 0.0, 0.0, 0.0),
            ticket=ticket,
            zone=area.name if area else message.area,
            certain=certain(code, ticket, CLEAR),
            last_seen_us=at_us,
        )
        told = ProposeViolation(
            proposal=proposal,
            asset_id=place.asset_id or camera.asset_id,
            camera=camera.name,
            text=rule.text,
            model=message.model,
            box=box.name,
        )
        return told, ticket.numbers

    def _with_picture(
        self, told: ProposeViolation, message: BoxMessage
    ) -> tuple[ProposeViolation, UnusableMessage | None]:
        """A picture that is none hides no danger: the rest is taken, and the box is told."""
        if message.picture is None:
            return told, None
        try:
            height, width = decode_picture(message.picture).shape[:2]
        except BadPicture as error:
            return told, UnusableMessage("unusable_picture", str(error))
        try:
            name = self._files.put(message.picture)
        except StorageUnavailable as error:
            log.error("evidence_lost", camera_id=told.proposal.camera, reason=str(error))
            return told, None
        file = EvidenceFile(
            sha256=name,
            media_type="image/png" if message.picture.startswith(b"\x89PNG") else "image/jpeg",
            kind=EvidenceKind.MOMENT,
            at_us=told.proposal.began_at_us,
            size=len(message.picture),
            boxes=_boxes(message),
        )
        whom = next((each for each in file.boxes if each.concerned), None)
        if whom is None:
            return replace(told, files=(file,)), None
        pixels = whom.left * width, whom.top * height, whom.right * width, whom.bottom * height
        return replace(told, files=(file,), proposal=replace(told.proposal, box=pixels)), None

    def _refuse(self, box_id: BoxId, body: bytes, why: UnusableMessage) -> None:
        self._letters += 1
        keeps = self._letters <= _LETTERS_KEPT and len(body) <= _LETTER_BYTES
        box = self._boxes[box_id]
        self._tell(
            RefuseProposal(
                box_id=box_id,
                reason=why.reason,
                detail=why.detail,
                topic=box.topic,
                payload=body if keeps else None,
            )
        )
        self._counters.add("dead_letters", source=box_id, reason=why.reason)
        log.warning("box_message_refused", box_id=box_id, reason=why.reason)


def _asset_of(area: WatchedArea | None) -> AssetId | None:
    return area.asset_ids[0] if area and area.asset_ids else None


def _boxes(message: BoxMessage) -> tuple[Box, ...]:
    return tuple(
        Box(
            left=each.left,
            top=each.top,
            right=each.right,
            bottom=each.bottom,
            what=each.what,
            score=each.score,
            concerned=each.concerned,
        )
        for each in message.boxes
    )
