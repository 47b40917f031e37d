"""The review queue beside single judgements: duplicates, what somebody has seen, reports by hand.

Decisions only. Nothing is deducted here: a report by hand is a proposal like a camera's.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from domain.changes import Changes
from domain.clock import MINUTE_US
from domain.credit import OF_SIGHT, ReviewItem, ReviewKind, ReviewMark, ReviewState
from domain.evidence import EvidenceFile, EvidenceKind
from domain.ids import AssetId, from_request, review_id
from domain.paperwork import User
from domain.records import Requested
from domain.requests import Refused
from domain.responsibility import Answer, Kind, Reason
from domain.review_requests import (
    AT_ONCE,
    PHOTOS_AT_MOST,
    TEXT_AT_MOST,
    MarkDuplicates,
    ReportByHand,
    SeeReviews,
)
from linkage.credit import CreditDesk
from linkage.plan import LinkagePlan

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_CODE: Final = re.compile(r"[A-Z0-9-]{0,20}")
_CLOCKS_DIFFER_US: Final = MINUTE_US
_REPORTED_WITHIN_US: Final = 30 * 24 * 60 * MINUTE_US


class ReviewDesk:
    """Holds nothing: the items are the credit desk's."""

    def __init__(
        self,
        plan: LinkagePlan,
        credit: CreditDesk,
        answer: Callable[[AssetId, int, Kind], Answer],
    ) -> None:
        self._plan = plan
        self._credit = credit
        self._answer = answer

    def handle(
        self,
        asked: Requested,
        request: MarkDuplicates | SeeReviews | ReportByHand,
        user: User,
        changes: Changes,
    ) -> str:
        """Raises Refused or IllegalMove."""
        match request:
            case MarkDuplicates():
                return self._duplicates(asked, request, user, changes)
            case SeeReviews():
                return self._seen(asked, request, user, changes)
            case ReportByHand():
                return self._reported(asked, request, user, changes)

    def expect_in_scope(self, review: ReviewItem, user: User) -> None:
        station = self.station_of(review)
        if station:  # credit is often of no place
            expect_in_scope(user, station)

    def station_of(self, review: ReviewItem) -> str:
        if review.asset_id is None:
            return review.station
        return self._plan.asset(review.asset_id).station

    def _duplicates(
        self, asked: Requested, request: MarkDuplicates, user: User, changes: Changes
    ) -> str:
        """All of them or none."""
        _expect_some(request.review_ids)
        original = self._credit.review(request.of)
        if original.state is ReviewState.DUPLICATE:
            raise Refused(Reason.of("is_a_duplicate"))
        judged = []
        for each in dict.fromkeys(request.review_ids):
            review = self._credit.open_review(each)
            self._expect_like(review, original, user)
            words = request.words.strip()
            judged.append(review.duplicate_of(request.of, user.name, asked.at_us, words))
        for review in judged:
            self._credit.keep_review(review)
        changes.reviews += judged
        return str(request.of)

    def _expect_like(self, review: ReviewItem, original: ReviewItem, user: User) -> None:
        if review.review_id == original.review_id:
            raise Refused(Reason.of("duplicate_of_itself"))
        if review.kind not in OF_SIGHT or original.kind not in OF_SIGHT:
            raise Refused(Reason.of("duplicates_of_sight"))
        if self.station_of(review) != self.station_of(original):
            raise Refused(Reason.of("duplicate_elsewhere"))
        self.expect_in_scope(review, user)
        self._credit.expect_authority(review, user)

    def _seen(self, asked: Requested, request: SeeReviews, user: User, changes: Changes) -> str:
        _expect_some(request.review_ids)
        for each in dict.fromkeys(request.review_ids):
            review = self._credit.review(each)
            self.expect_in_scope(review, user)
            changes.review_marks.append(
                ReviewMark(
                    user=user.name,
                    review_id=each,
                    version=review.version,
                    at_us=asked.at_us,
                )
            )
        return ""

    def _reported(
        self, asked: Requested, request: ReportByHand, user: User, changes: Changes
    ) -> str:
        station = self._station(request, user)
        _expect_whole(request, asked.at_us)
        if request.asset_id is not None:
            answer = self._answer(request.asset_id, request.at_us, Kind.VIOLATION)
        else:
            answer = self._of_station(station, request.at_us)
        about = from_request(asked.request_id, "report")
        review = ReviewItem(
            review_id=review_id(request.kind, about, request.code, ""),
            kind=request.kind,
            created_at_us=asked.at_us,
            proposed_by=user.name,
            text=request.text.strip(),
            code=request.code,
            event_id=about,
            asset_id=request.asset_id,
            zone_id=answer.zone_id,
            owner_id=answer.owner.person_id if answer.owner else None,
            reasons=(Reason.of("reported_by_hand", by=user.name), *answer.reasons),
            files=request.files,
            station=station,
            level=request.level,
        )
        self._credit.keep_review(review)
        changes.reviews.append(review)
        return str(review.review_id)

    def _of_station(self, station: str, at_us: int) -> Answer:
        """Of a place without a device: who answers for most of the devices of its station."""
        answers = [
            self._answer(asset_id, at_us, Kind.VIOLATION)
            for asset_id, asset in sorted(self._plan.assets.items())
            if asset.station == station
        ]
        zones = Counter(each.zone_id for each in answers if each.zone_id is not None)
        ((zone_id, count),) = zones.most_common(1) or ((None, 0),)
        if zone_id is None or 2 * count <= len(answers):
            return Answer()
        found = next(each for each in answers if each.zone_id == zone_id)
        why = Reason.of("zone_of_station", zone=found.zone, station=station, count=count)
        return replace(found, reasons=(why,))

    def _station(self, request: ReportByHand, user: User) -> str:
        """Where it was seen. Raises Refused."""
        station = request.station.strip()
        if station not in {asset.station for asset in self._plan.assets.values()}:
            raise Refused(Reason.of("unknown_place", what=station))
        if request.asset_id is not None:
            asset = self._plan.assets.get(request.asset_id)
            if asset is None or asset.station != station:
                raise Refused(Reason.of("unknown_place", what=request.asset_id))
        expect_in_scope(user, station)
        return station


