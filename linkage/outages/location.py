"""Where on a radial feeder the fault lies, by the flags that its current set (DOMAIN E4). Pure.

It lies behind the last indicator that saw the current and before the next ones that did not. One that failed
or was never fitted says nothing: the section widens to the next that can be believed. Where they contradict
each other, or generation behind the fault may have set them, a person decides.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from domain.clock import SECOND_US
from domain.feeders import Feeder, OutageRules, Section
from domain.ids import PointKey
from domain.outages import Flag
from domain.readings import USABLE_QUALITIES, Values
from domain.responsibility import Reason

Flags = Mapping[str, Flag]  # by section, of the indicator at its switch


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """The sections among which it lies; none where a person must say."""

    sections: tuple[str, ...]
    why: Reason


def flags_of(
    feeder: Feeder,
    values: Values,
    at_us: int,
    stale_after_us: Mapping[PointKey, int | None],
    stale_before: frozenset[PointKey] = frozenset(),
) -> dict[str, Flag]:
    """As they stand now. One that was set before the trip already (`stale_before`) says nothing of it."""
    return {
        section.section_id: _flag(
            [
                _said(key, values, at_us, stale_after_us.get(key), stale_before)
                for key in section.flags
            ]
        )
        for section in feeder.sections
        if section.after
    }


def _said(
    key: PointKey,
    values: Values,
    at_us: int,
    stale_after_us: int | None,
    stale_before: frozenset[PointKey],
) -> Flag:
    held = values(key)
    if held is None or held.quality not in USABLE_QUALITIES or key in stale_before:
        return Flag.FAILED
    if stale_after_us is not None and at_us - held.at_us > stale_after_us + SECOND_US:
        return Flag.FAILED
    return {1.0: Flag.SET, 0.0: Flag.CLEAR}.get(held.value, Flag.FAILED)


def _flag(phases: Iterable[Flag]) -> Flag:
    """One phase that saw the current is enough; clear needs every phase."""
    every = set(phases)
    if not every:
        return Flag.NOT_FITTED
    for worst in (Flag.SET, Flag.FAILED):
        if worst in every:
            return worst
    return Flag.CLEAR


def locate(feeder: Feeder, flags: Flags, load_mw: float | None, rules: OutageRules) -> Located:
    carried = load_mw if load_mw else feeder.nominal_mw
    if feeder.generation_mw > rules.generation_share * carried:
        return _by_hand("flags_generation", mw=f"{feeder.generation_mw:g}", load=f"{carried:g}")
    seen = [each for each in feeder.sections if flags.get(each.section_id) is Flag.SET]
    for section in seen:
        for above in _above(feeder, section):
            if flags.get(above.section_id) is Flag.CLEAR:
                return _by_hand("flags_contradict", clear=above.section_id, set=section.section_id)
    last = _deepest(feeder, seen)
    if last is None:
        return _by_hand("flags_two_branches", flags=", ".join(each.section_id for each in seen))
    return _between(feeder, last, flags)


def _by_hand(code: str, **facts: object) -> Located:
    return Located(sections=(), why=Reason.of(code, **facts))


def _above(feeder: Feeder, section: Section) -> Iterable[Section]:
    supplier = feeder.section(section.after)
    while supplier is not None:
        yield supplier
        supplier = feeder.section(supplier.after)


def _deepest(feeder: Feeder, seen: list[Section]) -> Section | None:
    """The last that saw it, if all of them lie on one way to it; the breaker itself saw it by tripping."""
    if not seen:
        return feeder.sections[0]
    last = max(seen, key=lambda each: sum(1 for _ in _above(feeder, each)))
    way = {last.section_id, *(each.section_id for each in _above(feeder, last))}
    return last if all(each.section_id in way for each in seen) else None


def _between(feeder: Feeder, last: Section, flags: Flags) -> Located:
    inside, ends, silent = [last.section_id], list[str](), list[str]()
    for section in feeder.beyond(last.section_id):
        if section is last or section.after not in inside:
            continue
        if flags.get(section.section_id) is Flag.CLEAR:
            ends.append(section.section_id)
        else:
            inside.append(section.section_id)
            silent.append(section.section_id)
    known = [each for each in flags.values() if each in {Flag.SET, Flag.CLEAR}]
    code = "fault_whole" if not known else "fault_widened" if silent else "fault_between"
    facts = {"from": last.section_id, "to": ", ".join(ends)}
    if silent:
        facts["silent"] = ", ".join(silent)
    return Located(sections=tuple(inside), why=Reason.of(code, **facts))
