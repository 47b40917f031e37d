"""Reliability indices of IEEE 1366 and DL/T 836 over interruptions, each section with its own end.

DOMAIN E3. An interruption counts in the period in which it began; one that lasts still counts when it is
over. Major event days are reported apart by the 2.5 beta method. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from math import exp, log
from statistics import mean, stdev
from typing import Final
from uuid import UUID

from domain.clock import MINUTE_US, to_datetime

_MINUTES_PER_HOUR: Final = 60.0
MAJOR_BETAS: Final = 2.5  # above the mean of the logarithms: a major event day (DOMAIN E3)
MAJOR_YEARS_US: Final = 5 * 365 * 24 * 60 * MINUTE_US  # of days that its limit is made from


@dataclass(frozen=True, slots=True, kw_only=True)
class Interruption:
    """Customers that lost their supply together and had it back together."""

    source_id: UUID  # the outage, or the planned one
    section_id: str
    feeder_id: str
    station: str
    planned: bool
    customers: int
    transformer_users: int
    began_at_us: int
    ended_at_us: int | None  # None: it lasts

    @property
    def minutes(self) -> float:
        return (
            0.0 if self.ended_at_us is None else (self.ended_at_us - self.began_at_us) / MINUTE_US
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Whom the indices divide by, and the limits of what is short."""

    customers: int
    transformer_users: int
    momentary_us: int  # IEEE 1366: up to here no sustained interruption
    short_us: int  # DL/T 836


@dataclass(frozen=True, slots=True, kw_only=True)
class Indices:
    """None where nothing can be divided: no customers, or nothing that lasted."""

    interrupted: int  # customers, summed over sustained interruptions
    customer_minutes: float
    momentary: int  # customers, summed over momentary ones
    user_hours: float  # of DL/T 836
    saifi: float | None
    saidi_minutes: float | None
    caidi_minutes: float | None
    asai: float | None
    maifi: float | None
    aihc_1_hours: float | None
    rs_1: float | None


def indices(interruptions: Iterable[Interruption], served: Served, period_us: int) -> Indices:
    over = [each for each in interruptions if each.ended_at_us is not None]
    sustained = [each for each in over if _lasts(each, served.momentary_us)]
    long = [each for each in over if _lasts(each, served.short_us)]
    interrupted = sum(each.customers for each in sustained)
    customer_minutes = sum(each.minutes * each.customers for each in sustained)
    momentary = sum(each.customers for each in over) - interrupted
    user_hours = sum(each.minutes * each.transformer_users for each in long) / _MINUTES_PER_HOUR
    period_minutes = period_us / MINUTE_US
    saidi = _per(customer_minutes, served.customers)
    aihc_1 = _per(user_hours, served.transformer_users)
    return Indices(
        interrupted=interrupted,
        customer_minutes=customer_minutes,
        momentary=momentary,
        user_hours=user_hours,
        saifi=_per(interrupted, served.customers),
        saidi_minutes=saidi,
        caidi_minutes=_per(customer_minutes, interrupted),
        asai=None if saidi is None else 1.0 - saidi / period_minutes,
        maifi=_per(momentary, served.customers),
        aihc_1_hours=aihc_1,
        rs_1=None if aihc_1 is None else 1.0 - aihc_1 * _MINUTES_PER_HOUR / period_minutes,
    )


def daily_saidi(
    interruptions: Iterable[Interruption], served: Served, zone: tzinfo
) -> dict[date, float]:
    """Minutes, by the day on which something unplanned and sustained began."""
    found: dict[date, float] = {}
    for each in interruptions:
        if each.planned or not served.customers or not _lasts(each, served.momentary_us):
            continue
        day = to_datetime(each.began_at_us).astimezone(zone).date()
        found[day] = found.get(day, 0.0) + each.minutes * each.customers / served.customers
    return found


def major_event_limit(daily_minutes: Sequence[float]) -> float | None:
    """T_MED in minutes, from five years of daily SAIDI; None where fewer than two days had any."""
    logarithms = [log(each) for each in daily_minutes if each > 0]
    if len(logarithms) < 2:
        return None
    return exp(mean(logarithms) + MAJOR_BETAS * stdev(logarithms))


def major_event_days(daily: dict[date, float], limit_minutes: float | None) -> list[date]:
    if limit_minutes is None:
        return []
    return sorted(day for day, minutes in daily.items() if minutes > limit_minutes)


def _lasts(interruption: Interruption, limit_us: int) -> bool:
    ended = interruption.ended_at_us
    return ended is not None and ended - interruption.began_at_us > limit_us


def _per(amount: float, of: float) -> float | None:
    return amount / of if of else None
