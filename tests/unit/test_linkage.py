"""From an event to its incident and its device commands."""

from dataclasses import replace
from typing import Any

import pytest

from domain.assets import AlarmClass, Condition, Priority
from domain.changes import Changes
from domain.clock import MINUTE_US, SECOND_US
from domain.commands import FieldDevice, OutboxItem
from domain.events import AlarmRaised, Event
from domain.ids import AssetId, DeviceId, PersonId, SourceId, command_id
from domain.incidents import IncidentState
from domain.records import DeadLetter, Ticked
from domain.responsibility import Party, Reason
from linkage.desk import Held
from linkage.linkage import Linkage
from linkage.plan import InvalidPlan, LinkagePlan, LinkageRule
from tests.support.alarms import (
    LAMP,
    PLAN,
    SIREN,
    TEN_US,
    TRANSFORMER,
    URGENT_SOUNDS,
    alarm,
    clearing,
    clock_step,
    plan_with,
)

TICK = Ticked(at_us=TEN_US)


def decided(linkage: Linkage, *events: Event) -> Changes:
    return linkage.decide(TICK, events)


def test_an_urgent_alarm_opens_an_incident_and_sounds_the_siren() -> None:
    event = alarm()
    changes = decided(Linkage(PLAN), event)
    assert changes.events == [event]
    (incident,) = changes.incidents
    assert (incident.asset_id, incident.state) == (TRANSFORMER.asset_id, IncidentState.OPEN)
    assert incident.answer.acting == Party(
        person_id=PersonId(""), name="值班长", position="duty_lead"
    )
    assert incident.answer.reasons == (Reason.of("site_default", words="本站唯一的责任人"),)
    (command,) = changes.commands
    assert changes.outbox == [OutboxItem.of(command)]
    assert command.command_id == command_id(event.event_id, SIREN.device_id, "1")
    assert (command.created_at_us, command.valid_until_us) == (TEN_US, TEN_US + MINUTE_US)
    assert command.max_on_s == SIREN.max_on_s
    assert command.text.startswith("10:00:03 35kV柳塬变")


@pytest.mark.parametrize(
    "quiet",
    [
        pytest.param({"found_late": True}, id="found-late"),
        pytest.param({"output_allowed": False}, id="raised-by-state-or-history"),
        pytest.param({"priority": Priority.MAJOR}, id="below-the-rule"),
    ],
)
def test_a_listed_alarm_makes_no_noise(quiet: dict[str, Any]) -> None:
    changes = decided(Linkage(PLAN), alarm(**quiet))
    assert len(changes.incidents) == 1
    assert not changes.commands
    assert not changes.outbox


@pytest.mark.parametrize(
    "remark",
    [
        pytest.param({"priority": Priority.NOTICE}, id="notice"),
        pytest.param({"alarm_class": AlarmClass.INFORMATION}, id="information"),
    ],
)
def test_a_remark_is_listed_and_nobody_is_called(remark: dict[str, Any]) -> None:
    linkage = Linkage(plan_with())
    event = alarm(**remark)
    changes = decided(linkage, event)
    assert (changes.events, changes.incidents) == ([event], [])
    cleared = clearing(event)
    assert decided(linkage, cleared) == Changes(events=[cleared])


def test_troubles_of_one_asset_are_one_incident_until_all_are_over() -> None:
    linkage = Linkage(PLAN)
    high, higher = alarm(), alarm(condition=Condition.HIGH_HIGH)
    first = decided(linkage, high).incidents[0]
    joined = decided(linkage, higher)
    assert joined.memberships == {higher.event_id: first.incident_id}
    assert joined.incidents[0].standing == {high.event_id, higher.event_id}
    assert decided(linkage, clearing(higher)).incidents[0].state is IncidentState.OPEN
    assert decided(linkage, clearing(high)).incidents[0].state is IncidentState.RETURNED


def test_a_new_trouble_after_the_return_is_a_new_incident() -> None:
    linkage = Linkage(PLAN)
    first = alarm()
    returned = decided(linkage, first, clearing(first)).incidents[-1]
    again = decided(linkage, alarm(started_at_us=TEN_US + SECOND_US)).incidents[0]
    assert again.incident_id != returned.incident_id


def test_another_asset_has_its_own_incident() -> None:
    linkage = Linkage(PLAN)
    here, there = alarm(), alarm(point="LY/113/ia", asset_id=AssetId("LY/113"))
    incidents = decided(linkage, here, there).incidents
    assert len({incident.incident_id for incident in incidents}) == 2


def test_what_only_happened_waits_for_an_acknowledgement_and_not_for_a_return() -> None:
    (incident,) = decided(Linkage(PLAN), clock_step()).incidents
    assert incident.state is IncidentState.RETURNED
    assert incident.event_count == 1


def test_what_only_happened_joins_the_open_incident_and_does_not_hold_it_open() -> None:
    linkage = Linkage(PLAN)
    standing, step = alarm(), clock_step()
    joined = decided(linkage, standing, step).incidents[-1]
    assert joined.state is IncidentState.OPEN
    assert joined.event_count == 2
    assert decided(linkage, clearing(standing)).incidents[0].state is IncidentState.RETURNED


