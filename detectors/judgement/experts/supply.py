"""Experts on the supply: unbalance, voltage, frequency, harmonics, and whether the measurements agree."""

from collections.abc import Iterator
from dataclasses import replace
from math import isfinite
from typing import Final

from detectors.judgement import harmonics, metering, unbalance, voltage
from detectors.judgement.remembered import DAY_US, MINUTE_US, Remembered
from detectors.judgement.view import View, agrees
from domain.assets import Provenance
from domain.findings import Cause, Opinion
from domain.responsibility import Reason

_LINES: Final = ("uab", "ubc", "uca")


def of_unbalance(view: View) -> list[Opinion]:
    if not view.has(*_LINES):
        return []
    inputs = view.inputs(*_LINES)
    try:
        now = unbalance.unbalance_of_lines(*(view.value(name) for name in _LINES))
    except unbalance.UnusablePhases:
        return []  # a dead line has no unbalance
    limit = unbalance.LIMIT
    if not isfinite(now) or now <= limit.normal:
        return []
    confidence = 0.9 if now > limit.short_time else 0.7
    return [
        agrees(
            unbalance.RULE, Cause.UNBALANCE, confidence, now, limit.normal, "percent", inputs,
            limit.provenance,
        )
    ]  # fmt: skip


def of_voltage(view: View) -> list[Opinion]:
    if not view.has("uab") or view.nominal_kv is None or view.nominal_kv > 20.0:
        return []
    now = voltage.deviation_percent(view.value("uab"), view.nominal_kv)
    band = voltage.UP_TO_20_KV
    if not isfinite(now) or voltage.within(now, band) or now < -90.0:  # a dead line is an outage
        return []
    limit = band.high if now > 0 else band.low
    return [
        agrees(
            voltage.RULE, Cause.VOLTAGE, 0.9, now, limit, "percent", view.inputs("uab"),
            band.provenance,
        )
    ]  # fmt: skip


_EVENT: Final = ("event_voltage", "event_time")
_EVENT_KEPT_US: Final = DAY_US


def of_voltage_event(view: View) -> list[Opinion]:
    """The newest event of a power quality recorder: the voltage that remained (pu), and for how long (s)."""
    remaining, lasted = (view.known(name) for name in _EVENT)
    if remaining is None or lasted is None:
        return []
    event = voltage.voltage_event(remaining, lasted)
    if event is None or not view.of_one_record(_EVENT, MINUTE_US, _EVENT_KEPT_US):
        return []
    said = agrees(
        voltage.RULE, Cause.VOLTAGE_EVENT, 0.9, remaining, 0.9 if remaining < 1.0 else 1.1, "pu",
        view.inputs(*_EVENT), voltage.SAG_PROVENANCE,
    )  # fmt: skip
    why = Reason.of(f"event_{event}", remaining=f"{100.0 * remaining:.4g}", lasted=f"{lasted:.4g}")
    return [replace(said, why=why, would_change=Reason.of("a_day_without_event"))]


def of_frequency(view: View) -> list[Opinion]:
    if not view.has("frequency"):
        return []
    now = view.value("frequency") - 50.0
    band = voltage.FREQUENCY_HZ
    if not isfinite(now) or voltage.within(now, band) or abs(now) > 10.0:
        return []
    limit = band.high if now > 0 else band.low
    return [
        agrees(
            voltage.RULE, Cause.FREQUENCY, 0.9, now, limit, "Hz", view.inputs("frequency"),
            band.provenance,
        )
    ]  # fmt: skip


def of_metering(view: View) -> list[Opinion]:
    """Power against current and voltage: a mismatch speaks against the measurement."""
    names = ("uab", "ia", "p", "q")
    if not view.has(*names) or not all(isfinite(view.value(name)) for name in names):
        return []
    mismatch = metering.apparent_mismatch(*(view.value(name) for name in names))
    if mismatch is None or abs(view.value("ia")) < 20.0:
        return []  # A: below that a transducer's own error is larger than the mismatch
    if abs(mismatch) <= 0.25:
        return []
    return [
        agrees(
            metering.RULE, Cause.MEASUREMENT, 0.8, 100.0 * mismatch, 25.0, "percent",
            view.inputs(*names), metering.PROVENANCE,
        )
    ]  # fmt: skip


_SURE_AFTER: Final = 3  # ten-minute means in a row


def of_harmonics(view: View, memory: Remembered) -> list[Opinion]:
    """Distortion of the voltage, its single harmonics, and harmonic currents: the one that is worst by its
    limit, for half an hour."""
    worst = max(_distortions(view), key=lambda each: each[1] / each[2], default=None)
    if worst is not None:
        memory.harmonics.add(view.at_us, worst[1] / worst[2])
    if worst is None or not memory.harmonics.stays_above(_SURE_AFTER, 1.0):
        return []
    name, now, limit, unit, provenance = worst
    if now <= limit:
        return []
    return [
        agrees(
            harmonics.RULE, Cause.HARMONICS, 0.85, now, limit, unit, view.inputs(name), provenance,
            drawing=memory.harmonics.drawing("pu", 1.0),
        )
    ]  # fmt: skip


def _distortions(view: View) -> Iterator[tuple[str, float, float, str, Provenance]]:
    """(signal, value, limit, unit, source of the limit) of all that is measured and has a limit."""
    if view.nominal_kv is None:
        return
    row = harmonics.voltage_limit(harmonics.GBT_14549_VOLTAGE, view.nominal_kv)
    for name in ("thd_ua", "thd_ub", "thd_uc"):
        now = view.known(name)
        if row is not None and now is not None:
            yield name, now, row.total, "%", row.provenance
    for name in view.numbered("hru"):
        now, order = view.known(name), int(name.removeprefix("hru_"))
        if row is not None and now is not None:
            yield name, now, row.odd if order % 2 else row.even, "%", row.provenance
    table = harmonics.injected_row(view.nominal_kv)
    for name in view.numbered("hi"):
        now, order = view.known(name), int(name.removeprefix("hi_"))
        if table is None or now is None:
            continue
        strength = view.plate.short_circuit_mva or table.base_mva
        limit = harmonics.injected_limit_a(view.nominal_kv, order, strength)
        if limit is not None:
            yield name, now, limit, "A", table.provenance
