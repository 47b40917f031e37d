"""Credit: what the rule book proposes, and what a named person's judgement makes of it. Decisions only.

Nothing is credited twice: ids come from facts, and one event proposes one item for one person once.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Final
from uuid import UUID

from domain.assets import Condition
from domain.clock import to_datetime
from domain.credit import (
    OF_SIGHT,
    Account,
    Beneficiary,
    CreditEntry,
    CreditItem,
    Period,
    ReviewItem,
    ReviewKind,
    ReviewState,
    RuleBook,
    Trigger,
)
from domain.events import AlarmRaised
from domain.evidence import EvidenceFile
from domain.ids import PersonId, entry_id, from_request, review_id
from domain.incidents import Incident, IncidentState
from domain.judgements import FoundBy, WorkRole
from domain.paperwork import Role, Ticket, User
from domain.requests import (
    JudgeReview,
    ProposeCredit,
    ProposeReversal,
    ProposeViolation,
    Refused,
)
from domain.responsibility import Answer, Reason
from linkage.establishing import established
from linkage.plan import ViolationRule
from linkage.sightings import sighting_reasons
from linkage.spans import Spans, with_sighting

_VERDICTS: Final = frozenset({ReviewState.CONFIRMED, ReviewState.REJECTED, ReviewState.SENT_BACK})
_AUTHORITIES: Final[dict[Account, Role]] = {
    Account.SAFETY: Role.SAFETY_MANAGER,
    Account.PARTY: Role.PARTY_OFFICER,
    Account.TEAM: Role.SAFETY_MANAGER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What one judgement changes."""

    review: ReviewItem
    entries: tuple[CreditEntry, ...] = ()
    proposals: tuple[ReviewItem, ...] = ()


