"""The review queue: stretches of time, duplicates, reports by hand, notices, rejected too often."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid5

import pytest

from domain.access import VISION
from domain.assets import Condition, Priority
from domain.changes import Changes
from domain.clock import MINUTE_US, SECOND_US
from domain.credit import ReviewItem, ReviewKind, ReviewState
from domain.events import AlarmCleared, AlarmRaised
from domain.evidence import Box, EvidenceFile, EvidenceKind
from domain.ids import AssetId, ZoneId
from domain.judgements import FoundBy, Named, WorkRole
from domain.organisation import Coverage
from domain.paperwork import Role, User
from domain.records import Requested, Ticked
from domain.rectification import Rectification, RectificationState
from domain.requests import JudgeReview, ProposeViolation, Request
from domain.review_requests import (
    IssueRectification,
    MarkDuplicates,
    ReportByHand,
    ReportRectified,
    SeeReviews,
    VerifyRectification,
)
from domain.violations import CANNOT_BE_ASKED, Code, Place, Proposal
from domain.wording import alarm_text
from linkage.desk import Held
from linkage.linkage import Linkage
from linkage.plan import RejectionBound
from tests.support.alarms import TEN_US, TRANSFORMER, plan_with
from tests.support.people import PEOPLE

DAY_US = 24 * 60 * MINUTE_US
STATION = TRANSFORMER.station
SAFETY = User(name="safety", password="x", roles=frozenset({Role.SAFETY_MANAGER}))
SECOND = replace(SAFETY, name="second")
VIEWER = replace(SAFETY, name="viewer", roles=frozenset({Role.VIEWER}))
DUTY = replace(SAFETY, name="duty", roles=frozenset({Role.DUTY}))
ELSEWHERE = replace(SAFETY, name="elsewhere", stations=frozenset({"另一站"}))
USERS = (SAFETY, SECOND, VIEWER, DUTY, ELSEWHERE)
STRANGER = Named(person_id=None, role=WorkRole.DOER)
PHOTO = EvidenceFile(
    sha256="a" * 64,
    media_type="image/jpeg",
    kind=EvidenceKind.PHOTO,
    at_us=TEN_US,
    size=100,
)


class Queue:
    """A linkage, the cameras' process and people who ask; `restart` begins from what was recorded."""

    def __init__(self, **held: Any) -> None:
        self.plan = replace(plan_with(), rejections=RejectionBound(at_least=4))
        self.linkage = Linkage(self.plan, held=Held(users=USERS, **held))
        self.at_us = TEN_US
        self.reviews: dict[UUID, ReviewItem] = {}
        self.notices: dict[UUID, Rectification] = {}
        self.alarms: dict[UUID, Any] = {}
        self.asked = 0

    def ask(self, request: Request, actor: str = "safety") -> Changes:
        self.asked += 1
        number = uuid5(UUID(int=1), f"{actor} {self.asked}")
        asked = Requested(at_us=self.at_us, request_id=number, actor=actor, request=request)
        return self._kept(self.linkage.decide(asked, []))

    def tick(self) -> Changes:
        return self._kept(self.linkage.decide(Ticked(at_us=self.at_us), []))

    def _kept(self, changes: Changes) -> Changes:
        self.reviews |= {each.review_id: each for each in changes.reviews}
        self.notices |= {each.rectification_id: each for each in changes.rectifications}
        self.alarms |= {each.event_id: each for each in changes.alarms}
        return changes

    def restart(self) -> "Queue":
        again = Queue(
            reviews=tuple(self.reviews.values()),
            rectifications=tuple(self.notices.values()),
            alarms=tuple(each for each in self.alarms.values() if each.is_open),
        )
        again.at_us, again.asked = self.at_us, self.asked
        again.reviews, again.notices = dict(self.reviews), dict(self.notices)
        again.alarms = dict(self.alarms)
        return again

    def sees(self, track: int, after_s: float, files: Iterable[EvidenceFile] = ()) -> UUID:
        began_us = TEN_US + round(after_s * SECOND_US)
        self.at_us = max(self.at_us, began_us)
        return subject(self.ask(sighting(track, began_us, files), VISION))

    def judge(self, review: UUID, verdict: ReviewState, actor: str = "safety") -> Changes:
        whole: dict[str, Any] = {}
        if verdict is ReviewState.CONFIRMED:
            whole = {"named": (STRANGER,), "clause": "安规 4.2", "found_by": FoundBy.MACHINE}
        return self.ask(
            JudgeReview(review_id=review, verdict=verdict, words="看过", **whole), actor
        )

    def report(self, actor: str = "duty", **changes: Any) -> Changes:
        return self.ask(replace(HAZARD, **{"at_us": self.at_us} | changes), actor)


