"""Isolation and restoration as a proposal: lines of text with device numbers for a dispatcher to order. Pure.

Nothing here controls anything. Isolate the faulted sections at every boundary; supply what lies before them
by the breaker, and what lies behind them over a tie whose neighbour can carry it (DOMAIN E4).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from domain.feeders import LOAD_ORDER, Feeder, LoadKind, OutageRules, Section, Tie, impact_of
from domain.ids import PointKey
from domain.outages import Step, StepKind
from domain.readings import USABLE_QUALITIES, Values
from domain.responsibility import Reason


@dataclass(slots=True)
class _Neighbours:
    """What the ties' neighbours carry, with what this proposal has put on them already."""

    values: Values
    rules: OutageRules
    added_mw: dict[str, float] = field(default_factory=dict)

    def spare_mw(self, tie: Tie) -> float | None:
        carried = self._value(tie.load)
        if carried is None:
            return None
        spare = tie.capacity_mw - carried - self.added_mw.get(tie.to_name, 0.0)
        return round(spare, 3)  # to the kilowatt, as loads are

    def kilovolts(self, tie: Tie) -> float | None:
        return self._value(tie.voltage)

    def _value(self, key: PointKey | None) -> float | None:
        held = self.values(key) if key else None
        return held.value if held is not None and held.quality in USABLE_QUALITIES else None


def propose(
    feeder: Feeder,
    faulted: Iterable[str],
    load_before_mw: float | None,
    values: Values,
    rules: OutageRules,
) -> tuple[Step, ...]:
    """Empty where the fault is not located: a person says where it lies first."""
    inside = tuple(faulted)
    if not inside:
        return ()
    top = next(each for each in feeder.sections if each.section_id in inside)
    ends = [each for each in feeder.sections if _begins_beyond(each, inside)]
    return (
        *_isolate(feeder, top, ends),
        *_upstream(feeder, top),
        *_downstream(feeder, ends, load_before_mw, _Neighbours(values, rules)),
    )


def _begins_beyond(section: Section, inside: tuple[str, ...]) -> bool:
    return section.after in inside and section.section_id not in inside


def _isolate(feeder: Feeder, top: Section, ends: list[Section]) -> Iterator[Step]:
    if top.after:
        yield _step(StepKind.ISOLATE, top.section_id, "step_open")
    else:
        yield _step(StepKind.CHECK, feeder.number, "step_keep_open")
    for section in ends:
        yield _step(StepKind.ISOLATE, section.section_id, "step_open")


def _upstream(feeder: Feeder, top: Section) -> Iterator[Step]:
    beyond = {each.section_id for each in feeder.beyond(top.section_id)}
    sound = tuple(each.section_id for each in feeder.sections if each.section_id not in beyond)
    if sound:
        yield _step(StepKind.RESTORE, feeder.number, "step_close_breaker", sound)


def _downstream(
    feeder: Feeder, ends: list[Section], load_before_mw: float | None, neighbours: _Neighbours
) -> Iterator[Step]:
    """What must come back first chooses its tie first."""
    islands = [tuple(each.section_id for each in feeder.beyond(end.section_id)) for end in ends]
    for island in sorted(islands, key=lambda island: _urgency(feeder, island)):
        load_mw = _load_of(feeder, island, load_before_mw)
        ties = [tie for tie in feeder.ties if tie.section_id in island]
        refused = list[Step]()
        chosen: Step | None = None
        for tie in sorted(ties, key=lambda tie: -(neighbours.spare_mw(tie) or 0.0)):
            step, fits = _over(tie, island, load_mw, neighbours)
            if fits:
                chosen = step
                break
            refused.append(step)
        if chosen is not None:
            yield chosen
            continue
        yield from refused
        if not ties:
            yield _step(
                StepKind.CHECK, island[0], "step_no_tie", facts={"sections": ", ".join(island)}
            )


def _over(
    tie: Tie, island: tuple[str, ...], load_mw: float | None, neighbours: _Neighbours
) -> tuple[Step, bool]:
    """The step, and whether the neighbour can carry it with its voltage inside the limits."""
    spare, kilovolts, rules = neighbours.spare_mw(tie), neighbours.kilovolts(tie), neighbours.rules
    facts = {
        "neighbour": tie.to_name,
        "load": _number(load_mw),
        "spare": _number(spare),
        "kilovolts": _number(kilovolts),
    }
    if spare is None or kilovolts is None or load_mw is None:
        return _step(StepKind.CHECK, tie.number, "step_tie_unknown", facts=facts), False
    if spare < load_mw:
        return _step(StepKind.CHECK, tie.number, "step_tie_no_spare", facts=facts), False
    if not rules.voltage_from <= kilovolts / tie.rated_kv <= rules.voltage_to:
        return _step(StepKind.CHECK, tie.number, "step_tie_voltage", facts=facts), False
    neighbours.added_mw[tie.to_name] = neighbours.added_mw.get(tie.to_name, 0.0) + load_mw
    return _step(StepKind.TRANSFER, tie.number, "step_close_tie", island, facts=facts), True


def _urgency(feeder: Feeder, island: tuple[str, ...]) -> tuple[int, float]:
    loads = impact_of(feeder, island).loads
    first = min((LOAD_ORDER[load.kind] for load in loads), default=LOAD_ORDER[LoadKind.OTHER])
    return first, -sum(load.tonnes_per_day for load in loads)


def _load_of(feeder: Feeder, island: tuple[str, ...], before_mw: float | None) -> float | None:
    """Its ordinary share of what the feeder carried before the trip; None: the site wrote no shares."""
    nominal = feeder.nominal_mw
    if nominal <= 0:
        return None
    share = sum(each.load_mw for each in feeder.sections if each.section_id in island) / nominal
    return round(share * (nominal if before_mw is None else before_mw), 3)


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")


def _step(
    kind: StepKind,
    switch: str,
    code: str,
    restores: tuple[str, ...] = (),
    facts: Mapping[str, str] | None = None,
) -> Step:
    given = {"restores": ", ".join(restores)} if restores else {}
    return Step(
        step_id=f"{kind.value} {switch}",
        kind=kind,
        text=Reason.of(code, switch=switch, **given, **(facts or {})),
        sections=restores,
    )