class CreditDesk:
    """Holds every review that may come again, and the entries, for caps and reversals."""

    def __init__(
        self,
        rule_book: RuleBook,
        violations: Iterable[ViolationRule],
        zone: tzinfo,
        reviews: Iterable[ReviewItem] = (),
        entries: Iterable[CreditEntry] = (),
        persons: Collection[PersonId] = (),
    ) -> None:
        """`persons`: who can be named in a judgement."""
        self._persons = frozenset(persons)
        self._rule_book = rule_book
        self._items = {item.item_id: item for item in rule_book.items}
        self._violations: dict[str, ViolationRule] = {
            point: rule for rule in violations for point in rule.points
        }
        self._zone = zone
        self._reviews = {review.review_id: review for review in reviews}
        self._spans = Spans(self._reviews.values())
        self._entries: dict[UUID, CreditEntry] = {}
        self._corrected: set[UUID] = set()
        self._sums: dict[tuple[object, ...], int] = {}
        for entry in entries:
            self._keep(entry)

    def learn(self, reviews: Iterable[ReviewItem], entries: Iterable[CreditEntry]) -> None:
        """What another partition's desk proposed or judged."""
        for review in reviews:
            known = self._reviews.get(review.review_id)
            if known is None or known.version < review.version:
                self.keep_review(review)
        for entry in entries:
            self._keep(entry)

    def review(self, review_id: UUID) -> ReviewItem:
        """Raises Refused."""
        review = self._reviews.get(review_id)
        if review is None:
            raise Refused(Reason.of("no_such_review"))
        return review

    def keep_review(self, review: ReviewItem) -> None:
        self._reviews[review.review_id] = review
        self._spans.keep(review)

    def breaks_a_rule(self, event: AlarmRaised) -> bool:
        return event.condition is Condition.SEEN or event.point in self._violations

    def at_its_level(
        self, event: AlarmRaised, tickets: Iterable[Ticket], station: str
    ) -> AlarmRaised:
        """As urgent as the rule says that it breaks: an interlock that is broken is level 1 (DOMAIN E5)."""
        rule = self._violations.get(event.point)
        if rule is None or rule.priority is None:
            return event
        if _is_permitted(rule, event, tickets, station):
            return event
        return replace(event, priority=min(event.priority, rule.priority))

    def violation_of(
        self,
        event: AlarmRaised,
        answer: Answer,
        incident: UUID | None,
        tickets: Iterable[Ticket],
        station: str,
    ) -> Iterator[ReviewItem]:
        """A proposal with its evidence, unless a ticket permits what happened."""
        rule = self._violations.get(event.point)
        if rule is None or _is_permitted(rule, event, tickets, station):
            return
        yield from self._new(
            ReviewItem(
                review_id=review_id(ReviewKind.VIOLATION, event.event_id, rule.rule_id, ""),
                kind=ReviewKind.VIOLATION,
                created_at_us=event.detected_at_us,
                proposed_by=f"rule:{rule.rule_id}",
                text=rule.text,
                code=rule.code,
                rule_version=self._rule_book.version,
                event_id=event.event_id,
                incident_id=incident,
                asset_id=event.asset_id,
                zone_id=answer.zone_id,
                owner_id=answer.owner.person_id if answer.owner else None,
                reasons=(
                    Reason.of("violation_rule", rule=rule.text, code=rule.code),
                    *answer.reasons,
                ),
                evidence=self._evidence(event, answer, station),
                level=event.priority,
            )
        )

    def sighted(
        self,
        told: ProposeViolation,
        event_id: UUID,
        answer: Answer,
        incident: UUID | None,
        at_us: int,
    ) -> tuple[UUID, ReviewItem | None]:
        """The item for a person, with everything of its stretch of time; None where a person has judged it
        already."""
        proposal = told.proposal
        known = self._spans.item_of(told)
        before = self._reviews.get(known)
        if before is not None and not before.is_open:
            return known, None
        sighting = with_sighting(before.sighting if before else None, told)
        seen = ReviewItem(
            review_id=known,
            kind=ReviewKind.VIOLATION,
            created_at_us=before.created_at_us if before else at_us,
            proposed_by=f"rule:{proposal.code}",
            text=told.text,
            code=proposal.code,
            rule_version=self._rule_book.version,
            event_id=before.event_id if before else event_id,
            incident_id=before.incident_id if before else incident,
            asset_id=told.asset_id,
            zone_id=before.zone_id if before else answer.zone_id,
            owner_id=before.owner_id if before else _owner_of(answer),
            reasons=(*sighting_reasons(told, sighting), *answer.reasons),
            files=_together(before.files if before else (), told.files),
            level=min(proposal.level, (before and before.level) or proposal.level),
            sighting=sighting,
            state=before.state if before else ReviewState.PROPOSED,
            version=before.version + 1 if before else 1,
        )
        self.keep_review(seen)
        return known, seen

    def handled(self, incident: Incident) -> Iterator[ReviewItem]:
        """What handling earns: acknowledged, and over by itself. The click alone earns none."""
        if incident.state is not IncidentState.CLOSED or incident.closed_by is not None:
            return
        if incident.acknowledged_at_us is None:
            return
        took_us = incident.acknowledged_at_us - incident.opened_at_us
        for item in self._triggered(Trigger.INCIDENT_HANDLED):
            in_time = item.within_us is None or took_us <= item.within_us
            if not in_time or incident.priority > item.at_least:
                continue
            person = _beneficiary(item, incident.answer)
            if person is None:
                continue
            took = Reason.of("handled_within", seconds=round(took_us / 1_000_000))
            yield from self._new(
                self._credit(
                    item, person, incident.incident_id, incident.closed_at_us or 0, (took,)
                ),
                incident_id=incident.incident_id,
                asset_id=incident.asset_id,
                zone_id=incident.answer.zone_id,
            )

    def propose(
        self, asked: ProposeCredit | ProposeReversal, user: User, request: UUID, at_us: int
    ) -> ReviewItem:
        """By hand. Raises Refused."""
        if not asked.words.strip():
            raise Refused(Reason.of("words_needed"))
        match asked:
            case ProposeCredit():
                review = self._by_hand(asked, user, request, at_us)
            case ProposeReversal():
                review = self._reversal(asked, user, at_us)
        self.keep_review(review)
        return review

    def judge(self, asked: JudgeReview, user: User, at_us: int) -> Judged:
        """Raises Refused: to whom it concerns, to who proposed it, without the words that are needed."""
        review = self.open_review(asked.review_id)
        self.expect_authority(review, user)
        _expect_words(review, asked)
        found = established(review, asked, user, self._persons)
        judged = review.judged(asked.verdict, user.name, at_us, asked.words.strip())
        if found is not None:
            doer = next(iter(found.in_role(WorkRole.DOER)), None)
            judged = replace(judged, established=found, person_id=doer)
        entries: tuple[CreditEntry, ...] = ()
        proposals: tuple[ReviewItem, ...] = ()
        if asked.verdict is ReviewState.CONFIRMED:
            if review.kind is ReviewKind.VIOLATION:
                proposals = tuple(self._of_violation(judged, at_us))
            elif review.kind not in OF_SIGHT:
                entries = (self._entry(judged, user, at_us),)
        self.keep_review(judged)
        for entry in entries:
            self._keep(entry)
        return Judged(review=judged, entries=entries, proposals=proposals)

    def open_review(self, review_id: UUID) -> ReviewItem:
        """Raises Refused."""
        review = self.review(review_id)
        if not review.is_open:
            raise Refused(Reason.of("already_judged", by=review.judged_by or ""))
        return review

    def _evidence(self, event: AlarmRaised, answer: Answer, station: str) -> tuple[str, ...]:
        at = to_datetime(event.started_at_us).astimezone(self._zone)
        acting = answer.acting.name if answer.acting else "-"
        return (
            f"{at:%Y-%m-%d %H:%M:%S} {station} {event.signal} = {event.value:g} ({event.point})",
            f"工作票 / ticket: 0 ({station} {event.asset_id})",
            f"当值 / on duty: {acting} {answer.duty_date} {answer.shift}".rstrip(),
        )

    def _triggered(self, trigger: Trigger) -> Iterator[CreditItem]:
        for item in self._rule_book.items:
            wanted = item.account is not Account.PARTY or self._rule_book.party_module
            if item.trigger is trigger and wanted:
                yield item

    def _of_violation(self, violation: ReviewItem, at_us: int) -> Iterator[ReviewItem]:
        """Each is a proposal of its own: nothing is deducted by confirming that it happened."""
        for item in self._triggered(Trigger.VIOLATION_CONFIRMED):
            if item.codes and violation.code not in item.codes:
                continue
            if item.found_by and _found_by(violation) not in item.found_by:
                continue
            # what a unit finds itself is not scored again (DOMAIN G3)
            if item.points_hundredths < 0 and _found_by(violation) is FoundBy.UNIT:
                continue
            why = Reason.of("violation_confirmed", code=violation.code, by=violation.judged_by)
            about = violation.event_id or violation.review_id
            for person in _concerned(item, violation):
                yield from self._new(
                    self._credit(item, person, about, at_us, (why,)),
                    incident_id=violation.incident_id,
                    asset_id=violation.asset_id,
                    zone_id=violation.zone_id,
                )

    def _credit(
        self,
        item: CreditItem,
        person: PersonId,
        about: UUID,
        at_us: int,
        reasons: tuple[Reason, ...],
    ) -> ReviewItem:
        return ReviewItem(
            review_id=review_id(ReviewKind.CREDIT, about, item.item_id, person),
            kind=ReviewKind.CREDIT,
            created_at_us=at_us,
            proposed_by=f"rule:{item.item_id}",
            text=item.text,
            item_id=item.item_id,
            rule_version=self._rule_book.version,
            account=item.account,
            person_id=person,
            points_hundredths=item.points_hundredths,
            event_id=about,
            reasons=(self._rule_reason(item), *reasons),
            shadow=self._is_shadow(item.points_hundredths),
        )

    def _rule_reason(self, item: CreditItem) -> Reason:
        return Reason.of(
            "credit_rule",
            book=self._rule_book.name,
            version=self._rule_book.version,
            item=item.text,
        )

    def _is_shadow(self, points_hundredths: int) -> bool:
        return self._rule_book.shadow or (points_hundredths < 0 and not self._rule_book.deductions)

    def _new(self, review: ReviewItem, **more: object) -> Iterator[ReviewItem]:
        """Nothing where it was proposed before."""
        if review.review_id not in self._reviews:
            review = replace(review, **more)  # type: ignore[arg-type]
            self._reviews[review.review_id] = review
            yield review

    def _by_hand(self, asked: ProposeCredit, user: User, request: UUID, at_us: int) -> ReviewItem:
        item = self._items.get(asked.item_id)
        if item is None or item.trigger is not Trigger.BY_HAND:
            raise Refused(Reason.of("no_item_by_hand", item=asked.item_id))
        if item.account is Account.PARTY and not self._rule_book.party_module:
            raise Refused(Reason.of("party_module_off"))
        about = from_request(request, "credit")
        proposed = self._credit(
            item, asked.person_id, about, at_us, (Reason.of("said", words=asked.words.strip()),)
        )
        return replace(proposed, proposed_by=user.name)

    def _reversal(self, asked: ProposeReversal, user: User, at_us: int) -> ReviewItem:
        entry = self._entries.get(asked.entry_id)
        if entry is None:
            raise Refused(Reason.of("no_such_entry"))
        if entry.corrects is not None:
            raise Refused(Reason.of("is_a_correction"))
        if entry.entry_id in self._corrected:
            raise Refused(Reason.of("already_corrected"))
        review = ReviewItem(
            review_id=review_id(
                ReviewKind.REVERSAL, entry.entry_id, entry.item_id, entry.person_id
            ),
            kind=ReviewKind.REVERSAL,
            created_at_us=at_us,
            proposed_by=user.name,
            text=self._items[entry.item_id].text if entry.item_id in self._items else entry.item_id,
            item_id=entry.item_id,
            rule_version=entry.rule_version,
            account=entry.account,
            person_id=entry.person_id,
            points_hundredths=-entry.points_hundredths,
            event_id=entry.event_id,
            zone_id=entry.zone_id,
            corrects=entry.entry_id,
            reasons=(Reason.of("reversal", words=asked.words.strip()),),
            shadow=entry.shadow,
        )
        before = self._reviews.get(review.review_id)
        if before is None:
            return review
        if before.is_open:
            raise Refused(Reason.of("already_proposed", by=before.proposed_by))
        # it was rejected before: a new appeal is a later version of the same question
        return replace(review, version=before.version + 1)

    def expect_authority(self, review: ReviewItem, user: User) -> None:
        wanted = _AUTHORITIES[review.account] if review.account else Role.SAFETY_MANAGER
        if wanted not in user.roles:
            raise Refused(Reason.of("not_the_authority", role=wanted.value))
        if review.proposed_by == user.name:
            raise Refused(Reason.of("second_person"))
        if review.person_id and review.person_id == user.person_id:
            raise Refused(Reason.of("concerns_yourself"))
        if review.account is Account.PARTY and not self._rule_book.party_module:
            raise Refused(Reason.of("party_module_off"))
        original = self._entries.get(review.corrects) if review.corrects else None
        if original and original.confirmed_by == user.name:
            raise Refused(Reason.of("confirmed_it_yourself"))

    def _entry(self, review: ReviewItem, user: User, at_us: int) -> CreditEntry:
        assert review.account is not None
        assert review.person_id is not None
        points, reasons = review.points_hundredths, review.reasons
        item = self._items.get(review.item_id)
        effective_at_us = review.created_at_us
        if review.corrects:
            effective_at_us = self._entries[review.corrects].effective_at_us
        elif item and item.cap_hundredths is not None:
            points = self._capped(review, item)
            if points != review.points_hundredths:
                cap = Reason.of(
                    "capped", cap=_decimal(item.cap_hundredths), period=item.period.value
                )
                reasons = (*reasons, cap)
        return CreditEntry(
            entry_id=entry_id(review.review_id),
            account=review.account,
            person_id=review.person_id,
            item_id=review.item_id,
            rule_version=review.rule_version,
            points_hundredths=points,
            event_id=review.event_id or review.review_id,
            review_id=review.review_id,
            zone_id=review.zone_id,
            effective_at_us=effective_at_us,
            recorded_at_us=at_us,
            confirmed_by=user.name,
            reasons=reasons,
            corrects=review.corrects,
            shadow=review.shadow,
        )

    def _capped(self, review: ReviewItem, item: CreditItem) -> int:
        """So much of it that the item's balance in this period stays within the cap, both ways."""
        cap = item.cap_hundredths or 0
        key = self._sum_key(
            review.account, review.person_id, item.item_id, review.created_at_us, review.shadow
        )
        balance = self._sums.get(key, 0)
        wanted = review.points_hundredths
        if wanted > 0:
            return max(0, min(wanted, cap - balance))
        return min(0, max(wanted, -cap - balance))

    def _keep(self, entry: CreditEntry) -> None:
        if entry.entry_id in self._entries:
            return
        self._entries[entry.entry_id] = entry
        if entry.corrects:
            self._corrected.add(entry.corrects)
        key = self._sum_key(
            entry.account, entry.person_id, entry.item_id, entry.effective_at_us, entry.shadow
        )
        self._sums[key] = self._sums.get(key, 0) + entry.points_hundredths

    def _sum_key(
        self, account: Account | None, person: str | None, item_id: str, at_us: int, shadow: bool
    ) -> tuple[object, ...]:
        item = self._items.get(item_id)
        period = _period(at_us, item.period if item else Period.YEAR, self._zone)
        return (account, person, item_id, period, shadow)