def expect_in_scope(user: User, station: str) -> None:
    if not user.in_scope(station):
        raise Refused(Reason.of("out_of_scope", station=station))


def expect_photos(files: tuple[EvidenceFile, ...]) -> None:
    """As the console leaves them in the store; what a client made up is refused."""
    if len(files) > PHOTOS_AT_MOST:
        raise Refused(Reason.of("too_many_photos", most=PHOTOS_AT_MOST))
    for file in files:
        like_ours = file.kind is EvidenceKind.PHOTO and file.media_type == "image/jpeg"
        if not like_ours or not _SHA256.fullmatch(file.sha256) or file.boxes or file.size <= 0:
            raise Refused(Reason.of("no_photo"))


def _expect_some(reviews: Iterable[object]) -> None:
    count = len(tuple(reviews))
    if not count:
        raise Refused(Reason.of("nothing_chosen"))
    if count > AT_ONCE:
        raise Refused(Reason.of("too_many_chosen", most=AT_ONCE))


def _expect_whole(request: ReportByHand, at_us: int) -> None:
    if request.kind not in OF_SIGHT:
        raise Refused(Reason.of("report_kind"))
    text = request.text.strip()
    if not text:
        raise Refused(Reason.of("report_text_needed"))
    if len(text) > TEXT_AT_MOST:
        raise Refused(Reason.of("report_too_long", most=TEXT_AT_MOST))
    is_violation = request.kind is ReviewKind.VIOLATION
    if not _CODE.fullmatch(request.code) or (request.code and not is_violation):
        raise Refused(Reason.of("report_code"))
    if not -_REPORTED_WITHIN_US <= request.at_us - at_us <= _CLOCKS_DIFFER_US:
        raise Refused(Reason.of("report_time"))
    expect_photos(request.files)