HAZARD = ReportByHand(
    kind=ReviewKind.HAZARD, station=STATION, text="电缆沟盖板缺失", at_us=TEN_US, files=(PHOTO,)
)


def sighting(
    track: int, began_us: int, files: Iterable[EvidenceFile] = (), camera: str = "cam"
) -> ProposeViolation:
    proposal = Proposal(
        proposal_id=uuid5(UUID(int=0), f"{camera} {track} {began_us}"),
        camera=camera,
        code=Code.NO_HELMET,
        track=track,
        place=Place(station=STATION),
        level=Priority.MAJOR,
        began_at_us=began_us,
        proposed_at_us=began_us + SECOND_US,
        score=0.9,
        box=(0, 0, 10, 10),
        ticket=CANNOT_BE_ASKED,
        last_seen_us=began_us + 5 * SECOND_US,
    )
    return ProposeViolation(
        proposal=proposal,
        asset_id=TRANSFORMER.asset_id,
        camera="1号摄像机",
        text="未戴安全帽",
        files=tuple(files),
    )


def subject(changes: Changes) -> UUID:
    (handled,) = changes.handled
    assert handled.done, handled.why
    return UUID(handled.subject)


def refusal(changes: Changes) -> str:
    (handled,) = changes.handled
    assert not handled.done
    assert handled.why is not None
    changed = (changes.reviews, changes.rectifications, changes.review_marks)
    assert not any(changed), "a refusal changes nothing"
    return handled.why.code


# -- one item per stretch of time -----------------------------------------------------------------


def test_what_the_tracker_loses_and_finds_again_is_one_item() -> None:
    queue = Queue()
    first = queue.sees(1, 0)
    assert queue.sees(2, 60) == first
    assert queue.sees(3, 9 * 60) == first
    review = queue.reviews[first]
    assert review.sighting is not None
    assert len(review.sighting.proposals) == 3
    assert review.sighting.until_us == TEN_US + (9 * 60 + 5) * SECOND_US
    assert "seen_times" in [each.code for each in review.reasons]


def test_a_long_gap_an_hour_a_judgement_or_many_pictures_begin_another_item() -> None:
    queue = Queue()
    first = queue.sees(1, 0)
    later = queue.sees(2, 16 * 60)
    assert later != first
    queue.judge(later, ReviewState.REJECTED)
    assert queue.sees(3, 17 * 60) not in {first, later}
    often = [queue.sees(track, 17 * 60 + 300 * track) for track in range(4, 20)]
    assert len(set(often)) == 2  # an hour each
    many = [replace(PHOTO, sha256=f"{number:064x}") for number in range(60)]
    full = queue.sees(30, 3 * 3600, many)
    assert queue.sees(31, 3 * 3600 + 20, [PHOTO]) != full


def test_a_repeat_of_a_proposal_finds_its_item_also_after_a_restart() -> None:
    queue = Queue()
    first = queue.sees(1, 0)
    queue.sees(2, 30)
    again = queue.restart()
    assert again.sees(2, 30) == first
    assert again.sees(3, 90) == first
    sighting = again.reviews[first].sighting
    assert sighting is not None
    assert len(sighting.proposals) == 3
    again.judge(first, ReviewState.CONFIRMED)
    version = again.reviews[first].version
    assert again.sees(2, 30) == first
    assert again.reviews[first].version == version  # judged: nothing changes it


# -- duplicates and what somebody has seen ---------------------------------------------------------


