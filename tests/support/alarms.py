"""One transformer, its siren and a lamp, and alarms of it: what linkage and delivery are tried on."""

from dataclasses import replace
from math import nan
from typing import Any, Final
from zoneinfo import ZoneInfo

from domain.assets import AlarmClass, Asset, Condition, Priority
from domain.clock import MINUTE_US, SECOND_US
from domain.commands import DeviceCommand, FieldDevice
from domain.events import AlarmCleared, AlarmRaised
from domain.ids import AssetId, DeviceId, command_id, event_id
from linkage.plan import LinkagePlan, LinkageRule, Responsible

BEIJING: Final = ZoneInfo("Asia/Shanghai")
TEN_US: Final = 1_763_863_203 * SECOND_US  # 2025-11-23 10:00:03 in Beijing
SITE: Final = "liuyuan"
TRANSFORMER: Final = Asset(
    asset_id=AssetId("LY/1T"),
    station="35kV柳塬变",
    voltage="35kV",
    bay="1号主变间隔",
    name="1号主变",
)
SIREN: Final = FieldDevice(
    device_id=DeviceId("siren-1T"), asset_id=TRANSFORMER.asset_id, name="1号主变声光报警器"
)
LAMP: Final = FieldDevice(
    device_id=DeviceId("lamp-gate"), asset_id=TRANSFORMER.asset_id, name="大门警示灯"
)
URGENT_SOUNDS: Final = LinkageRule(
    rule_id="urgent-sounds", device_id=SIREN.device_id, at_least=Priority.URGENT
)
PLAN: Final = LinkagePlan(
    site=SITE,
    zone=BEIJING,
    assets={TRANSFORMER.asset_id: TRANSFORMER},
    devices=(SIREN, LAMP),
    rules=(URGENT_SOUNDS,),
    responsible=Responsible(name="值班长", role="duty_lead", because="本站唯一的责任人"),
)


def plan_with(*rules: LinkageRule) -> LinkagePlan:
    return replace(PLAN, rules=rules)


def alarm(**changes: Any) -> AlarmRaised:
    """Oil above its high limit, urgent, unless `changes` say otherwise."""
    facts: dict[str, Any] = {
        "site": SITE,
        "point": "LY/1T/top_oil_temp",
        "asset_id": TRANSFORMER.asset_id,
        "signal": "油温",
        "unit": "degC",
        "condition": Condition.HIGH,
        "alarm_class": AlarmClass.LIMIT,
        "priority": Priority.URGENT,
        "started_at_us": TEN_US,
        "raised_at_us": TEN_US,
        "detected_at_us": TEN_US,
        "value": 86.2,
        "limit": 85.0,
        "limits_version": 1,
    } | changes
    made = event_id(SITE, facts["point"], facts["condition"], facts["started_at_us"])
    return AlarmRaised(event_id=made, **facts)


def clearing(raised: AlarmRaised, at_us: int = TEN_US + 20 * MINUTE_US) -> AlarmCleared:
    return AlarmCleared(
        event_id=raised.event_id, ended_at_us=at_us, detected_at_us=at_us, value=82.9
    )


def clock_step(**changes: Any) -> AlarmRaised:
    """A momentary alarm: it happened, and never returns."""
    facts: dict[str, Any] = {
        "condition": Condition.CLOCK_STEPPED_BACK,
        "alarm_class": AlarmClass.ABNORMAL,
        "priority": Priority.MINOR,
        "value": 12.0,
        "limit": nan,
    }
    return alarm(**(facts | changes))


def command(**changes: Any) -> DeviceCommand:
    """A level-1 command to the siren, created at TEN_US and valid for a minute; `step` names another."""
    step = changes.pop("step", "1")
    event = alarm()
    facts: dict[str, Any] = {
        "command_id": command_id(event.event_id, SIREN.device_id, step),
        "event_id": event.event_id,
        "device_id": SIREN.device_id,
        "action": "sound",
        "text": "油温 越上限",
        "priority": Priority.URGENT,
        "created_at_us": TEN_US,
        "valid_until_us": TEN_US + MINUTE_US,
        "max_on_s": 120,
    }
    return DeviceCommand(**(facts | changes))
