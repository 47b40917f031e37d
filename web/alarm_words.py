"""What pages say of alarms, in words. No rules and no connections."""

from dataclasses import replace

from domain.alarms import Alarm, AlarmState
from domain.assets import Condition, Priority
from domain.clock import MINUTE_US, system_clock
from domain.events import AlarmRaised
from domain.wording import alarm_text, class_word, priority_word, signal_word
from storage.alarm_reads import ListedAlarm
from web.components.table import Row
from web.shell import Visit

STALE_AFTER_US = 24 * 60 * MINUTE_US


def as_judged(listed: ListedAlarm) -> AlarmRaised:
    """The event with the class and the level that it was given among what happened beside it."""
    alarm = listed.alarm
    return replace(listed.event.raised, alarm_class=alarm.alarm_class, priority=alarm.priority)


def text_of(visit: Visit, listed: ListedAlarm) -> str:
    asset = visit.console.asset(listed.alarm.asset_id)
    return alarm_text(as_judged(listed), asset, visit.console.site.zone, visit.language)


def state_of(visit: Visit, alarm: Alarm) -> str:
    kept_back = alarm.withheld if alarm.is_open else None
    return visit.say(f"alarms.state_{kept_back or alarm.state}")


def marks_of(visit: Visit, listed: ListedAlarm) -> str:
    alarm = listed.alarm
    stale = alarm.standing and system_clock() - alarm.raised_at_us > STALE_AFTER_US
    marks = [
        visit.say(f"alarms.{name}")
        for name, holds in (
            ("chattering", alarm.chattering),
            ("fleeting", alarm.fleeting),
            ("stale", stale),
        )
        if holds
    ]
    if listed.consequences:
        marks.append(visit.say("alarms.consequences", count=listed.consequences))
    return ", ".join(marks)


def acts_of(alarm: Alarm) -> list[str]:
    """What may be done with it now."""
    if not alarm.is_open or alarm.withheld is not None:
        return []
    names = ["acknowledge"] if alarm.waits else []
    if alarm.state is AlarmState.LATCHED:
        names.append("reset")
    return [*names, "shelve"]


def row_of(visit: Visit, listed: ListedAlarm, *, acts: bool) -> Row:
    alarm = listed.alarm
    urgent = alarm.waits and alarm.priority is Priority.URGENT
    return {
        "id": str(alarm.event_id),
        "opens": True,
        "row_class": "gw-urgent" if urgent else "",
        "time": visit.time(alarm.raised_at_us),
        "priority": priority_word(alarm.priority, visit.language),
        "priority_chip": f"gw-p{int(alarm.priority)}",
        "class": class_word(alarm.alarm_class, visit.language),
        "class_chip": "gw-plain",
        "text": text_of(visit, listed),
        "state": state_of(visit, alarm),
        "state_chip": "gw-wait" if alarm.waits else "gw-plain",
        "marks": marks_of(visit, listed),
        "acts": [[name, visit.say(f"alarms.{name}")] for name in acts_of(alarm) if acts],
    }


def alarm_name(visit: Visit, point: str, condition: str | None) -> str:
    """35kV柳塬变 1号主变 油温 越上限"""
    known = next((each for each in visit.console.site.points if each.key == point), None)
    words = visit.say("alarms.every_condition")
    if condition:
        words = signal_word(Condition(condition), known.unit if known else "", visit.language)
    if known is None:
        return f"{point} {words}"
    asset = visit.console.asset(known.asset_id)
    return f"{asset.station} {asset.name} {known.signal} {words}"
