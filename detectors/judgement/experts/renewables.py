"""Experts on turbines and inverters: against their own curve, their neighbours, their sun, their strings."""

from dataclasses import replace
from math import isfinite
from statistics import median
from typing import Final

from detectors.judgement import solar, wind
from detectors.judgement.remembered import (
    DAY_US,
    MINUTE_US,
    Remembered,
    Still,
    SunDay,
    ten_minutes,
)
from detectors.judgement.solar import SunModel
from detectors.judgement.view import View, agrees, cannot_tell
from detectors.judgement.wind import PowerCurve
from domain.findings import Cause, Drawing, Input, Opinion, Stance
from domain.responsibility import Reason

HOUR_US: Final = 60 * MINUTE_US
_LONGEST_GAP_US: Final = 15 * MINUTE_US
_COVERED_SHARE: Final = 0.9  # of a day: what was not seen must not look like low yield
_LEAST_IRRADIATION: Final = 1.0  # kWh/m2: a darker day says little
_RATIOS_KEPT: Final = 60
_RATIO_TOLD_DAYS: Final = 2
_FEWEST_STRINGS: Final = 3
_LEAST_KW: Final = 0.1


def of_inverters(view: View) -> list[Opinion]:
    """One inverter against its neighbours under the same sun."""
    if not view.has("p", "dc_voltage") or len(view.peers) < 2:
        return []
    usual = median(view.peers)
    now = view.value("p")
    if usual < 5.0 or not isfinite(now) or now >= (1.0 - solar.LIMITS.string_urgent) * usual:
        return []  # kW: dusk, or as good as the others
    return [
        agrees(
            solar.RULE, Cause.LOW_YIELD, 0.75, now, (1.0 - solar.LIMITS.string_urgent) * usual,
            "kW", view.inputs("p"), solar.LIMITS.provenance,
        )
    ]  # fmt: skip


_RUNNING_W_M2: Final = 200.0  # below, an inverter's own losses are larger than what is to be found
_SURE_AFTER: Final = 3  # ten-minute means in a row
_STILL_US: Final = 60 * MINUTE_US
_SUN_MOVED_W_M2: Final = 50.0


def of_wind(view: View, memory: Remembered, curve: PowerCurve | None) -> list[Opinion]:
    if not view.has("wind_speed", "p"):
        return []
    inputs = view.inputs("wind_speed", "p")
    if curve is None:
        return [cannot_tell(wind.RULE, Cause.POWER_CURVE, inputs, "power_curve")]
    now = curve.deviation(view.value("wind_speed"), view.value("p"))
    memory.wind.add(view.at_us, now)
    _, of = wind.OFF_OF
    if not wind.off_curve(memory.wind.last(of)):
        return []
    return [
        Opinion(
            expert=wind.RULE,
            cause=Cause.POWER_CURVE,
            stance=Stance.AGREES,
            confidence=0.8,
            measured=now,
            expected=0.0,
            limit=3.0,
            unit="sigma",
            inputs=inputs,
            why=Reason.of("off_power_curve", count=6, of=10),
            would_change=Reason.of("curtailed_would_explain"),
            provenance=wind.LIMIT_PROVENANCE,
            drawing=memory.wind.drawing("sigma", 0.0),
        )
    ]


def of_sun(view: View, memory: Remembered, model: SunModel | None) -> list[Opinion]:
    """An inverter against what irradiance and warmth of its modules explain, by its own past."""
    if not view.has("p", "dc_voltage") or model is None:
        return []
    sun, warmth = _sky(view, "poa_irradiance"), _sky(view, "module_temp")
    inputs = (*view.inputs("p"), *_sky_inputs(view))
    if sun is None or warmth is None:
        return [
            cannot_tell(solar.SUN_RULE, Cause.LOW_YIELD, inputs, "poa_irradiance", "module_temp")
        ]
    now, expected = view.known("p"), model.expected(sun, warmth)
    runs = now is not None and sun >= _RUNNING_W_M2 and expected > 0.0
    memory.sun.add(view.at_us, now / expected if runs and now is not None else None)
    least = 1.0 - solar.LIMITS.string_urgent
    if now is None or not runs or not memory.sun.stays_below(_SURE_AFTER, least):
        return []
    said = agrees(
        solar.SUN_RULE, Cause.LOW_YIELD, 0.75, now, least * expected, "kW", inputs,
        solar.LIMITS.provenance, drawing=memory.sun.drawing("pu", 1.0, least),
    )  # fmt: skip
    why = Reason.of("sun_explains", expected=f"{expected:.1f}", measured=f"{now:.1f}")
    return [
        replace(
            said,
            expected=round(expected, 2),
            why=why,
            would_change=Reason.of("curtailed_or_snow_would_explain"),
        )
    ]


def _sky(view: View, name: str) -> float | None:
    reading = view.sky.get(name)
    return reading.value if reading and reading.good and isfinite(reading.value) else None


def _sky_inputs(view: View) -> tuple[Input, ...]:
    return tuple(
        Input(point=name, value=each.value, unit=each.unit, good=each.good, at_us=each.at_us)
        for name, each in view.sky.items()
        if name in {"poa_irradiance", "module_temp"} and isfinite(each.value)
    )


