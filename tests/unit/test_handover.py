"""Hand-over: until both have signed the old shift answers; who may sign, when, and what is kept."""

from dataclasses import replace

import pytest

from domain.assets import Condition, Priority
from domain.events import AlarmCleared
from domain.handover import SignedPage, WatchState, digest_of
from domain.ids import AssetId
from domain.logbook import LogKind
from domain.organisation import Leave, Validity
from domain.records import PaperLearned, Ticked
from domain.requests import NoteHandover, RefuseHandover, SignHandover
from domain.responsibility import Kind
from linkage.desk import Held
from linkage.linkage import Linkage
from linkage.responsibility import Responsibility
from linkage.watches import Watches, posts_of
from tests.support.alarms import BEIJING, TRANSFORMER, alarm
from tests.support.control_room import ROOM
from tests.support.posts import (
    MORNING,
    ORGANISATION,
    PAGE,
    PEOPLE,
    POST,
    STATION_ROSTER,
    Post,
    at,
    plan_with_post,
)


def test_the_first_watch_is_that_of_the_roster() -> None:
    watch = Post().watch
    assert (watch.crew, watch.duty_date, watch.shift) == ("甲值", "2026-05-01", "值班")
    assert (watch.starts_us, watch.ends_us) == (at("2026-05-01 08:00"), MORNING)
    assert watch.before is None


@pytest.mark.parametrize(
    ("moment", "acting", "code"),
    [
        pytest.param("2026-05-02 07:59", "甲1", "on_duty", id="within-the-shift"),
        pytest.param("2026-05-02 08:01", "甲1", "not_handed_over", id="after-it-unsigned"),
        pytest.param("2026-05-03 09:00", "甲1", "not_handed_over", id="two-shifts-later"),
    ],
)
def test_until_both_have_signed_the_old_shift_answers(moment: str, acting: str, code: str) -> None:
    post = Post().at(moment)
    person, codes = post.acting()
    assert person == acting
    assert code in codes
    assert ("not_handed_over" in codes) == (code == "not_handed_over")


def test_one_signature_changes_nothing() -> None:
    post = Post().at("2026-05-02 08:01")
    post.signs()
    assert post.acting()[0] == "甲1"


def test_both_signatures_hand_the_watch_over() -> None:
    post = Post().at("2026-05-02 08:05")
    before = post.watch
    post.signs()
    post.takes()
    after = post.watch
    assert after.crew == "乙值"
    assert after.before == before.watch_id
    assert post.versions_of(before.watch_id)[-1].state is WatchState.HANDED_OVER
    assert post.acting() == ("乙1", ("zone_covers", "owner", "on_duty"))


def test_who_takes_over_early_answers_from_then_on() -> None:
    post = Post().at("2026-05-02 07:40")
    post.signs()
    post.takes()
    person, codes = post.acting()
    assert person == "乙1"
    assert "handed_over_early" in codes


def test_what_began_before_the_hand_over_was_the_old_shifts() -> None:
    post = Post().at("2026-05-02 08:20")
    post.signs()
    post.takes()
    event = post.raises(
        started_at_us=at("2026-05-02 08:10"),
        raised_at_us=post.at_us,
        detected_at_us=post.at_us,
    )
    incident = post.incidents[post.alarms[event.event_id].incident_id or event.event_id]
    assert incident.answer.acting
    assert incident.answer.acting.person_id == "甲1"


def test_of_the_future_nobody_knows_who_will_have_signed() -> None:
    post = Post().at("2026-05-02 08:05")
    watches = Watches(post.plan.posts, [post.watch], known_until_us=post.at_us)
    asked = Responsibility(ORGANISATION, BEIJING, watches=watches)
    tomorrow = asked.of_asset(TRANSFORMER.asset_id, at("2026-05-03 09:00"))
    assert tomorrow.acting
    assert tomorrow.acting.person_id == "丙1"


def test_a_held_over_crew_goes_on_with_its_second_where_the_first_has_left() -> None:
    leave = Leave(person_id=PEOPLE[0].person_id, validity=Validity(from_us=MORNING))  # type: ignore[arg-type]
    post = Post(plan_with_post(replace(ORGANISATION, leaves=(leave,)))).at("2026-05-02 08:10")
    person, codes = post.acting()
    assert person == "甲2"
    assert codes[-3:] == ("not_handed_over", "on_leave", "on_duty")


def test_a_post_that_does_not_hand_over_goes_by_the_roster() -> None:
    organisation = replace(ORGANISATION, rosters=(replace(STATION_ROSTER, post=""),))
    post = Post(plan_with_post(organisation)).at("2026-05-02 08:10")
    assert post.everything.watches == []
    assert post.acting()[0] == "乙1"


