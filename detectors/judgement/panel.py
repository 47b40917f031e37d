"""The experts at the plant's readings: what each makes of one asset now. Which of them are asked follows from
the signals that the asset has; what is missing is said, not guessed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from statistics import median
from typing import Final

from detectors.judgement import capacitors, dc_system, dga, metering, sf6, solar, unbalance, voltage
from detectors.judgement.thermal import Nameplate
from detectors.judgement.transformer import Transformer
from detectors.judgement.wind import LIMIT_PROVENANCE as WIND_PROVENANCE
from detectors.judgement.wind import RULE as WIND_RULE
from detectors.judgement.wind import PowerCurve, off_curve
from domain.assets import Provenance
from domain.findings import Cause, Drawing, Input, Opinion, Stance
from domain.ids import AssetId
from domain.responsibility import Reason


@dataclass(frozen=True, slots=True)
class Reading:
    """The newest value of one signal. `good` is False for quality less than good, and for one too old."""

    value: float
    at_us: int
    good: bool = True
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One asset at one moment."""

    asset_id: AssetId
    at_us: int
    signals: Mapping[str, Reading]  # by the suffix of the point's key: "top_oil_temp"
    nominal_kv: float | None = None
    ambient: Reading | None = None  # of the site's weather station
    peers: Sequence[float] = ()  # active power of like assets of the station now

    def has(self, *names: str) -> bool:
        return all(name in self.signals for name in names)

    def value(self, name: str) -> float:
        return self.signals[name].value

    def inputs(self, *names: str) -> tuple[Input, ...]:
        return tuple(
            Input(
                point=f"{self.asset_id}/{name}",
                value=_known(self.signals[name].value),
                unit=self.signals[name].unit,
                good=self.signals[name].good,
                at_us=self.signals[name].at_us,
            )
            for name in names
        )


def _known(value: float) -> float | None:
    return value if isfinite(value) else None


Expert = Callable[[View], list[Opinion]]


@dataclass(slots=True)
class Panel:
    """Asks every expert that has something to go by. Holds what the experts remember of each asset."""

    curves: Mapping[AssetId, PowerCurve] = field(default_factory=dict)
    plates: Mapping[AssetId, Nameplate] = field(default_factory=dict)
    _transformers: dict[AssetId, Transformer] = field(default_factory=dict)
    _deviations: dict[AssetId, list[float | None]] = field(default_factory=dict)

    def opinions(self, view: View) -> list[Opinion]:
        """In a fixed order. A value that is not finite is missing."""
        said: list[Opinion] = []
        for expert in (*EXPERTS, self._thermal, self._wind):
            said += expert(view)
        return said

    def _thermal(self, view: View) -> list[Opinion]:
        if not view.has("top_oil_temp"):
            return []
        model = self._transformers.setdefault(view.asset_id, Transformer())
        plate = self.plates.get(view.asset_id)
        return model.opinions(view, plate)

    def _wind(self, view: View) -> list[Opinion]:
        if not view.has("wind_speed", "p"):
            return []
        curve = self.curves.get(view.asset_id)
        inputs = view.inputs("wind_speed", "p")
        if curve is None:
            return [_cannot_tell(WIND_RULE, Cause.POWER_CURVE, inputs, "power_curve")]
        past = self._deviations.setdefault(view.asset_id, [])
        past.append(curve.deviation(view.value("wind_speed"), view.value("p")))
        del past[:-10]
        if not off_curve(past):
            return []
        now = past[-1]
        return [
            Opinion(
                expert=WIND_RULE,
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
                provenance=WIND_PROVENANCE,
            )
        ]


def _cannot_tell(rule: str, cause: Cause, inputs: tuple[Input, ...], *missing: str) -> Opinion:
    return Opinion(
        expert=rule,
        cause=cause,
        stance=Stance.CANNOT_TELL,
        inputs=inputs,
        missing=missing,
        why=Reason.of("inputs_missing", what=", ".join(missing)),
    )


def _agrees(
    rule: str,
    cause: Cause,
    confidence: float,
    measured: float,
    limit: float,
    unit: str,
    inputs: tuple[Input, ...],
    provenance: Provenance,
) -> Opinion:
    return Opinion(
        expert=rule,
        cause=cause,
        stance=Stance.AGREES,
        confidence=confidence,
        measured=round(measured, 4),
        limit=limit,
        unit=unit,
        inputs=inputs,
        why=Reason.of("beyond_limit", measured=f"{measured:.4g}", limit=f"{limit:g}", unit=unit),
        would_change=Reason.of("within_limit", limit=f"{limit:g}", unit=unit),
        provenance=provenance,
    )


_LINES: Final = ("uab", "ubc", "uca")
_GASES: Final = ("h2", "ch4", "c2h6", "c2h4", "c2h2")


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
        _agrees(
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
        _agrees(
            voltage.RULE, Cause.VOLTAGE, 0.9, now, limit, "percent", view.inputs("uab"),
            band.provenance,
        )
    ]  # fmt: skip


