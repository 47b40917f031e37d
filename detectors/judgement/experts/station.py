"""Experts on a station's own equipment: DC system and battery, gas-filled breakers, capacitors, relays."""

from dataclasses import replace
from math import isfinite
from statistics import fmean, median
from typing import Final

from detectors.judgement import capacitors, dc_system, relays, sf6
from detectors.judgement.remembered import DAY_US, MINUTE_US, Remembered
from detectors.judgement.view import View, agrees, cannot_tell
from domain.findings import Cause, Opinion, Stance
from domain.responsibility import Reason

_FEWEST_CELLS: Final = 3
_LEAK_DAYS: Final = 30
_TRIP_KEPT_US: Final = 30 * DAY_US


def of_dc(view: View) -> list[Opinion]:
    said: list[Opinion] = []
    limits = dc_system.LIMITS
    if view.has("bus_voltage"):
        volts, nominal = view.value("bus_voltage"), _nominal_dc(view.value("bus_voltage"))
        state = dc_system.bus_state(volts, nominal) if isfinite(volts) else None
        if state is not None:
            share = {"high": limits.high, "low": limits.low, "lowest": limits.lowest}[state]
            said.append(
                agrees(
                    dc_system.RULE, Cause.DC_VOLTAGE, 0.9, volts, share * nominal, "V",
                    view.inputs("bus_voltage"), limits.provenance,
                )
            )  # fmt: skip
    if view.has("battery_temp") and view.value("battery_temp") > limits.battery_celsius:
        said.append(
            agrees(
                dc_system.RULE,
                Cause.BATTERY_HEAT,
                0.8,
                view.value("battery_temp"),
                limits.battery_celsius,
                "degC",
                view.inputs("battery_temp"),
                limits.unread,
            )
        )
    if view.has("bus_voltage", "insulation") and isfinite(view.value("insulation")):
        nominal = _nominal_dc(view.value("bus_voltage"))
        least = limits.insulation_220_v if nominal >= 200.0 else limits.insulation_110_v
        if view.value("insulation") < least:
            said.append(
                agrees(
                    dc_system.RULE, Cause.DC_EARTH_FAULT, 0.9, view.value("insulation"), least,
                    "kohm", view.inputs("insulation"), limits.unread,
                )
            )  # fmt: skip
    return said


def _nominal_dc(volts: float) -> float:
    return 110.0 if volts < 150.0 else 220.0


def of_cells(view: View) -> list[Opinion]:
    """Cells, or blocks of several in one case, against their own mean."""
    names = [name for name in view.numbered("cell_voltage") if view.known(name) is not None]
    if len(names) < _FEWEST_CELLS:
        return []
    volts = [view.value(name) for name in names]
    apart = dc_system.LIMITS.cell_apart_v * dc_system.cells_of_block(median(volts))
    limits = replace(dc_system.LIMITS, cell_apart_v=apart)
    odd = [names[place] for place in dc_system.odd_cells(volts, limits)]
    if not odd:
        return []
    mean = fmean(volts)
    worst = max(odd, key=lambda name: abs(view.value(name) - mean))
    said = agrees(
        dc_system.RULE, Cause.BATTERY_CELL, 0.8, view.value(worst), apart, "V", view.inputs(*odd),
        limits.unread,
    )  # fmt: skip
    numbers = ", ".join(name.removeprefix("cell_voltage_") for name in odd)
    why = Reason.of("cells_apart", cells=numbers, mean=f"{mean:.2f}", limit=f"{apart:g}")
    return [
        replace(
            said,
            expected=round(mean, 3),
            why=why,
            would_change=Reason.of("cells_together", limit=f"{apart:g}"),
        )
    ]


def _p20(view: View) -> tuple[tuple[str, ...], float | None]:
    """The signals that tell the pressure at 20 degC, and what it is: measured so, or from the gauge and the
    temperature of the gas. None where they cannot tell it."""
    if view.has("sf6_p20"):
        return ("sf6_p20",), view.known("sf6_p20")
    names = ("sf6_pressure", "sf6_temp")
    if not view.has(*names):
        return (), None
    try:
        return names, sf6.pressure_at_20(view.value("sf6_pressure"), view.value("sf6_temp"))
    except sf6.UnusableGas:
        return names, None


