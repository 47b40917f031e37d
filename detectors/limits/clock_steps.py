"""A source's clock stepped back: a momentary alarm of the point, found by the gate."""

from domain.assets import ActiveLimits, AlarmClass, Condition, Point, Priority
from domain.clock import SECOND_US
from domain.events import AlarmRaised
from domain.ids import event_id
from domain.records import ClockRebased


def clock_stepped_back(limits: ActiveLimits, point: Point, record: ClockRebased) -> AlarmRaised:
    """Its value is how many seconds the clock stepped back."""
    condition = Condition.CLOCK_STEPPED_BACK
    return AlarmRaised(
        event_id=event_id(limits.site, point.key, condition, record.to_us),
        site=limits.site,
        point=point.key,
        asset_id=point.asset_id,
        signal=point.signal,
        unit=point.unit,
        condition=condition,
        alarm_class=AlarmClass.ABNORMAL,
        priority=Priority.MINOR,
        started_at_us=record.to_us,
        raised_at_us=record.to_us,
        detected_at_us=record.at_us,
        value=(record.from_us - record.to_us) / SECOND_US,
        limit=float("nan"),
        limits_version=limits.version,
    )
