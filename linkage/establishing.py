"""What a judge establishes when he confirms is allowed or refused here. Decisions only."""

from collections.abc import Collection

from domain.credit import ReviewItem, ReviewKind, ReviewState
from domain.ids import PersonId
from domain.judgements import CLAUSE_AT_MOST, NAMED_AT_MOST, Established
from domain.paperwork import User
from domain.requests import JudgeReview, Refused
from domain.responsibility import Reason


def established(
    review: ReviewItem, asked: JudgeReview, user: User, persons: Collection[PersonId]
) -> Established | None:
    """None where nothing is established: of credit, and where nothing is confirmed. Raises Refused."""
    if review.kind is not ReviewKind.VIOLATION or asked.verdict is not ReviewState.CONFIRMED:
        if asked.named or asked.clause.strip() or asked.found_by is not None:
            raise Refused(Reason.of("named_only_when_confirmed"))
        return None
    _expect_named(asked, user, persons)
    clause = asked.clause.strip()
    if not clause or asked.found_by is None:
        raise Refused(Reason.of("clause_needed"))
    if len(clause) > CLAUSE_AT_MOST:
        raise Refused(Reason.of("clause_too_long", most=CLAUSE_AT_MOST))
    return Established(named=asked.named, clause=clause, found_by=asked.found_by)


def _expect_named(asked: JudgeReview, user: User, persons: Collection[PersonId]) -> None:
    if not asked.named:
        raise Refused(Reason.of("nobody_named"))
    if len(asked.named) > NAMED_AT_MOST:
        raise Refused(Reason.of("too_many_named", most=NAMED_AT_MOST))
    known = [each.person_id for each in asked.named if each.person_id is not None]
    for person in known:
        if person not in persons:
            raise Refused(Reason.of("unknown_person", what=person))
        if known.count(person) > 1:
            raise Refused(Reason.of("named_twice", person=person))
    if user.person_id is not None and user.person_id in known:
        raise Refused(Reason.of("concerns_yourself"))