def test_the_same_event_again_changes_no_incident_and_commands_nothing() -> None:
    linkage = Linkage(PLAN)
    event = alarm()
    decided(linkage, event)
    assert decided(linkage, event) == Changes(events=[event])


def test_open_incidents_and_commands_go_on_after_a_restart() -> None:
    event = alarm()
    before = decided(Linkage(PLAN), event)
    held = Held(alarms=tuple(before.alarms))
    linkage = Linkage(PLAN, before.incidents, before.commands, held)
    assert decided(linkage, event) == Changes(events=[event])
    assert decided(linkage, clearing(event)).incidents[0].state is IncidentState.RETURNED


def rule(**changes: Any) -> LinkageRule:
    return replace(LinkageRule(rule_id="rule", device_id=LAMP.device_id), **changes)


@pytest.mark.parametrize(
    ("one", "event", "commands"),
    [
        pytest.param(rule(), alarm(), True, id="an-empty-rule-takes-all"),
        pytest.param(rule(), alarm(priority=Priority.MINOR), True, id="level-3-is-at-least-minor"),
        pytest.param(rule(), alarm(priority=Priority.NOTICE), False, id="level-4-is-not"),
        pytest.param(rule(conditions=frozenset({Condition.HIGH})), alarm(), True, id="condition"),
        pytest.param(
            rule(conditions=frozenset({Condition.LOW})), alarm(), False, id="other-condition"
        ),
        pytest.param(rule(classes=frozenset({AlarmClass.FAULT})), alarm(), False, id="other-class"),
        pytest.param(rule(stations=frozenset({"35kV柳塬变"})), alarm(), True, id="station"),
        pytest.param(
            rule(stations=frozenset({"35kV柳塬变"})),
            alarm(asset_id=AssetId("unknown")),
            False,
            id="an-unknown-asset-is-in-no-station",
        ),
        pytest.param(rule(asset_ids=frozenset({TRANSFORMER.asset_id})), alarm(), True, id="asset"),
    ],
)
def test_a_rule_takes_what_it_names(one: LinkageRule, event: AlarmRaised, commands: bool) -> None:
    assert bool(Linkage(plan_with(one)).commands_for(event)) is commands


def test_two_rules_for_one_device_and_step_sound_it_once() -> None:
    twice = plan_with(URGENT_SOUNDS, replace(URGENT_SOUNDS, rule_id="again"))
    assert len(decided(Linkage(twice), alarm()).commands) == 1


def test_another_step_is_another_command() -> None:
    two = plan_with(URGENT_SOUNDS, replace(URGENT_SOUNDS, rule_id="again", step="2"))
    assert len(decided(Linkage(two), alarm()).commands) == 2


@pytest.mark.parametrize("quiet", [{}, {"found_late": True}, {"priority": Priority.MINOR}])
def test_what_is_foreseen_is_what_is_decided(quiet: dict[str, Any]) -> None:
    linkage = Linkage(plan_with(URGENT_SOUNDS, rule()))
    foreseen = linkage.commands_for(alarm(**quiet))
    assert linkage.commands_for(alarm(**quiet)) == foreseen, "asking changes nothing"
    assert decided(linkage, alarm(**quiet)).commands == foreseen


def test_a_dead_letter_is_recorded() -> None:
    letter = DeadLetter(
        at_us=TEN_US,
        source_id=SourceId("rtu"),
        reason="malformed_json",
        detail="it ends early",
        topic="t",
        payload=b"{",
    )
    assert Linkage(PLAN).decide(letter, []) == Changes(dead_letters=[letter])


def test_a_plan_names_every_contradiction_at_once() -> None:
    with pytest.raises(InvalidPlan) as refused:
        LinkagePlan(
            site=PLAN.site,
            zone=PLAN.zone,
            assets=PLAN.assets,
            devices=(SIREN, SIREN, replace(LAMP, asset_id=AssetId("nowhere"), attempts=0)),
            rules=(
                rule(device_id=DeviceId("ghost")),
                rule(asset_ids=frozenset({AssetId("void")}), stations=frozenset({"没有的站"})),
            ),
            responsible=PLAN.responsible,
        )
    for part in (
        "device siren-1T is given twice",
        "rule rule is given twice",
        "device lamp-gate stands at unknown asset nowhere",
        "device lamp-gate needs positive times",
        "rule rule names unknown device ghost",
        "rule rule names unknown asset void",
        "rule rule names unknown station 没有的站",
    ):
        assert part in str(refused.value)


def test_a_device_that_left_the_plan_still_ends_its_commands() -> None:
    command = decided(Linkage(PLAN), alarm()).commands[0].sent(TEN_US)
    linkage = Linkage(replace(PLAN, devices=(LAMP,), rules=()), commands=[command])
    defaults = FieldDevice(device_id=SIREN.device_id, asset_id=AssetId("x"), name="x")
    changes = linkage.decide(Ticked(at_us=TEN_US + defaults.confirm_within_us), [])
    assert changes.commands[0].attempt == 2