def _period(at_us: int, period: Period, zone: tzinfo) -> str:
    """2026 or 2026Q4, by the people's calendar."""
    at = to_datetime(at_us).astimezone(zone)
    return f"{at.year}" if period is Period.YEAR else f"{at.year}Q{(at.month + 2) // 3}"


def _beneficiary(item: CreditItem, answer: Answer) -> PersonId | None:
    party = {Beneficiary.ZONE_OWNER: answer.owner, Beneficiary.ACTING: answer.acting}.get(item.to)
    # the one person of a small site has no id, and no account
    return party.person_id or None if party else None


# doer, work leader and guardian answer apart, each by an item of his own (DOMAIN G3)
_ROLES: Final = {
    Beneficiary.NAMED: WorkRole.DOER,
    Beneficiary.WORK_LEADER: WorkRole.WORK_LEADER,
    Beneficiary.GUARDIAN: WorkRole.GUARDIAN,
}


def _concerned(item: CreditItem, violation: ReviewItem) -> tuple[PersonId, ...]:
    if item.to in _ROLES:
        found = violation.established
        return () if found is None else found.in_role(_ROLES[item.to])
    owner = violation.owner_id if item.to is Beneficiary.ZONE_OWNER else None
    return (owner,) if owner else ()


def _found_by(violation: ReviewItem) -> FoundBy | None:
    return None if violation.established is None else violation.established.found_by