def of_frequency(view: View) -> list[Opinion]:
    if not view.has("frequency"):
        return []
    now = view.value("frequency") - 50.0
    band = voltage.FREQUENCY_HZ
    if not isfinite(now) or voltage.within(now, band) or abs(now) > 10.0:
        return []
    limit = band.high if now > 0 else band.low
    return [
        _agrees(
            voltage.RULE, Cause.FREQUENCY, 0.9, now, limit, "Hz", view.inputs("frequency"),
            band.provenance,
        )
    ]  # fmt: skip


def of_dc(view: View) -> list[Opinion]:
    said: list[Opinion] = []
    limits = dc_system.LIMITS
    if view.has("bus_voltage"):
        volts, nominal = view.value("bus_voltage"), _nominal_dc(view.value("bus_voltage"))
        state = dc_system.bus_state(volts, nominal) if isfinite(volts) else None
        if state is not None:
            share = {"high": limits.high, "low": limits.low, "lowest": limits.lowest}[state]
            said.append(
                _agrees(
                    dc_system.RULE, Cause.DC_VOLTAGE, 0.9, volts, share * nominal, "V",
                    view.inputs("bus_voltage"), limits.provenance,
                )
            )  # fmt: skip
    if view.has("battery_temp") and view.value("battery_temp") > limits.battery_celsius:
        said.append(
            _agrees(
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
                _agrees(
                    dc_system.RULE, Cause.DC_EARTH_FAULT, 0.9, view.value("insulation"), least,
                    "kohm", view.inputs("insulation"), limits.unread,
                )
            )  # fmt: skip
    return said


def _nominal_dc(volts: float) -> float:
    return 110.0 if volts < 150.0 else 220.0


def of_gas_pressure(view: View) -> list[Opinion]:
    """From the pressure at 20 degC, or from the gauge and the temperature of the gas."""
    names: tuple[str, ...]
    if view.has("sf6_p20"):
        names, now = ("sf6_p20",), view.value("sf6_p20")
    elif view.has("sf6_pressure", "sf6_temp"):
        names = ("sf6_pressure", "sf6_temp")
        try:
            now = sf6.pressure_at_20(view.value("sf6_pressure"), view.value("sf6_temp"))
        except sf6.UnusableGas:
            return [_cannot_tell(sf6.RULE, Cause.GAS_LEAK, view.inputs(*names), *names)]
    else:
        return []
    limits = sf6.LIMITS
    if not isfinite(now) or now >= limits.alarm:
        return []
    confidence = 0.95 if now < limits.lock_out else 0.85
    return [
        _agrees(
            sf6.RULE, Cause.GAS_LEAK, confidence, now, limits.alarm, "MPa", view.inputs(*names),
            limits.provenance,
        )
    ]  # fmt: skip


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
        return [_cannot_tell(dga.RULE, Cause.THERMAL_FAULT, view.inputs(*given), *missing)]
    inputs = view.inputs(*_GASES)
    try:
        gases = dga.Gases(**{name: view.value(name) for name in _GASES})
    except dga.UnusableGases:
        return [_cannot_tell(dga.RULE, Cause.THERMAL_FAULT, inputs, *_GASES)]
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
        _agrees(
            metering.RULE, Cause.MEASUREMENT, 0.8, 100.0 * mismatch, 25.0, "percent",
            view.inputs(*names), metering.PROVENANCE,
        )
    ]  # fmt: skip


def of_inverters(view: View) -> list[Opinion]:
    """One inverter against its neighbours under the same sun."""
    if not view.has("p", "dc_voltage") or len(view.peers) < 2:
        return []
    usual = median(view.peers)
    now = view.value("p")
    if usual < 5.0 or not isfinite(now) or now >= (1.0 - solar.LIMITS.string_urgent) * usual:
        return []  # kW: dusk, or as good as the others
    return [
        _agrees(
            solar.RULE, Cause.LOW_YIELD, 0.75, now, (1.0 - solar.LIMITS.string_urgent) * usual,
            "kW", view.inputs("p"), solar.LIMITS.provenance,
        )
    ]  # fmt: skip


def of_capacitors(view: View) -> list[Opinion]:
    """Needs the open-delta voltage as a share of the phase voltage, and a bank of 4 x 2 unless told."""
    if not view.has("unbalance_share"):
        return []
    share = view.value("unbalance_share")
    if not isfinite(share) or share < 0.0:
        return []
    lost = capacitors.units_lost(capacitors.Bank(parallel=4, series=2), share)
    if lost is None:
        return []
    return [
        _agrees(
            capacitors.RULE, Cause.CAPACITOR_UNITS, 0.8, share, 0.15, "pu",
            view.inputs("unbalance_share"), capacitors.FORMULAS,
        )
    ]  # fmt: skip


EXPERTS: Final[tuple[Expert, ...]] = (
    of_unbalance,
    of_voltage,
    of_frequency,
    of_dc,
    of_gas_pressure,
    of_gases,
    of_metering,
    of_inverters,
    of_capacitors,
)