def test_duplicates_go_with_the_one_that_is_judged() -> None:
    queue = Queue()
    kept = queue.sees(1, 0)
    others = (queue.sees(2, 20 * 60), subject(queue.report()))
    queue.ask(MarkDuplicates(review_ids=others, of=kept, words="同一件事"))
    assert [queue.reviews[each].state for each in others] == [ReviewState.DUPLICATE] * 2
    assert [queue.reviews[each].same_as for each in others] == [kept] * 2
    assert queue.reviews[kept].state is ReviewState.PROPOSED
    assert refusal(queue.judge(others[0], ReviewState.CONFIRMED)) == "already_judged"


def test_nonsense_about_duplicates_is_refused_whole() -> None:
    queue = Queue()
    one, two = queue.sees(1, 0), queue.sees(2, 20 * 60)

    def asked(*reviews: UUID, of: UUID = one, actor: str = "safety") -> str:
        return refusal(queue.ask(MarkDuplicates(review_ids=reviews, of=of), actor))

    assert asked() == "nothing_chosen"
    assert asked(*[two] * 201) == "too_many_chosen"
    assert asked(two, one) == "duplicate_of_itself"
    assert asked(two, UUID(int=5)) == "no_such_review"
    assert asked(two, of=UUID(int=5)) == "no_such_review"
    assert asked(two, actor="duty") == "not_allowed"
    assert asked(two, actor="elsewhere") == "out_of_scope"
    assert queue.reviews[two].is_open
    queue.ask(MarkDuplicates(review_ids=(two,), of=one))
    three = queue.sees(3, 40 * 60)
    assert asked(three, of=two) == "is_a_duplicate"


def test_who_has_seen_what_is_his_own() -> None:
    queue = Queue()
    review = queue.sees(1, 0)
    (mark,) = queue.ask(SeeReviews(review_ids=(review,)), "viewer").review_marks
    assert (mark.user, mark.review_id, mark.version) == ("viewer", review, 1)
    assert refusal(queue.ask(SeeReviews(review_ids=(review,)), "elsewhere")) == "out_of_scope"


def test_nobody_judges_what_lies_outside_his_stations() -> None:
    queue = Queue()
    review = queue.sees(1, 0)
    assert refusal(queue.judge(review, ReviewState.REJECTED, "elsewhere")) == "out_of_scope"


# -- reports by hand ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [ReviewKind.VIOLATION, ReviewKind.HAZARD, ReviewKind.DEFECT])
def test_a_report_by_hand_waits_like_a_camera_s(kind: ReviewKind) -> None:
    queue = Queue()
    made = subject(queue.report("viewer", kind=kind, asset_id=TRANSFORMER.asset_id))
    review = queue.reviews[made]
    assert (review.kind, review.proposed_by, review.state) == (
        kind,
        "viewer",
        ReviewState.PROPOSED,
    )
    assert (review.station, review.level, review.files) == (STATION, Priority.MINOR, (PHOTO,))
    queue.ask(JudgeReview(review_id=made, verdict=ReviewState.SENT_BACK, words="补照片"))
    assert queue.reviews[made].state is ReviewState.SENT_BACK
    whole = JudgeReview(review_id=made, verdict=ReviewState.CONFIRMED, words="属实")
    if kind is ReviewKind.VIOLATION:
        assert refusal(queue.ask(whole)) == "nobody_named"
        queue.judge(made, ReviewState.CONFIRMED)
    else:
        queue.ask(whole)  # of a hole in the ground nobody is named
    assert queue.reviews[made].state is ReviewState.CONFIRMED


