"""One oil transformer followed by its thermal model: the oil's residual, and the next 30 minutes."""

from dataclasses import replace
from math import isfinite
from typing import Final

from detectors.judgement import thermal
from detectors.judgement.remembered import MINUTE_US, Thermal
from detectors.judgement.thermal import Nameplate, Regime, Temperatures
from detectors.judgement.view import View, cannot_tell
from domain.assets import Provenance
from domain.findings import Cause, Drawing, Input, Opinion, Stance
from domain.plates import Plate
from domain.responsibility import Reason

_LONGEST_STEP_MIN: Final = 60.0  # after a longer gap the model starts anew
_SETTLED_AFTER_MIN: Final = 180.0  # before, the model still goes by its assumed beginning
_KEPT: Final = 240  # moments that are drawn
_OURS: Final = Provenance(standard="", edition="", clause="DOMAIN B3", mark="D")


def nameplate_of(plate: Plate, learnt: Nameplate | None) -> Nameplate:
    """What the plate says wins over what was learnt, and that over the fallback."""
    known = learnt or Nameplate()
    return replace(
        known,
        oil_rise_k=plate.oil_rise_k or known.oil_rise_k,
        gradient_k=plate.gradient_k or known.gradient_k,
        loss_ratio=plate.loss_ratio or known.loss_ratio,
    )


def of_oil(view: View, memory: Thermal, plate: Nameplate) -> list[Opinion]:
    """Moves the model to the view's moment. Without load or ambient it cannot tell, and says so."""
    if not view.has("top_oil_temp"):
        return []
    ambient = view.ambient.value if view.ambient else None
    known = {
        "load_factor": view.known("load_factor"),
        "ambient_temp": ambient if ambient is not None and isfinite(ambient) else None,
    }
    missing = tuple(name for name, value in known.items() if value is None)
    measured = view.known("top_oil_temp")
    inputs = view.inputs("top_oil_temp")
    if missing or measured is None or ambient is None or view.ambient is None:
        missing = missing or ("top_oil_temp",)
        return [cannot_tell(thermal.RULE, Cause.OVERHEATING, inputs, *missing)]
    inputs = view.inputs("top_oil_temp", "load_factor")
    inputs += (Input(point="ambient_temp", value=ambient, unit="degC", good=view.ambient.good),)
    load = min(max(view.value("load_factor"), 0.0), 2.5)
    state = _advance(memory, plate, load, ambient, measured, view.at_us)
    said = _of_residual(memory, state, measured, inputs, view.at_us)
    return said + _of_forecast(plate, state, load, ambient, inputs, view.at_us)


def _advance(
    memory: Thermal, plate: Nameplate, load: float, ambient: float, measured: float, at_us: int
) -> Temperatures:
    minutes = (at_us - memory.at_us) / MINUTE_US
    if memory.state is None or minutes > _LONGEST_STEP_MIN:
        settled = thermal.steady(plate, load, ambient)
        # the oil is what it is; only the winding's part has to be assumed
        memory.state = Temperatures(measured, settled.rise_1, settled.rise_2)
        memory.began_us, memory.off_since_us, memory.past = at_us, None, []
    elif minutes > 0.0:
        memory.state = thermal.step(plate, memory.state, load, ambient, minutes)
    memory.at_us = at_us
    return memory.state


def _of_residual(
    memory: Thermal, state: Temperatures, measured: float, inputs: tuple[Input, ...], at_us: int
) -> list[Opinion]:
    _remember(memory, at_us, measured, state.oil)
    if (at_us - memory.began_us) / MINUTE_US < _SETTLED_AFTER_MIN:
        return []
    residual = measured - state.oil
    if residual <= thermal.RESIDUAL_K:
        memory.off_since_us = None
        return [_opinion(memory, Stance.CONTRADICTS, 0.3, measured, state.oil, inputs)]
    if memory.off_since_us is None:
        memory.off_since_us = at_us
    if (at_us - memory.off_since_us) / MINUTE_US < thermal.RESIDUAL_FOR_MINUTES:
        return []
    return [_opinion(memory, Stance.AGREES, 0.8, measured, state.oil, inputs)]


def _remember(memory: Thermal, at_us: int, measured: float, expected: float) -> None:
    if not memory.past or at_us - memory.past[-1][0] >= MINUTE_US:
        memory.past.append((at_us, round(measured, 2), round(expected, 2)))
        del memory.past[:-_KEPT]


def _opinion(
    memory: Thermal,
    stance: Stance,
    confidence: float,
    measured: float,
    expected: float,
    inputs: tuple[Input, ...],
) -> Opinion:
    past = memory.past
    return Opinion(
        expert=thermal.RULE,
        cause=Cause.OVERHEATING,
        stance=stance,
        confidence=confidence,
        measured=round(measured, 1),
        expected=round(expected, 1),
        limit=thermal.RESIDUAL_K,
        unit="degC",
        inputs=inputs,
        why=Reason.of("oil_against_model", measured=f"{measured:.1f}", expected=f"{expected:.1f}"),
        would_change=Reason.of("oil_within_model", kelvin=f"{thermal.RESIDUAL_K:g}"),
        provenance=_OURS,
        drawing=Drawing(
            kind="series",
            unit="degC",
            times_us=tuple(each[0] for each in past),
            measured=tuple(each[1] for each in past),
            expected=tuple(each[2] for each in past),
        ),
    )


def _of_forecast(
    plate: Nameplate,
    state: Temperatures,
    load: float,
    ambient: float,
    inputs: tuple[Input, ...],
    at_us: int,
) -> list[Opinion]:
    limit = thermal.LOADING[Regime.NORMAL_CYCLIC]
    forecast = thermal.predict(plate, state, load, ambient)
    worst = max(each.hot_spot for each in forecast)
    if worst <= limit.hot_spot:
        return []
    return [
        Opinion(
            expert=thermal.RULE,
            cause=Cause.OVERLOAD,
            stance=Stance.AGREES,
            confidence=0.8,
            measured=round(state.hot_spot, 1),
            expected=round(worst, 1),
            limit=limit.hot_spot,
            unit="degC",
            inputs=inputs,
            why=Reason.of(
                "hot_spot_will_pass", celsius=f"{worst:.0f}", limit=f"{limit.hot_spot:.0f}"
            ),
            would_change=Reason.of("less_load", load=f"{load:.2f}"),
            provenance=limit.provenance,
            drawing=Drawing(
                kind="forecast",
                unit="degC",
                times_us=tuple(at_us + (1 + row) * MINUTE_US for row in range(len(forecast))),
                expected=tuple(round(each.hot_spot, 1) for each in forecast),
                measured=tuple(round(each.oil, 1) for each in forecast),
                limit=limit.hot_spot,
            ),
        )
    ]
