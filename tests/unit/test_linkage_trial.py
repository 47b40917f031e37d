"""The edited 联动 table: what it would do, because, before it is saved; and over the alarms of a day."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.assets import AlarmClass, Condition, Priority
from domain.clock import SECOND_US
from domain.ids import AssetId, DeviceId
from domain.paperwork import ApprovalState, SiteVersion
from linkage.explain import Considered
from linkage.plan import LinkagePlan
from service.linkage_trial import Sample, plan_with, proposal_of, table_of, try_day, try_sample
from service.site.load import BrokenSite
from service.site.versions import pack, unpack
from tests.support.alarms import TEN_US, alarm
from tests.support.running import ROOT

SIREN, GATE, VOICE = DeviceId("siren-1T"), DeviceId("siren-LY"), DeviceId("voice-113")
HOUR_US = 3_600 * SECOND_US  # TEN_US is ten o'clock in Beijing


@pytest.fixture(scope="module")
def version() -> SiteVersion:
    files, digest = pack(ROOT / "examples" / "changqing-like")
    return SiteVersion(
        number=1,
        files=files,
        digest=digest,
        state=ApprovalState.EFFECTIVE,
        proposed_by="local",
        proposed_at_us=0,
        effective_at_us=0,
    )


def with_rule(version: SiteVersion, rule: str) -> str:
    return table_of(version).replace("rules:\n", f"rules:\n  - {{{rule}}}\n")


def plan(version: SiteVersion, rule: str = "") -> LinkagePlan:
    text = with_rule(version, rule) if rule else table_of(version)
    return plan_with(version, text, "zh-CN")


def sample(**changes: Any) -> Sample:
    facts: dict[str, Any] = {
        "asset_id": AssetId("LY/1T"),
        "condition": Condition.HIGH,
        "alarm_class": AlarmClass.FAULT,
        "priority": Priority.URGENT,
        "at_us": TEN_US,
    }
    return Sample(**(facts | changes))


def of(found: list[Considered], device: DeviceId) -> tuple[bool, list[str]]:
    (one,) = (each for each in found if each.device_id == device)
    return one.acts, [reason.code for reason in one.because]


def test_every_device_says_what_it_would_do_and_why(version: SiteVersion) -> None:
    found = try_sample(plan(version), sample())
    assert of(found, SIREN) == (True, ["by_rule"])
    assert of(found, GATE) == (True, ["by_rule"])
    assert of(found, VOICE) == (False, ["rule_wants_place"])
    assert {each.device_id for each in found} == {
        device.device_id for device in plan(version).devices
    }
    assert [each.acts for each in found] == sorted((each.acts for each in found), reverse=True)


@pytest.mark.parametrize(
    ("rule", "changes", "acts", "why"),
    [
        pytest.param("at_least: major", {"priority": Priority.MAJOR}, True, "by_rule", id="level"),
        pytest.param(
            "at_least: urgent", {"priority": Priority.MAJOR}, False, "rule_wants_level", id="below"
        ),
        pytest.param("classes: [limit]", {}, False, "rule_wants_class", id="class"),
        pytest.param("conditions: [H]", {}, True, "by_rule", id="type"),
        pytest.param("conditions: [L]", {}, False, "rule_wants_condition", id="another-type"),
        pytest.param("stations: [35kV沟岔变]", {}, False, "rule_wants_place", id="place"),
        pytest.param('hours: "09:00-11:00"', {}, True, "by_rule", id="in-its-hours"),
        pytest.param('hours: "22:00-06:00"', {}, False, "rule_wants_hours", id="out-of-them"),
        pytest.param(
            'hours: "22:00-06:00"', {"at_us": TEN_US + 13 * HOUR_US}, True, "by_rule", id="at-23"
        ),
        pytest.param("staffing: unattended", {}, True, "by_rule", id="profile"),
        pytest.param("staffing: attended", {}, False, "rule_wants_staffing", id="another-profile"),
        pytest.param(
            "staffing: attended", {"asset_id": AssetId("SP/1T")}, True, "by_rule", id="with-staff"
        ),
    ],
)
def test_what_a_rule_asks_for(
    version: SiteVersion, rule: str, changes: dict[str, Any], acts: bool, why: str
) -> None:
    edited = plan(version, f"id: tried, device: light-FD, action: light, {rule}")
    found = try_sample(edited, sample(**changes))
    assert of(found, DeviceId("light-FD"))[0] is acts
    assert why in of(found, DeviceId("light-FD"))[1]


def test_quiet_hours_and_consequences_keep_a_siren_silent_below_level_1(
    version: SiteVersion,
) -> None:
    edited = plan(version, "id: tried, device: siren-LY, at_least: major, stations: [35kV柳塬变]")
    night, major = TEN_US + 13 * HOUR_US, Priority.MAJOR
    limit = {"alarm_class": AlarmClass.LIMIT}

    def says(**changes: Any) -> tuple[bool, list[str]]:
        return of(try_sample(edited, sample(**(limit | changes))), GATE)

    assert says(priority=major) == (True, ["by_rule"])
    assert says(priority=major, at_us=night) == (False, ["by_rule", "quiet_hours"])
    assert says(at_us=night) == (True, ["by_rule"])
    assert says(priority=major, is_consequence=True) == (False, ["by_rule", "is_consequence"])
    assert says(is_consequence=True) == (True, ["by_rule"])


def test_a_day_of_alarms_under_the_edited_table(version: SiteVersion) -> None:
    before = plan(version)
    after = plan(version, "id: tried, device: light-FD, action: light, stations: [35kV柳塬变]")
    events = [
        (alarm(), False),
        (alarm(condition=Condition.LOW, priority=Priority.MINOR), False),
        (alarm(condition=Condition.RISE, priority=Priority.MINOR), True),
        (alarm(asset_id=AssetId("SP/1T"), point="SP/1T/top_oil_temp"), False),
    ]
    day = try_day(before, after, events)
    assert day.alarms == 4
    assert [each.event for each in day.changed] == [events[0][0], events[1][0]]
    assert [[one.device_id for one in each.added] for each in day.changed] == [["light-FD"]] * 2
    assert day.acts[DeviceId("light-FD")] == 2
    assert try_day(after, before, events).changed[0].dropped[0].device_id == "light-FD"
    assert try_day(before, before, events).changed == ()


@pytest.mark.parametrize(
    ("rule", "mistake"),
    [
        ("id: x, device: nobody", "nobody"),
        ("id: x, device: light-FD, action: speak", "it can light, not speak"),
        ("id: x, device: light-FD, action: light, hours: at night", "write them like 22:00-06:00"),
        ("id: x, device: light-FD, action: light, at_least: loud", "loud"),
    ],
)
def test_a_mistake_is_told_with_its_line(version: SiteVersion, rule: str, mistake: str) -> None:
    with pytest.raises(BrokenSite) as broken:
        plan(version, rule)
    (problem,) = broken.value.problems
    assert mistake in problem.message
    assert (problem.file, problem.line > 0) == ("linkage.yaml", True)


def test_what_is_proposed_differs_in_the_table_alone(version: SiteVersion) -> None:
    assert proposal_of(version, table_of(version), "zh-CN").changes_nothing
    text = with_rule(version, "id: tried, device: light-FD, action: light")
    compared = proposal_of(version, text, "zh-CN")
    assert not compared.changes_nothing
    assert any("tried" in line for line in compared.proposal.summary)
    files, before = unpack(compared.proposal.files), unpack(version.files)
    assert {name for name in files if files[name] != before[name]} == {"linkage.yaml"}
    assert files["linkage.yaml"] == text, "as it was written, comments and all"


def test_a_camera_goes_to_its_preset_and_takes_a_picture(version: SiteVersion) -> None:
    camera = "devices:\n  - {id: cam-1T, name: 1号主变摄像机, at: LY/1T, kind: camera}\n"
    rules = (
        "rules:\n  - {id: look, device: cam-1T, action: preset, words: 1T-front}\n"
        "  - {id: shoot, device: cam-1T, action: picture, step: '2'}\n"
    )
    text = table_of(version).replace("devices:\n", camera).replace("rules:\n", rules)
    edited = plan_with(version, text, "zh-CN")
    acting = [each for each in try_sample(edited, sample()) if each.device_id == "cam-1T"]
    assert [(each.action, each.words) for each in acting] == [
        ("preset", "1T-front"),
        ("picture", ""),
    ]
    with pytest.raises(BrokenSite, match="name of the preset"):
        plan_with(version, text.replace(", words: 1T-front", ""), "zh-CN")


def test_a_door_of_the_table_can_only_refuse_entry(version: SiteVersion, tmp_path: Path) -> None:
    door = "devices:\n  - {id: door, name: 门禁, at: LY/1T, kind: door}\n"
    rule = "rules:\n  - {id: shut, device: door, action: sound}\n"
    text = table_of(version).replace("devices:\n", door).replace("rules:\n", rule)
    with pytest.raises(BrokenSite, match="it can refuse_entry, not sound"):
        plan_with(version, text, "zh-CN")
    plan_with(version, text.replace("action: sound}\n", "action: refuse_entry}\n", 1), "zh-CN")


def test_the_dry_run_and_the_real_thing_agree(version: SiteVersion) -> None:
    """For what no moment changes: the devices that a fresh linkage commands are those that would act."""
    from domain.records import Ticked
    from linkage.linkage import Linkage

    table = replace(plan(version), violations=())
    for asset in ("LY/1T", "LY/113", "SP/111", "GC/111", "FD/1"):
        for priority in (Priority.URGENT, Priority.MAJOR, Priority.MINOR):
            for alarm_class in AlarmClass:
                wanted = sample(asset_id=AssetId(asset), priority=priority, alarm_class=alarm_class)
                event = alarm(
                    asset_id=AssetId(asset),
                    point=f"{asset}/x",
                    priority=priority,
                    alarm_class=alarm_class,
                )
                if alarm_class is AlarmClass.INFORMATION:
                    continue  # nobody need take it
                changes = Linkage(table).decide(Ticked(at_us=TEN_US), [event])
                would = {each.device_id for each in try_sample(table, wanted) if each.acts}
                assert {each.device_id for each in changes.commands} == would