@pytest.mark.parametrize(
    ("covered", "zone"),
    [
        pytest.param((True, True), "z-ly", id="all-of-its-devices"),
        pytest.param((True, False), None, id="half-of-them-say-nothing"),
        pytest.param((False, False), None, id="none"),
    ],
)
def test_a_report_without_a_device_is_of_the_zone_of_its_place(
    covered: tuple[bool, ...], zone: str | None
) -> None:
    devices = [TRANSFORMER, replace(TRANSFORMER, asset_id=AssetId("LY/2T"))]
    inside = {each.asset_id for each, is_in in zip(devices, covered, strict=True) if is_in}
    of_station = replace(PEOPLE.zones[0], coverage=(Coverage(assets=frozenset(inside)),))
    queue = Queue()
    plan = replace(
        queue.plan,
        assets={each.asset_id: each for each in devices},
        organisation=replace(PEOPLE, zones=(of_station,)),
        responsible=None,
    )
    queue.linkage = Linkage(plan, held=Held(users=USERS))
    review = queue.reviews[subject(queue.report())]
    assert review.zone_id == zone
    assert ("zone_of_station" in {each.code for each in review.reasons}) == (zone is not None)
    assert (review.owner_id is not None) == (zone is not None)


def test_who_reports_does_not_judge() -> None:
    queue = Queue()
    made = subject(queue.report("safety"))
    assert refusal(queue.judge(made, ReviewState.REJECTED)) == "second_person"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"kind": ReviewKind.CREDIT}, "report_kind", id="credit"),
        pytest.param({"station": "月球"}, "unknown_place", id="no-such-station"),
        pytest.param({"asset_id": AssetId("ghost")}, "unknown_place", id="no-such-device"),
        pytest.param({"text": " \n"}, "report_text_needed", id="no-text"),
        pytest.param({"text": "x" * 501}, "report_too_long", id="a-novel"),
        pytest.param({"code": "PPE-01"}, "report_code", id="a-hazard-has-no-code"),
        pytest.param(
            {"kind": ReviewKind.VIOLATION, "code": "<b>"}, "report_code", id="a-code-of-markup"
        ),
        pytest.param({"at_us": TEN_US + 2 * MINUTE_US}, "report_time", id="tomorrow"),
        pytest.param({"at_us": TEN_US - 31 * DAY_US}, "report_time", id="last-year"),
        pytest.param({"files": (PHOTO,) * 6}, "too_many_photos", id="six-photos"),
        pytest.param(
            {"files": (replace(PHOTO, sha256="../../etc/passwd"),)}, "no_photo", id="a-path"
        ),
        pytest.param(
            {"files": (replace(PHOTO, media_type="text/html"),)}, "no_photo", id="no-picture"
        ),
        pytest.param(
            {
                "files": (
                    replace(
                        PHOTO,
                        boxes=(Box(left=0, top=0, right=1, bottom=1, what="head", score=1),),
                    ),
                )
            },
            "no_photo",
            id="boxes-made-up",
        ),
    ],
)
def test_nonsense_is_not_reported(changes: dict[str, Any], code: str) -> None:
    assert refusal(Queue().report(**changes)) == code


def test_nobody_reports_outside_his_stations() -> None:
    assert refusal(Queue().report("elsewhere")) == "out_of_scope"


# -- rectification --------------------------------------------------------------------------------


def confirmed(queue: Queue) -> UUID:
    review = queue.sees(queue.asked, 20 * 60 * queue.asked)
    queue.judge(review, ReviewState.CONFIRMED)
    return review


def issue(queue: Queue, review: UUID, **changes: Any) -> Changes:
    asked = IssueRectification(
        review_id=review, measure="补齐安全帽, 班前检查", due_us=queue.at_us + 7 * DAY_US
    )
    return queue.ask(replace(asked, **changes))


def test_a_notice_is_closed_only_when_another_person_finds_the_cause_gone() -> None:
    queue = Queue()
    notice = subject(issue(queue, confirmed(queue)))
    assert queue.notices[notice].number == "ZG-2025-0001"
    done = ReportRectified(
        rectification_id=notice, words="已补齐", root_cause="进站无人检查", files=(PHOTO,)
    )

    def look(gone: bool, actor: str = "safety") -> Changes:
        return queue.ask(
            VerifyRectification(rectification_id=notice, cause_gone=gone, words="看过"), actor
        )

    assert refusal(look(True)) == "rectification_not_done"
    queue.ask(done, "safety")
    assert refusal(look(True)) == "verified_by_another"
    look(False, "second")
    assert queue.notices[notice].state is RectificationState.ISSUED
    assert queue.notices[notice].sent_back == 1
    queue = queue.restart()
    queue.ask(done, "duty")
    look(True, "second")
    closed = queue.notices[notice]
    assert (closed.state, closed.looked_by) == (RectificationState.CLOSED, "second")
    assert (closed.root_cause, closed.files) == ("进站无人检查", (PHOTO, PHOTO))
    assert refusal(queue.ask(done, "duty")) == "rectification_not_issued"


