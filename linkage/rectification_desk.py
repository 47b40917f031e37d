"""整改通知单: issued for what was confirmed, done by its owner, closed by another when the cause is gone.

Decisions only. Numbers follow from what was issued before, so that a replay gives the same ones.
"""

from collections.abc import Iterable

from domain.changes import Changes
from domain.clock import MINUTE_US, to_datetime
from domain.credit import OF_SIGHT, ReviewItem, ReviewState
from domain.ids import rectification_id
from domain.paperwork import User
from domain.records import Requested
from domain.rectification import (
    DUE_WITHIN_DAYS,
    TEXT_AT_MOST,
    Rectification,
    RectificationState,
)
from domain.requests import Refused
from domain.responsibility import Reason
from domain.review_requests import IssueRectification, ReportRectified, VerifyRectification
from linkage.credit import CreditDesk
from linkage.plan import LinkagePlan
from linkage.review_desk import ReviewDesk, expect_in_scope, expect_photos

_DAY_US = 24 * 60 * MINUTE_US


class RectificationDesk:
    """Holds every notice: a few for each of the confirmed."""

    def __init__(
        self,
        plan: LinkagePlan,
        credit: CreditDesk,
        reviews: ReviewDesk,
        held: Iterable[Rectification] = (),
    ) -> None:
        self._plan = plan
        self._credit = credit
        self._reviews = reviews
        self._held = {each.rectification_id: each for each in held}

    def handle(
        self,
        asked: Requested,
        request: IssueRectification | ReportRectified | VerifyRectification,
        user: User,
        changes: Changes,
    ) -> str:
        """Raises Refused or IllegalMove."""
        match request:
            case IssueRectification():
                kept = self._issued(asked, request, user)
            case ReportRectified():
                kept = self._done(asked, request, user)
            case VerifyRectification():
                kept = self._looked_at(asked, request, user)
        self._held[kept.rectification_id] = kept
        changes.rectifications.append(kept)
        return str(kept.rectification_id)

    def _issued(self, asked: Requested, request: IssueRectification, user: User) -> Rectification:
        review = self._credit.review(request.review_id)
        self._reviews.expect_in_scope(review, user)
        if review.kind not in OF_SIGHT or review.state is not ReviewState.CONFIRMED:
            raise Refused(Reason.of("rectify_confirmed_only"))
        open_one = self._open_for(request)
        if open_one is not None:
            raise Refused(Reason.of("rectification_open", number=open_one.number))
        measure = _text(request.measure, "measure_needed")
        if not 0 < request.due_us - asked.at_us <= DUE_WITHIN_DAYS * _DAY_US:
            raise Refused(Reason.of("due_time", days=DUE_WITHIN_DAYS))
        number = self._next_number(asked.at_us)
        return Rectification(
            rectification_id=rectification_id(review.review_id, number),
            number=number,
            review_id=review.review_id,
            asset_id=review.asset_id,
            station=self._reviews.station_of(review),
            zone_id=review.zone_id,
            member_id=review.owner_id,
            measure=measure,
            issued_by=user.name,
            issued_at_us=asked.at_us,
            due_us=request.due_us,
        )

    def _done(self, asked: Requested, request: ReportRectified, user: User) -> Rectification:
        before = self._expect_one(request, user)
        if before.state is not RectificationState.ISSUED:
            raise Refused(Reason.of("rectification_not_issued", number=before.number))
        words = _text(request.words, "done_words_needed")
        cause = _text(request.root_cause, "root_cause_needed")
        expect_photos(request.files)
        return before.done(user.name, asked.at_us, words, cause, request.files)

    def _looked_at(
        self, asked: Requested, request: VerifyRectification, user: User
    ) -> Rectification:
        before = self._expect_one(request, user)
        if not before.is_open:
            return self._looked_back_at(asked, request, user, before)
        if before.state is not RectificationState.DONE:
            raise Refused(Reason.of("rectification_not_done", number=before.number))
        if before.done_by == user.name:
            raise Refused(Reason.of("verified_by_another"))
        words = _text(request.words, "words_needed")
        return before.looked_at(request.cause_gone, user.name, asked.at_us, words)

    def _looked_back_at(
        self,
        asked: Requested,
        request: VerifyRectification,
        user: User,
        before: Rectification,
    ) -> Rectification:
        if before.look_back_us is None:
            raise Refused(Reason.of("look_back_over", number=before.number))
        if not before.wants_look_back(asked.at_us):
            on = to_datetime(before.look_back_us).astimezone(self._plan.zone)
            raise Refused(Reason.of("look_back_later", number=before.number, on=f"{on:%Y-%m-%d}"))
        if before.done_by == user.name:
            raise Refused(Reason.of("verified_by_another"))
        words = _text(request.words, "words_needed")
        return before.looked_back_at(request.cause_gone, user.name, asked.at_us, words)

    def repeated(self, confirmed: ReviewItem, by: str, at_us: int) -> list[Rectification]:
        """The closed notices that are open again, since the same rule was broken in the same zone."""
        if not confirmed.code or confirmed.zone_id is None:
            return []
        words = f"{confirmed.code} {confirmed.text}"
        again = [
            each.looked_back_at(False, by, at_us, words)
            for each in self._held.values()
            if each.covers(confirmed.happened_at_us)
            and each.zone_id == confirmed.zone_id
            and self._code_of(each) == confirmed.code
        ]
        self._held |= {each.rectification_id: each for each in again}
        return again

    def _code_of(self, notice: Rectification) -> str:
        try:
            return self._credit.review(notice.review_id).code
        except Refused:
            return ""  # the item is not ours to know: nothing repeats it

    def _expect_one(
        self, request: ReportRectified | VerifyRectification, user: User
    ) -> Rectification:
        found = self._held.get(request.rectification_id)
        if found is None:
            raise Refused(Reason.of("no_such_rectification"))
        expect_in_scope(user, found.station)
        return found

    def _open_for(self, request: IssueRectification) -> Rectification | None:
        return next(
            (
                each
                for each in self._held.values()
                if each.review_id == request.review_id and each.is_open
            ),
            None,
        )

    def _next_number(self, at_us: int) -> str:
        head = f"ZG-{to_datetime(at_us).astimezone(self._plan.zone).year}-"
        counted = [
            int(each.number.removeprefix(head))
            for each in self._held.values()
            if each.number.startswith(head)
        ]
        return f"{head}{max(counted, default=0) + 1:04d}"


def _text(text: str, missing: str) -> str:
    text = text.strip()
    if not text:
        raise Refused(Reason.of(missing))
    if len(text) > TEXT_AT_MOST:
        raise Refused(Reason.of("report_too_long", most=TEXT_AT_MOST))
    return text
