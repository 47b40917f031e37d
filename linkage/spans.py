"""One item of the queue per stretch of time on one camera and rule: who judges must not judge the same man
twelve times because the tracker lost him. Decisions only; what is held here follows from the reviews."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from domain.clock import MINUTE_US
from domain.credit import ReviewItem, ReviewKind
from domain.ids import CameraId, review_id
from domain.judgements import Sighting
from domain.requests import ProposeViolation
from domain.violations import Proposal

GAP_US: Final = 10 * MINUTE_US  # nothing seen for longer: another stretch
LONGEST_US: Final = 60 * MINUTE_US
FILES_AT_MOST: Final = 60  # beyond them another item begins, so that no picture is left out


class Spans:
    """Which item a proposal belongs to."""

    def __init__(self, reviews: Iterable[ReviewItem] = ()) -> None:
        self._of_proposal: dict[UUID, UUID] = {}
        self._newest: dict[tuple[str, str], ReviewItem] = {}
        for review in sorted(reviews, key=lambda each: (each.created_at_us, each.review_id)):
            self.keep(review)

    def keep(self, review: ReviewItem) -> None:
        if review.sighting is None:
            return
        for proposal in review.sighting.proposals:
            self._of_proposal[proposal] = review.review_id
        key = (review.sighting.camera_id, review.code)
        known = self._newest.get(key)
        if known is None or _began(known) <= _began(review):
            self._newest[key] = review

    def item_of(self, told: ProposeViolation) -> UUID:
        """Its own item, that of the stretch into which it falls, or a new one."""
        proposal = told.proposal
        known = self._of_proposal.get(proposal.proposal_id)
        if known is not None:
            return known
        open_one = self._newest.get((proposal.camera, proposal.code))
        if open_one is not None and _takes(open_one, told):
            return open_one.review_id
        return review_id(ReviewKind.VIOLATION, proposal.proposal_id, proposal.code, "")


def with_sighting(before: Sighting | None, told: ProposeViolation) -> Sighting:
    """The stretch, with this proposal in it."""
    proposal = told.proposal
    seen = _own(told)
    if before is None:
        return seen
    proposals = before.proposals
    if proposal.proposal_id not in proposals:
        proposals = (*proposals, proposal.proposal_id)
    return Sighting(
        camera_id=before.camera_id,
        camera=told.camera,
        area=before.area or proposal.zone,
        began_us=min(before.began_us, seen.began_us),
        until_us=max(before.until_us, seen.until_us),
        proposals=proposals,
    )


def _own(told: ProposeViolation) -> Sighting:
    proposal = told.proposal
    return Sighting(
        camera_id=CameraId(proposal.camera),
        camera=told.camera,
        area=proposal.zone,
        began_us=proposal.began_at_us,
        until_us=_last_us(proposal),
        proposals=(proposal.proposal_id,),
    )


def _takes(review: ReviewItem, told: ProposeViolation) -> bool:
    span, proposal = review.sighting, told.proposal
    if span is None or not review.is_open or review.asset_id != told.asset_id:
        return False
    near = span.began_us - GAP_US <= proposal.began_at_us <= span.until_us + GAP_US
    short = _last_us(proposal) - span.began_us <= LONGEST_US
    return near and short and len(review.files) + len(told.files) <= FILES_AT_MOST


def _last_us(proposal: Proposal) -> int:
    return max(proposal.last_seen_us, proposal.proposed_at_us)


def _began(review: ReviewItem) -> int:
    return review.sighting.began_us if review.sighting else 0