def closed(queue: Queue) -> UUID:
    """A notice of a bare head, rectified and verified."""
    notice = subject(issue(queue, confirmed(queue)))
    queue.ask(
        ReportRectified(rectification_id=notice, words="已补齐", root_cause="无人检查"), "safety"
    )
    look(queue, notice, True)
    assert queue.notices[notice].state is RectificationState.CLOSED
    return notice


def look(queue: Queue, notice: UUID, gone: bool, actor: str = "second") -> Changes:
    return queue.ask(
        VerifyRectification(rectification_id=notice, cause_gone=gone, words="看过"), actor
    )


def test_a_closed_notice_is_looked_back_at_after_thirty_and_after_ninety_days() -> None:
    queue = Queue()
    notice = closed(queue)
    closed_at_us = queue.at_us
    for days, looks in ((30, 1), (90, 2)):
        queue.at_us = closed_at_us + days * DAY_US - 1
        assert refusal(look(queue, notice, True)) == "look_back_later"
        queue = queue.restart()
        queue.at_us += 1
        assert queue.notices[notice].wants_look_back(queue.at_us)
        assert refusal(look(queue, notice, True, "safety")) == "verified_by_another"
        look(queue, notice, True)
        assert queue.notices[notice].looked_back == looks
    queue.at_us += 300 * DAY_US
    assert refusal(look(queue, notice, True)) == "look_back_over"
    assert queue.notices[notice].state is RectificationState.CLOSED


def test_what_is_there_again_is_to_be_done_again() -> None:
    queue = Queue()
    notice = closed(queue)
    before = queue.notices[notice]
    queue.at_us += 30 * DAY_US
    look(queue, notice, False)
    again = queue.notices[notice]
    assert (again.state, again.sent_back) == (RectificationState.ISSUED, 1)
    assert again.due_us - queue.at_us == before.due_us - before.issued_at_us
    queue.ask(ReportRectified(rectification_id=notice, words="x", root_cause="y"), "duty")
    look(queue, notice, True)
    due_us = queue.notices[notice].look_back_us
    assert due_us == queue.at_us + 30 * DAY_US, "the looks begin anew"


@pytest.mark.parametrize(
    ("days", "zone", "opened"),
    [
        pytest.param(40, "z-ly", True, id="the-same-rule-in-the-same-zone"),
        pytest.param(91, "z-ly", False, id="after-ninety-days"),
        pytest.param(40, "z-gc", False, id="in-another-zone"),
        pytest.param(40, None, False, id="in-no-zone"),
    ],
)
def test_the_same_rule_in_the_same_zone_opens_a_notice_again(
    days: int, zone: str | None, opened: bool
) -> None:
    queue = Queue()
    notice = closed(queue)
    of_zone = replace(queue.notices[notice], zone_id=None if zone is None else ZoneId("z-ly"))
    queue.notices[notice] = of_zone
    queue.at_us += days * DAY_US
    queue = queue.restart()
    review = queue.sees(7, (queue.at_us - TEN_US) / SECOND_US)
    seen = replace(queue.reviews[review], zone_id=None if zone is None else ZoneId(zone))
    queue.reviews[review] = seen
    queue = queue.restart()
    changes = queue.judge(review, ReviewState.CONFIRMED)
    assert [each.rectification_id for each in changes.rectifications] == [notice] * opened
    kept = queue.notices[notice]
    assert kept.is_open == opened
    assert ("PPE-01" in kept.looked_back_words) == opened


