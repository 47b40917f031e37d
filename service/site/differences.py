"""What differs between two versions of a site, as lines for the person who must agree to it.

First what it means (points, limits, people, zones), then the files in which it was written.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import tzinfo
from enum import Enum
from typing import Any, Final

from domain.clock import SECOND_US, to_datetime
from domain.ids import PersonId
from domain.organisation import ALWAYS, Validity, Zone
from service.site.model import Site

LINES_AT_MOST: Final = 200  # a person reads no more; the files tell the rest
_TEXT_AT_MOST: Final = 120

_Things = Mapping[Any, Any]

# what a line calls the thing
_KINDS: Final[dict[str, dict[str, str]]] = {
    "site": {"zh-CN": "站点", "en": "site"},
    "device": {"zh-CN": "设备", "en": "device"},
    "point": {"zh-CN": "测点", "en": "point"},
    "limit": {"zh-CN": "限值", "en": "limit"},
    "source": {"zh-CN": "数据源", "en": "source"},
    "field_device": {"zh-CN": "现场装置", "en": "field device"},
    "rule": {"zh-CN": "联动规则", "en": "linkage rule"},
    "violation": {"zh-CN": "违章规则", "en": "violation rule"},
    "suppression": {"zh-CN": "抑制规则", "en": "suppression"},
    "unit": {"zh-CN": "组织", "en": "unit"},
    "team": {"zh-CN": "班组", "en": "team"},
    "person": {"zh-CN": "人员", "en": "person"},
    "placement": {"zh-CN": "所在班组", "en": "placement"},
    "leave": {"zh-CN": "请假", "en": "leave"},
    "place": {"zh-CN": "地点", "en": "place"},
    "holiday": {"zh-CN": "节假日", "en": "holiday"},
    "zone": {"zh-CN": "责任区", "en": "zone"},
    "roster": {"zh-CN": "排班", "en": "roster"},
    "rule_book": {"zh-CN": "积分规则", "en": "rule book"},
    "item": {"zh-CN": "积分项目", "en": "credit item"},
    "busbar": {"zh-CN": "母线", "en": "busbar"},
    "cell": {"zh-CN": "接线间隔", "en": "bay of the single line"},
    "camera": {"zh-CN": "摄像机", "en": "camera"},
    "box": {"zh-CN": "智能分析盒", "en": "analysis box"},
    "machine_rule": {"zh-CN": "识别规则", "en": "recognition rule"},
    "file": {"zh-CN": "文件", "en": "file"},
}
_MORE: Final = {"zh-CN": "… 另有 {count} 处", "en": "… and {count} more"}


def differences(
    before: Site,
    after: Site,
    files_before: Mapping[str, str],
    files_after: Mapping[str, str],
    language: str = "zh-CN",
) -> tuple[str, ...]:
    """`+` is new, `-` is gone, `~` is another. Empty: the two are the same."""
    lines = [*_of_sites(before, after, language), *_of_files(files_before, files_after, language)]
    if len(lines) <= LINES_AT_MOST:
        return tuple(lines)
    rest = len(lines) - LINES_AT_MOST
    return (*lines[:LINES_AT_MOST], _MORE[language].format(count=rest))


def _of_files(before: Mapping[str, str], after: Mapping[str, str], language: str) -> Iterator[str]:
    word = _KINDS["file"][language]
    for path in sorted(before.keys() | after.keys()):
        if path not in before:
            yield f"+ {word} {path}"
        elif path not in after:
            yield f"- {word} {path}"
        elif before[path] != after[path]:
            yield f"~ {word} {path}"


def _of_sites(before: Site, after: Site, language: str) -> Iterator[str]:
    old, new = _parts(before), _parts(after)
    for kind in old:
        word = _KINDS[kind][language]
        yield from _of_things(word, old[kind], new[kind], after.zone)


def _of_things(word: str, before: _Things, after: _Things, zone: tzinfo) -> Iterator[str]:
    for name, thing in after.items():
        if name not in before:
            yield f"+ {word} {name}"
        elif before[name] != thing:
            changed = "; ".join(_changed(before[name], thing, zone))
            yield f"~ {word} {name}: {changed}"
    for name in before:
        if name not in after:
            yield f"- {word} {name}"


def _parts(site: Site) -> dict[str, _Things]:
    """Everything in the site that has a name, by kind, in the order in which it is told."""
    people, book = site.organisation, site.rule_book
    names = {person.person_id: person.name for person in people.persons}
    return {
        "site": {site.code: _head(site)},
        "limit": {
            f"{point.key} {limit.condition.value}": limit
            for point in site.points
            for limit in point.limits
        },
        "point": {point.key: _without(point, "number", "limits") for point in site.points},
        "device": dict(site.assets),
        "busbar": {each.busbar_id: each for each in site.topology.busbars},
        "cell": {f"{each.station} {each.name}": each for each in site.topology.cells},
        "source": {each.source_id: each for each in site.sources},
        "field_device": {each.device_id: each for each in site.devices},
        "rule": {each.rule_id: each for each in site.rules},
        "violation": {each.rule_id: each for each in site.violations},
        "suppression": {each.rule_id: each for each in site.suppressions},
        "zone": {each.zone_id: _zone(each, names, site.zone) for each in people.zones},
        "roster": {each.roster_id: each for each in people.rosters},
        "unit": _numbered((each.unit_id, each) for each in people.units),
        "team": {each.team_id: each for each in people.teams},
        "person": {each.person_id: each for each in people.persons},
        "placement": _numbered((each.person_id, each) for each in people.placements),
        "leave": _numbered((each.person_id, each) for each in people.leaves),
        "holiday": _numbered((each.name, each) for each in people.holidays),
        "place": {each.place_id: each for each in people.places},
        "rule_book": {book.name: _without(book, "items")},
        "item": {each.item_id: each for each in book.items},
        "camera": {each.camera_id: each for each in site.cameras},
        "box": {each.box_id: each for each in site.boxes},
        "machine_rule": {each.code: each for each in site.machine_rules},
    }


def _numbered(named: Iterable[tuple[str, Any]]) -> _Things:
    """What may stand several times under one name, each for its own stretch of time."""
    found: dict[str, Any] = {}
    for name, thing in named:
        count = 1
        while (key := f"{name} ({count})" if count > 1 else str(name)) in found:
            count += 1
        found[key] = thing
    return found


def _head(site: Site) -> dict[str, Any]:
    return {
        "name": site.name,
        "zone": site.zone.key,
        "numbering": site.numbering,
        "responsible": site.responsible,
        "recording": site.recording,
        "counts": dict(site.organisation.counts),
    }


def _zone(zone: Zone, names: Mapping[PersonId, str], clock: tzinfo) -> dict[str, Any]:
    """Who owns it by name, and what it covers as one set each: nobody compares nested lists."""

    def named(person: PersonId | None, validity: Validity) -> str:
        name = names.get(person, person) if person else "—"
        return name if validity == ALWAYS else f"{name} ({_text('', validity, clock)})"

    return {
        **_without(zone, "tenures", "coverage"),
        "owner": tuple(named(each.owner, each.validity) for each in zone.tenures),
        "deputy": tuple(named(each.deputy, each.validity) for each in zone.tenures),
        "assets": frozenset().union(*(each.assets for each in zone.coverage)),
        "places": frozenset().union(*(each.places for each in zone.coverage)),
        "people": frozenset().union(*(each.people for each in zone.coverage)),
        "covers": tuple(each.validity for each in zone.coverage),
    }


def _without(thing: Any, *left_out: str) -> dict[str, Any]:
    return {name: value for name, value in _named(thing).items() if name not in left_out}


def _named(thing: Any) -> dict[str, Any]:
    if isinstance(thing, dict):
        return thing
    return {each.name: getattr(thing, each.name) for each in fields(thing)}


def _changed(before: Any, after: Any, zone: tzinfo) -> Iterator[str]:
    old, new = _named(before), _named(after)
    for name, value in new.items():
        if old[name] != value:
            yield f"{name.removesuffix('_us')} {_delta(name, old[name], value, zone)}"


def _delta(name: str, before: Any, after: Any, zone: tzinfo) -> str:
    """A collection by what came and went, anything else as from and to."""
    if isinstance(before, frozenset | tuple) and len(before) + len(after) > 2:
        came = [f"+{_text(name, each, zone)}" for each in after if each not in before]
        went = [f"-{_text(name, each, zone)}" for each in before if each not in after]
        if came or went:
            return _short(", ".join([*sorted(went), *sorted(came)]))
    return f"{_short(_text(name, before, zone))} → {_short(_text(name, after, zone))}"


def _text(name: str, value: Any, zone: tzinfo) -> str:
    match value:
        case None | "":
            return "—"
        case Enum():
            return value.name.lower() if isinstance(value, int) else str(value.value)
        case bool():
            return "yes" if value else "no"
        case Validity():
            return f"{_day(value.from_us, zone)} … {_day(value.until_us, zone)}"
        case int() if name.endswith("_us"):
            return f"{value / SECOND_US:g} s"
        case float():
            return f"{value:g}"
        case frozenset() | tuple():
            texts = (_text(name, each, zone) for each in value)
            return ", ".join(texts if isinstance(value, tuple) else sorted(texts)) or "—"
        case Mapping():
            return ", ".join(f"{key}: {_text(name, each, zone)}" for key, each in value.items())
        case _ if is_dataclass(value):
            texts = (_text(each, part, zone) for each, part in _named(value).items())
            return " ".join(text for text in texts if text not in {"—", "… … …"})
    return str(value)


def _day(moment_us: int | None, zone: tzinfo) -> str:
    if moment_us is None:
        return "…"
    return f"{to_datetime(moment_us).astimezone(zone):%Y-%m-%d %H:%M}"


def _short(text: str) -> str:
    return text if len(text) <= _TEXT_AT_MOST else text[: _TEXT_AT_MOST - 1] + "…"