def _expect_words(review: ReviewItem, asked: JudgeReview) -> None:
    needs = (
        asked.verdict is not ReviewState.CONFIRMED
        or review.kind is not ReviewKind.CREDIT
        or review.points_hundredths < 0
    )
    if asked.verdict not in _VERDICTS:
        raise Refused(Reason.of("no_verdict"))
    if needs and not asked.words.strip():
        raise Refused(Reason.of("words_needed"))


def _decimal(hundredths: int) -> str:
    return f"{hundredths / 100:g}"


def _owner_of(answer: Answer) -> PersonId | None:
    return answer.owner.person_id if answer.owner else None


def _together(
    before: tuple[EvidenceFile, ...], more: tuple[EvidenceFile, ...]
) -> tuple[EvidenceFile, ...]:
    """In the order of their moments; the same file once."""
    known = {each.sha256: each for each in (*before, *more)}
    return tuple(sorted(known.values(), key=lambda each: (each.at_us, each.sha256)))


def _is_permitted(
    rule: ViolationRule, event: AlarmRaised, tickets: Iterable[Ticket], station: str
) -> bool:
    """By an open ticket at the place."""
    return rule.unless_ticket and any(
        ticket.permits_work(event.asset_id, station, event.started_at_us) for ticket in tickets
    )