def of_gas_pressure(view: View) -> list[Opinion]:
    names, now = _p20(view)
    if not names:
        return []
    if now is None:
        return [cannot_tell(sf6.RULE, Cause.GAS_LEAK, view.inputs(*names), *names)]
    limits = sf6.LIMITS
    if now >= limits.alarm:
        return []
    confidence = 0.95 if now < limits.lock_out else 0.85
    return [
        agrees(
            sf6.RULE, Cause.GAS_LEAK, confidence, now, limits.alarm, "MPa", view.inputs(*names),
            limits.provenance,
        )
    ]  # fmt: skip


def of_leak(view: View, memory: Remembered) -> list[Opinion]:
    """The slope of the daily means of a month: a leak is known long before the alarm pressure."""
    names, now = _p20(view)
    if not names:
        return []
    good = all(view.signals[name].good for name in names)
    memory.p20.add(view.local_us, now if good else None)
    since = memory.p20.slot - _LEAK_DAYS
    month = [(float(day), mean) for day, mean in memory.p20.past if day >= since]
    days, means = [day for day, _ in month], [mean for _, mean in month]
    leak = sf6.leak_percent_per_year(days, means)
    limit = sf6.LIMITS.leak_per_year
    if leak is None or leak <= limit or not sf6.falls_surely(days, means):
        return []
    said = agrees(
        sf6.LEAK_RULE, Cause.GAS_LEAK, 0.7, leak, limit, "%", view.inputs(*names),
        sf6.LIMITS.provenance, drawing=memory.p20.drawing("MPa", means[0], sf6.LIMITS.alarm),
    )  # fmt: skip
    why = Reason.of("leaks", percent=f"{leak:.2g}", days=str(len(days)), limit=f"{limit:g}")
    return [replace(said, why=why, would_change=Reason.of("refilled_or_tight"))]


def of_trip(view: View) -> list[Opinion]:
    """The newest fault record of an inverse-time stage: the time that it took against its curve."""
    names = ("trip_current", "trip_time")
    current, recorded = (view.known(name) for name in names)
    if current is None or recorded is None:
        return []
    if not view.of_one_record(names, MINUTE_US, _TRIP_KEPT_US):
        return []
    plate, inputs = view.plate, view.inputs(*names)
    if plate.pickup_a is None or plate.tms is None:
        return [cannot_tell(relays.RULE, Cause.RELAY_TIME, inputs, "pickup_a", "tms")]
    setting = relays.Setting(curve=plate.curve, pickup_a=plate.pickup_a, multiplier=plate.tms)
    timing = relays.judge_trip(setting, current, recorded)
    if timing is relays.Timing.RIGHT:
        return []
    expected = relays.trip_seconds(setting, current)
    code = "relay_unwanted" if expected is None else "relay_took"
    return [
        Opinion(
            expert=relays.RULE,
            cause=Cause.RELAY_TIME,
            stance=Stance.AGREES,
            confidence=0.85,
            measured=recorded,
            expected=None if expected is None else round(expected, 3),
            unit="s",
            inputs=inputs,
            why=Reason.of(
                code,
                current=f"{current:g}",
                recorded=f"{recorded:g}",
                expected="" if expected is None else f"{expected:.2f}",
                pickup=f"{plate.pickup_a:g}",
            ),
            would_change=Reason.of("next_trip_right"),
            provenance=relays.IEC_60255_151,
        )
    ]


def of_capacitors(view: View) -> list[Opinion]:
    """Needs the open-delta voltage as a share of the phase voltage, and a bank of 4 x 2 unless told."""
    if not view.has("unbalance_share"):
        return []
    share = view.value("unbalance_share")
    if not isfinite(share) or share < 0.0:
        return []
    parallel, series = view.plate.parallel or 4, view.plate.series or 2
    bank = capacitors.Bank(parallel=int(parallel), series=int(series))
    lost = capacitors.units_lost(bank, share)
    if lost is None:
        return []
    return [
        agrees(
            capacitors.RULE, Cause.CAPACITOR_UNITS, 0.8, share, capacitors.open_delta_share(bank, 1), "pu",
            view.inputs("unbalance_share"), capacitors.FORMULAS,
        )
    ]  # fmt: skip