def test_a_restart_between_the_signatures_changes_nothing() -> None:
    post = Post().at("2026-05-02 08:05")
    post.signs()
    post.restarts()
    assert post.acting()[0] == "甲1"  # before any tick of the new life
    post.takes()
    post.restarts()
    assert post.watch.crew == "乙值"
    post.passes(1)
    assert post.watch.crew == "乙值"


def test_notes_are_kept_and_a_new_note_needs_a_new_signature() -> None:
    post = Post().at("2026-05-02 07:50")
    post.does(NoteHandover(watch_id=post.watch.watch_id, notes=" 2号主变风扇待修 "), "u-甲2")
    assert post.watch.notes == "2号主变风扇待修"
    post.signs()
    post.does(NoteHandover(watch_id=post.watch.watch_id, notes="又一条"), "u-甲1")
    assert post.watch.state is WatchState.ON_WATCH
    assert post.refuses(post.taking(), "u-乙1") == "outgoing_signs_first"


def test_the_page_is_kept_to_the_letter_under_its_hash() -> None:
    post = Post().at("2026-05-02 08:00")
    post.signs(page='{"alarms": ["油温"]}')
    (page,) = post.everything.pages
    assert page == SignedPage.of('{"alarms": ["油温"]}')
    assert post.watch.page == page.digest == digest_of(page.content)
    assert page.is_whole
    assert not replace(page, content=page.content + " ").is_whole


def test_the_incoming_signs_what_he_has_read() -> None:
    post = Post().at("2026-05-02 08:00")
    post.signs(page="one")
    read = post.watch.page
    post.signs(page="two")
    assert post.refuses(post.taking(read), "u-乙1") == "page_changed"
    post.takes()


def test_a_refusal_says_why_and_the_old_shift_goes_on() -> None:
    post = Post().at("2026-05-02 08:00")
    post.signs()
    refusal = RefuseHandover(watch_id=post.watch.watch_id, words="接地线数目不符")
    post.does(refusal, "u-乙1")
    assert (post.watch.state, post.watch.refusal) == (WatchState.ON_WATCH, "接地线数目不符")
    assert post.acting()[0] == "甲1"
    assert LogKind.HANDOVER_REFUSED in {line.kind for line in post.everything.log}
    post.signs()
    post.takes()


@pytest.mark.parametrize(
    ("moment", "actor", "code"),
    [
        pytest.param("2026-05-02 06:59", "u-甲1", "sign_too_early", id="long-before-the-end"),
        pytest.param("2026-05-02 08:00", "u-乙1", "not_of_the_crew", id="by-the-incoming"),
        pytest.param("2026-05-02 08:00", "u-owner", "not_of_the_crew", id="by-the-zone-owner"),
        pytest.param("2026-05-02 08:00", "duty", "not_of_the_crew", id="by-a-user-without-person"),
        pytest.param("2026-05-02 08:00", "viewer", "not_allowed", id="by-a-viewer"),
        pytest.param("2026-05-02 08:00", "elsewhere", "out_of_scope", id="from-another-station"),
    ],
)
def test_who_may_not_sign_for_the_outgoing_shift(moment: str, actor: str, code: str) -> None:
    post = Post().at(moment)
    sign = SignHandover(watch_id=post.watch.watch_id, page=PAGE)
    assert post.refuses(sign, actor) == code


@pytest.mark.parametrize(
    ("actor", "code"),
    [
        pytest.param("u-甲2", "not_of_the_crew", id="the-outgoing-crew"),
        pytest.param("u-丙1", "not_of_the_crew", id="the-crew-after-the-next"),
        pytest.param("u-lead", "second_person", id="the-lead-who-signed-already"),
    ],
)
def test_who_may_not_take_over(actor: str, code: str) -> None:
    post = Post().at("2026-05-02 08:00")
    post.signs("u-lead")
    assert post.refuses(post.taking(), actor) == code


def test_the_lead_may_stand_in_for_one_side() -> None:
    post = Post().at("2026-05-02 08:00")
    post.signs("u-甲1")
    post.takes("u-lead")
    assert post.watch.crew == "乙值"


def test_a_crew_that_nobody_relieved_hands_over_to_who_is_there() -> None:
    post = Post().at("2026-05-03 08:10")
    post.signs()
    post.takes("u-丙1")
    assert post.watch.crew == "丙值"
    assert post.acting()[0] == "丙1"


