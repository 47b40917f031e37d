"""One oil transformer followed by its thermal model: the oil's residual, and the next 30 minutes."""

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Final

from detectors.judgement import thermal
from detectors.judgement.thermal import Nameplate, Regime, Temperatures
from domain.assets import Provenance
from domain.findings import Cause, Drawing, Input, Opinion, Stance
from domain.responsibility import Reason

if TYPE_CHECKING:
    from detectors.judgement.panel import View

_MINUTE_US: Final = 60_000_000
_LONGEST_STEP_MIN: Final = 60.0  # after a longer gap the model starts anew
_SETTLED_AFTER_MIN: Final = 180.0  # before, the model still goes by its assumed beginning
_KEPT: Final = 240  # moments that are drawn
_OURS: Final = Provenance(standard="", edition="", clause="DOMAIN B3", mark="D")


@dataclass(slots=True)
class Transformer:
    """The model's state, from the first reading on."""

    _state: Temperatures | None = None
    _at_us: int = 0
    _began_us: int = 0
    _off_since_us: int | None = None
    _past: list[tuple[int, float, float]] | None = None  # time, measured, expected

    def opinions(self, view: "View", plate: Nameplate | None = None) -> list[Opinion]:
        """Moves the model to the view's moment. Without load or ambient it cannot tell, and says so."""
        plate = plate or Nameplate()
        missing = tuple(
            name
            for name, there in (
                ("load_factor", view.has("load_factor") and isfinite(view.value("load_factor"))),
                ("ambient_temp", view.ambient is not None and isfinite(view.ambient.value)),
            )
            if not there
        )
        measured = view.value("top_oil_temp")
        inputs = view.inputs("top_oil_temp")
        if missing or not isfinite(measured):
            missing = missing or ("top_oil_temp",)
            return [_silent(inputs, missing)]
        inputs = view.inputs("top_oil_temp", "load_factor")
        assert view.ambient is not None
        ambient = view.ambient.value
        inputs += (Input(point="ambient_temp", value=ambient, unit="degC", good=view.ambient.good),)
        load = min(max(view.value("load_factor"), 0.0), 2.5)
        state = self._advance(plate, load, ambient, measured, view.at_us)
        said = self._of_residual(state, measured, inputs, view.at_us)
        return said + _of_forecast(plate, state, load, ambient, inputs, view.at_us)

    def _advance(
        self, plate: Nameplate, load: float, ambient: float, measured: float, at_us: int
    ) -> Temperatures:
        minutes = (at_us - self._at_us) / _MINUTE_US
        if self._state is None or minutes > _LONGEST_STEP_MIN:
            settled = thermal.steady(plate, load, ambient)
            # the oil is what it is; only the winding's part has to be assumed
            self._state = Temperatures(measured, settled.rise_1, settled.rise_2)
            self._began_us, self._off_since_us, self._past = at_us, None, []
        elif minutes > 0.0:
            self._state = thermal.step(plate, self._state, load, ambient, minutes)
        self._at_us = at_us
        return self._state

    def _of_residual(
        self, state: Temperatures, measured: float, inputs: tuple[Input, ...], at_us: int
    ) -> list[Opinion]:
        self._remember(at_us, measured, state.oil)
        if (at_us - self._began_us) / _MINUTE_US < _SETTLED_AFTER_MIN:
            return []
        residual = measured - state.oil
        if residual <= thermal.RESIDUAL_K:
            self._off_since_us = None
            return [self._opinion(Stance.CONTRADICTS, 0.3, measured, state.oil, inputs)]
        if self._off_since_us is None:
            self._off_since_us = at_us
        if (at_us - self._off_since_us) / _MINUTE_US < thermal.RESIDUAL_FOR_MINUTES:
            return []
        return [self._opinion(Stance.AGREES, 0.8, measured, state.oil, inputs)]

    def _remember(self, at_us: int, measured: float, expected: float) -> None:
        if self._past is None:
            self._past = []
        if not self._past or at_us - self._past[-1][0] >= _MINUTE_US:
            self._past.append((at_us, round(measured, 2), round(expected, 2)))
            del self._past[:-_KEPT]

    def _opinion(
        self,
        stance: Stance,
        confidence: float,
        measured: float,
        expected: float,
        inputs: tuple[Input, ...],
    ) -> Opinion:
        past = self._past or []
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
            why=Reason.of(
                "oil_against_model", measured=f"{measured:.1f}", expected=f"{expected:.1f}"
            ),
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


def _silent(inputs: tuple[Input, ...], missing: tuple[str, ...]) -> Opinion:
    return Opinion(
        expert=thermal.RULE,
        cause=Cause.OVERHEATING,
        stance=Stance.CANNOT_TELL,
        inputs=inputs,
        missing=missing,
        why=Reason.of("inputs_missing", what=", ".join(missing)),
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
                times_us=tuple(at_us + (1 + row) * _MINUTE_US for row in range(len(forecast))),
                expected=tuple(round(each.hot_spot, 1) for each in forecast),
                measured=tuple(round(each.oil, 1) for each in forecast),
                limit=limit.hot_spot,
            ),
        )
    ]
