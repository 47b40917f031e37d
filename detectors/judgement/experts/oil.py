"""Experts on what oil tells: dissolved gases, and how fast they grow."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import isfinite
from typing import Final

from detectors.judgement import dga
from detectors.judgement.remembered import DAY_US, GasSample, Remembered
from detectors.judgement.view import View, agrees, cannot_tell
from domain.assets import Provenance
from domain.findings import Cause, Drawing, Opinion, Stance
from domain.responsibility import Reason

_GASES: Final = ("h2", "ch4", "c2h6", "c2h4", "c2h2")
_CAUSE_OF_GASES: Final = {
    "partial_discharge": Cause.PARTIAL_DISCHARGE,
    "discharge": Cause.DISCHARGE,
    "thermal": Cause.THERMAL_FAULT,
}


def of_gases(view: View) -> list[Opinion]:
    """Refuses a diagnosis while no gas is above its attention value: ratios of little are noise."""
    given = [name for name in _GASES if view.has(name)]
    if not given:
        return []
    missing = tuple(name for name in _GASES if name not in given)
    if missing:
        return [cannot_tell(dga.RULE, Cause.THERMAL_FAULT, view.inputs(*given), *missing)]
    inputs = view.inputs(*_GASES)
    try:
        gases = dga.Gases(**{name: view.value(name) for name in _GASES})
    except dga.UnusableGases:
        return [cannot_tell(dga.RULE, Cause.THERMAL_FAULT, inputs, *_GASES)]
    exceeded = dga.UP_TO_220_KV.exceeded_by(gases)
    fault = dga.combined(gases) if exceeded else None
    if fault is None:
        return []
    family = _CAUSE_OF_GASES[dga.FAMILY[fault]]
    shares = dga.triangle_shares(gases)
    place = tuple(round(share, 2) for share in shares) if shares else ()
    second = dga.iec_60599(gases)
    supports = fault in second or not second
    own = Opinion(
        expert=dga.RULE,
        cause=family,
        stance=Stance.AGREES,
        confidence=0.85 if supports else 0.7,
        inputs=inputs,
        why=Reason.of("gases_say", fault=fault.value, exceeded=", ".join(exceeded)),
        would_change=Reason.of("gases_below_attention"),
        provenance=dga.UP_TO_220_KV.provenance,
        drawing=Drawing(kind="triangle", place=place),
    )
    return [own, *_second_opinion(view, gases, fault)]


def _second_opinion(view: View, gases: dga.Gases, fault: dga.Fault) -> list[Opinion]:
    zone = dga.duval_pentagon_1(gases)
    if zone is None or zone is dga.Fault.STRAY:
        return []
    same = dga.FAMILY.get(zone) == dga.FAMILY[fault]
    return [
        Opinion(
            expert="dga_pentagon/1",
            cause=_CAUSE_OF_GASES[dga.FAMILY[fault]],
            stance=Stance.AGREES if same else Stance.CONTRADICTS,
            confidence=0.4 if same else 0.2,
            inputs=view.inputs(*_GASES),
            why=Reason.of("pentagon_says", fault=zone.value),
        )
    ]


_SAMPLES_APART_US: Final = (
    12 * 3_600_000_000
)  # a monitor that measures more often says no more by it
_SAMPLES_KEPT: Final = 120
_COMPARED_DAYS: Final = (14.0, 60.0)  # the sample nearest to a month ago, within these
_MONTH_DAYS: Final = 30.44


def of_gas_rates(view: View, memory: Remembered) -> list[Opinion]:
    """How fast the gases grew within about a month: per cent, and millilitres a day where the mass of the
    oil is known."""
    if not view.has(*_GASES) or not all(view.signals[name].good for name in _GASES):
        return []
    now = _sampled(view, memory)
    before = _month_ago(memory.samples, now) if now else None
    if now is None or before is None:
        return []
    days = (now.at_us - before.at_us) / DAY_US
    found = [*_relative(view, before, now, days), *_absolute(view, before, now, days)]
    return found[:1] if found else []


def _sampled(view: View, memory: Remembered) -> GasSample | None:
    """The newest sample, taken into the past where it is one that was not there; None for what is none."""
    try:
        gases = dga.Gases(**{name: view.value(name) for name in _GASES})
    except dga.UnusableGases:
        return None
    at_us = max(view.signals[name].at_us for name in _GASES)
    sample = GasSample(at_us=at_us, h2=gases.h2, c2h2=gases.c2h2, hydrocarbons=gases.hydrocarbons)
    if not memory.samples or at_us - memory.samples[-1].at_us >= _SAMPLES_APART_US:
        memory.samples.append(sample)
        del memory.samples[:-_SAMPLES_KEPT]
    return sample


def _month_ago(samples: Sequence[GasSample], now: GasSample) -> GasSample | None:
    least, most = _COMPARED_DAYS
    fit = [each for each in samples if least <= (now.at_us - each.at_us) / DAY_US <= most]
    wanted_us = now.at_us - _MONTH_DAYS * DAY_US
    return min(fit, key=lambda each: abs(each.at_us - wanted_us), default=None)


def _relative(view: View, before: GasSample, now: GasSample, days: float) -> Iterator[Opinion]:
    """Of all hydrocarbons, and only once there is half of what deserves attention: little grows fast by
    nothing."""
    if now.hydrocarbons < 0.5 * dga.UP_TO_220_KV.hydrocarbons:
        return
    rate = dga.relative_rate(before.hydrocarbons, now.hydrocarbons, days / _MONTH_DAYS)
    if isfinite(rate) and rate > dga.RATES.relative:
        yield _grows(
            view, Cause.THERMAL_FAULT, "THC", rate, dga.RATES.relative, "%/month", days,
            dga.RATES.provenance,
        )  # fmt: skip


def _absolute(view: View, before: GasSample, now: GasSample, days: float) -> Iterator[Opinion]:
    oil_t = view.plate.oil_t
    if oil_t is None:
        return
    rates = dga.RATES
    for gas, cause, was, then, limit in (
        ("C2H2", Cause.DISCHARGE, before.c2h2, now.c2h2, rates.c2h2),
        ("THC", Cause.THERMAL_FAULT, before.hydrocarbons, now.hydrocarbons, rates.hydrocarbons),
        ("H2", Cause.PARTIAL_DISCHARGE, before.h2, now.h2, rates.h2),
    ):
        rate = dga.absolute_rate(was, then, days, oil_t)
        if isfinite(rate) and rate > limit:
            yield _grows(view, cause, gas, rate, limit, "mL/d", days, rates.unread)


def _grows(
    view: View,
    cause: Cause,
    gas: str,
    rate: float,
    limit: float,
    unit: str,
    days: float,
    provenance: Provenance,
) -> Opinion:
    said = agrees(dga.RATE_RULE, cause, 0.6, rate, limit, unit, view.inputs(*_GASES), provenance)
    why = Reason.of("gas_grows", gas=gas, rate=f"{rate:.3g}", unit=unit, days=f"{days:.0f}")
    return replace(
        said, why=why, would_change=Reason.of("grows_slower", limit=f"{limit:g}", unit=unit)
    )