def test_signing_what_is_handed_over_or_not_there() -> None:
    post = Post().at("2026-05-02 08:00")
    over = post.watch.watch_id
    post.signs()
    post.takes()
    assert post.refuses(SignHandover(watch_id=over, page=PAGE), "u-甲1") == "no_such_watch"
    assert post.refuses(SignHandover(watch_id=over, page=PAGE), "u-乙1") == "no_such_watch"


def test_a_page_without_end_is_refused() -> None:
    post = Post().at("2026-05-02 08:00")
    huge = SignHandover(watch_id=post.watch.watch_id, page="x" * 600_000)
    assert post.refuses(huge, "u-甲1") == "page_too_large"


def test_a_late_hand_over_is_an_incident_of_who_leads_the_post() -> None:
    post = Post().at("2026-05-02 08:29")
    assert not post.open_incidents()
    post.at("2026-05-02 08:31")
    (incident,) = post.open_incidents()
    assert incident.asset_id == POST
    assert (incident.kind, incident.priority) == (Kind.SUPERVISION, Priority.MINOR)
    assert incident.answer.acting
    assert incident.answer.acting.person_id == "lead"
    assert post.everything.commands == [], "it calls no siren"
    post.restarts()
    post.passes(60)
    assert len(post.open_incidents()) == 1, "it is told once"
    post.signs()
    post.takes()
    (event,) = [each for each in post.events.values() if each.condition is Condition.HANDOVER_LATE]
    assert isinstance(post.cleared[event.event_id], AlarmCleared)


def test_no_hand_over_in_time_is_late_for_nobody() -> None:
    post = Post().at("2026-05-02 08:00")
    post.signs()
    post.takes()
    post.at("2026-05-02 12:00")
    assert not post.open_incidents()


def test_where_the_site_hands_over_no_more_the_open_watch_ends() -> None:
    post = Post().at("2026-05-02 08:40")
    organisation = replace(ORGANISATION, rosters=(replace(STATION_ROSTER, post=""),))
    post.plan = plan_with_post(organisation)
    post.restarts()
    post.passes(1)
    assert post.watch.state is WatchState.ENDED
    assert post.acting()[0] == "乙1"


def test_the_log_tells_who_handed_over_to_whom() -> None:
    post = Post().at("2026-05-02 08:00")
    post.signs()
    post.takes()
    began, changed = [line for line in post.everything.log if line.kind is LogKind.SHIFT_CHANGED]
    assert began.what
    assert began.what.code == "watch_began"
    assert changed.what
    facts = dict(changed.what.facts)
    assert (facts["old"], facts["new"]) == ("甲值 2026-05-01 值班", "乙值 2026-05-02 值班")
    assert (facts["signed"], facts["taken"]) == ("u-甲1", "u-乙1")
    assert changed.station == "35kV柳塬变"


def test_another_workers_desk_learns_the_watch_and_begins_none() -> None:
    desk = Post()
    other = Linkage(desk.plan, held=Held(users=desk.users), concerns=lambda asset: asset != POST)
    assert not other.decide(Ticked(at_us=desk.at_us), []).watches
    learned = PaperLearned(at_us=desk.at_us, number=1, watches=tuple(desk.everything.watches))
    other.decide(learned, [])
    late_us = at("2026-05-02 08:40")
    assert not other.decide(Ticked(at_us=late_us), []).watches
    event = alarm(started_at_us=late_us, raised_at_us=late_us, detected_at_us=late_us)
    (incident,) = other.decide(Ticked(at_us=late_us), [event]).incidents
    assert incident.answer.acting
    assert incident.answer.acting.person_id == "甲1"


def test_a_roster_that_acts_in_no_zone_has_every_station() -> None:
    dispatch = replace(STATION_ROSTER, roster_id="dd", post="调度室")
    organisation = replace(ORGANISATION, rosters=(STATION_ROSTER, dispatch))
    station, room = posts_of(organisation, ROOM.assets)
    assert station.stations == {TRANSFORMER.station}
    assert station.station == TRANSFORMER.station
    assert room.stations == frozenset()
    assert room.sees("anywhere")
    assert (room.asset_id, room.station) == (AssetId("post/dd"), "")


def test_supervision_and_violations_are_still_the_owners() -> None:
    post = Post().at("2026-05-02 08:10")
    watches = Watches(post.plan.posts, [post.watch], known_until_us=post.at_us)
    asked = Responsibility(ORGANISATION, BEIJING, watches=watches)
    answer = asked.of_asset(TRANSFORMER.asset_id, post.at_us, Kind.VIOLATION)
    assert answer.acting
    assert answer.acting.person_id == "owner"