def test_numbers_go_on_after_a_restart_and_one_item_has_one_open_notice() -> None:
    queue = Queue()
    first = confirmed(queue)
    issue(queue, first)
    again = queue.restart()
    assert refusal(issue(again, first)) == "rectification_open"
    second = subject(issue(again, confirmed(again)))
    assert again.notices[second].number == "ZG-2025-0002"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"measure": " "}, "measure_needed", id="nothing-demanded"),
        pytest.param({"measure": "x" * 1001}, "report_too_long", id="a-novel"),
        pytest.param({"due_us": TEN_US}, "due_time", id="yesterday"),
        pytest.param({"due_us": 2**60}, "due_time", id="in-a-thousand-years"),
        pytest.param({"review_id": UUID(int=9)}, "no_such_review", id="of-nothing"),
    ],
)
def test_a_notice_must_make_sense(changes: dict[str, Any], code: str) -> None:
    queue = Queue()
    assert refusal(issue(queue, confirmed(queue), **changes)) == code


def test_what_was_not_confirmed_is_not_rectified() -> None:
    queue = Queue()
    assert refusal(issue(queue, queue.sees(1, 0))) == "rectify_confirmed_only"


def test_done_needs_its_root_cause() -> None:
    queue = Queue()
    notice = subject(issue(queue, confirmed(queue)))
    bare = ReportRectified(rectification_id=notice, words="好了", root_cause=" ")
    assert refusal(queue.ask(bare, "duty")) == "root_cause_needed"
    ghost = replace(bare, rectification_id=UUID(int=3))
    assert refusal(queue.ask(ghost, "duty")) == "no_such_rectification"
    assert refusal(queue.ask(bare, "elsewhere")) == "out_of_scope"


# -- rejected too often ---------------------------------------------------------------------------


def judge_all(queue: Queue, verdicts: str) -> list[Any]:
    """c or r, twenty minutes apart; the events that follow."""
    events: list[Any] = []
    for each in verdicts:
        review = queue.sees(queue.asked, 20 * 60 * (queue.asked + 1))
        state = ReviewState.REJECTED if each == "r" else ReviewState.CONFIRMED
        events += queue.judge(review, state).events
    return events


@pytest.mark.parametrize(
    ("verdicts", "raised"),
    [
        pytest.param("rrr", 0, id="three-say-nothing"),
        pytest.param("cccr", 0, id="a-quarter"),
        pytest.param("ccrr", 2, id="half-of-four"),
        pytest.param("cccccccrrr", 0, id="thirty-percent-are-not-above-thirty"),
        pytest.param("rrrrrr", 2, id="once-however-often"),
    ],
)
def test_rejected_too_often_is_an_event_of_the_camera_and_of_the_rule(
    verdicts: str, raised: int
) -> None:
    events = judge_all(Queue(), verdicts)
    assert len(events) == raised
    assert {each.condition for each in events} <= {Condition.REJECTED}
    if raised:
        assert {each.asset_id for each in events} == {"camera:cam", "rule:PPE-01"}
        assert all(isinstance(each, AlarmRaised) and not each.output_allowed for each in events)
        plan = plan_with()
        of_rule = next(each for each in events if each.asset_id == "rule:PPE-01")
        text = alarm_text(of_rule, plan.asset(of_rule.asset_id), plan.zone)
        assert "PPE-01 近 30 天 4 项中驳回" in text
        assert "提议驳回率过高" in text


def test_it_ends_when_the_judgements_are_old_and_a_restart_raises_nothing_twice() -> None:
    queue = Queue()
    assert len(judge_all(queue, "rrrr")) == 2
    again = queue.restart()
    assert again.tick().events == []
    assert judge_all(again, "r") == []
    again.at_us += 31 * DAY_US
    ended = again.tick().events
    assert len(ended) == 2
    assert all(isinstance(each, AlarmCleared) for each in ended)
    assert again.tick().events == []


def test_a_replay_gives_the_same_events() -> None:
    assert judge_all(Queue(), "rcrrrc") == judge_all(Queue(), "rcrrrc")


def test_what_a_person_reported_says_nothing_of_a_camera() -> None:
    queue = Queue()
    events: list[Any] = []
    for _ in range(6):
        made = subject(queue.report(kind=ReviewKind.VIOLATION, code="PPE-01"))
        events += queue.judge(made, ReviewState.REJECTED).events
    assert events == []