def of_strings(view: View, memory: Remembered) -> list[Opinion]:
    """Strings of one inverter against each other: soiled, shaded or open. A cloud's edge is over sooner."""
    names = [name for name in view.numbered("string_current") if view.known(name) is not None]
    currents = [view.value(name) for name in names]
    middle = median(currents) if len(currents) >= _FEWEST_STRINGS else 0.0
    for name in names:
        kept = memory.strings.setdefault(name, ten_minutes())
        runs = middle >= solar.LEAST_STRING_A
        kept.add(view.at_us, view.value(name) / middle if runs else None)
    now = solar.weak_strings(currents)
    limit = 1.0 - solar.LIMITS.string_alarm
    weak = [
        names[place]
        for place in now
        if memory.strings[names[place]].stays_below(_SURE_AFTER, limit)
    ]
    if not weak:
        return []
    worst = min(weak, key=view.value)
    said = agrees(
        solar.STRING_RULE, Cause.WEAK_STRING, 0.8, view.value(worst), limit * middle, "A",
        view.inputs(*weak), solar.LIMITS.provenance,
        drawing=memory.strings[worst].drawing("pu", 1.0, limit),
    )  # fmt: skip
    numbers = ", ".join(name.removeprefix("string_current_") for name in weak)
    why = Reason.of("strings_low", strings=numbers, percent=f"{100 * solar.LIMITS.string_alarm:g}")
    return [
        replace(
            said, expected=round(middle, 2), why=why, would_change=Reason.of("strings_together")
        )
    ]


def of_yield(view: View, memory: Remembered) -> list[Opinion]:
    """Performance ratio of whole days, at 25 degC: of the last day that was seen as a whole."""
    if not view.has("p", "dc_voltage") or "poa_irradiance" not in view.sky:
        return []
    inputs = (*view.inputs("p"), *_sky_inputs(view))
    rated = view.plate.dc_kwp
    if rated is None:
        return [cannot_tell(solar.RATIO_RULE, Cause.LOW_YIELD, inputs, "dc_kwp")]
    day = memory.day
    _add_up(day, view, rated)
    if not day.ratios or day.day - day.ratios[-1][0] > _RATIO_TOLD_DAYS:
        return []
    *before, (_, now) = day.ratios
    past = [ratio for _, ratio in before]
    if not solar.ratio_is_low(now, past):
        return []
    usual = median(past[-30:]) if past else solar.LIMITS.least
    said = agrees(
        solar.RATIO_RULE, Cause.LOW_YIELD, 0.7, now, solar.LIMITS.least, "pu", inputs,
        solar.IEC_61724, drawing=_ratios_drawn(day),
    )  # fmt: skip
    why = Reason.of("low_ratio", ratio=f"{now:.2f}", usual=f"{usual:.2f}")
    return [replace(said, why=why, would_change=Reason.of("curtailed_or_snow_would_explain"))]


def _add_up(day: SunDay, view: View, rated_kwp: float) -> None:
    """Goes on to the view's moment by the mean of both ends; a gap, or a bad value, is not covered."""
    today = view.local_us // DAY_US
    if view.local_us < day.at_us:
        return
    if today != day.day:
        _close(day, rated_kwp)
        day.day = today
        day.energy_kwh = day.irradiation = day.warmth = 0.0
        day.covered_us = 0
        day.at_us = 0
    kw, sun = view.known("p"), _sky(view, "poa_irradiance")
    if kw is None or sun is None or not view.signals["p"].good:
        day.at_us = 0
        return
    passed_us = view.local_us - day.at_us
    if day.at_us and passed_us <= _LONGEST_GAP_US:
        hours = passed_us / HOUR_US
        sunned = max(0.5 * (sun + day.w_m2), 0.0) / 1_000.0 * hours
        day.energy_kwh += max(0.5 * (kw + day.kw), 0.0) * hours
        day.irradiation += sunned
        day.warmth += (_sky(view, "module_temp") or solar.STANDARD_CELSIUS) * sunned
        day.covered_us += passed_us
    day.at_us, day.kw, day.w_m2 = view.local_us, kw, sun


def _close(day: SunDay, rated_kwp: float) -> None:
    whole = day.covered_us >= _COVERED_SHARE * DAY_US and day.irradiation >= _LEAST_IRRADIATION
    if not whole:
        return
    ratio = solar.performance_ratio(
        day.energy_kwh,
        rated_kwp,
        day.irradiation,
        gamma=solar.GAMMA_PER_K,
        cell_celsius=day.warmth / day.irradiation,
    )
    day.ratios.append((day.day, round(ratio, 4)))
    del day.ratios[:-_RATIOS_KEPT]


def _ratios_drawn(day: SunDay) -> Drawing:
    return Drawing(
        kind="series",
        unit="pu",
        times_us=tuple((each + 1) * DAY_US for each, _ in day.ratios),
        measured=tuple(ratio for _, ratio in day.ratios),
        expected=(round(median(ratio for _, ratio in day.ratios), 4),) * len(day.ratios),
        limit=solar.LIMITS.least,
    )


def of_stale_power(view: View, memory: Remembered) -> list[Opinion]:
    """A power that repeats itself for an hour while the sun moves is not measured any more."""
    if not view.has("p", "dc_voltage"):
        return []
    now, sun, still = view.known("p"), _sky(view, "poa_irradiance"), memory.still
    if now is None or sun is None or abs(now) < _LEAST_KW:
        memory.still = Still()
        return []
    if now != still.value:
        memory.still = Still(now, view.at_us, sun, sun)
        return []
    still.beside_low, still.beside_high = min(still.beside_low, sun), max(still.beside_high, sun)
    moved = still.beside_high - still.beside_low >= _SUN_MOVED_W_M2
    if view.at_us - still.since_us < _STILL_US or not moved:
        return []
    return [
        Opinion(
            expert=solar.STALE_RULE,
            cause=Cause.MEASUREMENT,
            stance=Stance.AGREES,
            confidence=0.8,
            measured=now,
            unit="kW",
            inputs=view.inputs("p"),
            why=Reason.of("sensor_stands_still"),
            would_change=Reason.of("usual_again"),
        )
    ]
