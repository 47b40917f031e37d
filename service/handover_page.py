"""The one page that a shift hands over (DOMAIN G1): what stands at a post, as lines in the reader's words.

What is signed is this page as JSON, to the letter: it is shown later from those letters and never made anew.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from domain.assets import Point
from domain.commands import CommandState, DeviceCommand, FieldDevice
from domain.limit_changes import LimitChange, still_replaces
from domain.paperwork import ApprovalState
from domain.readings import Quality
from domain.topology import Switch, SwitchKind
from linkage.plan import LinkagePlan
from service.site.model import Site
from storage.typed import read_json

Latest = Mapping[str, tuple[float | None, int, int]]  # point -> value, event time, quality

ROWS_AT_MOST: Final = 200  # of one section; how many more there are is said
_CLOSED: Final = 2.0  # of a double point
_BY_HAND: Final = frozenset({Quality.BLOCKED, Quality.SUBSTITUTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    when: str
    what: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    name: str  # "alarms": its title is the console's
    lines: tuple[Line, ...] = ()
    more: int = 0  # that did not fit
    unknown: bool = False  # core did not answer: nobody can say whether there are any

    @classmethod
    def of(cls, name: str, lines: Iterable[Line]) -> "Section":
        every = tuple(lines)
        return cls(name=name, lines=every[:ROWS_AT_MOST], more=max(0, len(every) - ROWS_AT_MOST))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    post: str
    crew: str
    duty_date: str
    shift: str
    language: str  # of its lines
    made_at: str  # by the site's clock
    notes: str
    sections: tuple[Section, ...]


class UnreadablePage(ValueError):
    """A signed page of another release; its letters are kept all the same."""


def written(page: Page) -> str:
    """The letters that are signed: the same page always gives the same ones."""
    return msgspec.json.format(msgspec.json.encode(page, order="deterministic"), indent=0).decode()


def read(content: str) -> Page:
    """Raises UnreadablePage."""
    try:
        return read_json(Page, content)
    except msgspec.MsgspecError as error:
        raise UnreadablePage(f"the page cannot be shown: {error}") from error


def put_in_by_hand(points: Iterable[Point], latest: Latest) -> Iterator[tuple[Point, Quality]]:
    """Blocked, or substituted by a person: the value says nothing of the plant."""
    for point in points:
        said = latest.get(point.key)
        if said is not None and said[2] in _BY_HAND:
            yield point, Quality(said[2])


def closed_earths(
    site: Site, latest: Latest, sees: Callable[[str], bool]
) -> Iterator[tuple[str, Switch]]:
    """Earth switches that stand closed, with their station."""
    for cell in site.topology.cells:
        for switch in (*cell.switches, *cell.to_switches):
            if switch.kind is not SwitchKind.EARTH_SWITCH or not sees(cell.station):
                continue
            said = latest.get(switch.position) if switch.position else None
            if said is not None and said[0] == _CLOSED:
                yield cell.station, switch


def failed_devices(
    plan: LinkagePlan,
    last_of: Callable[[str], list[DeviceCommand]],
    sees: Callable[[str], bool],
) -> Iterator[tuple[FieldDevice, DeviceCommand]]:
    """Those that did not do what they were asked last."""
    for device in plan.devices:
        if not sees(plan.asset(device.asset_id).station):
            continue
        last = last_of(device.device_id)
        if last and last[0].state in {CommandState.FAILED, CommandState.EXPIRED}:
            yield device, last[0]


def temporary_limits(
    plan: LinkagePlan, changes: Iterable[LimitChange], sees: Callable[[str], bool]
) -> Iterator[LimitChange]:
    """Changed in the console and not in the site folder, or waiting for a second person."""
    for change in changes:
        point = plan.points.get(change.setting.point)
        if point is None or not sees(plan.asset(point.asset_id).station):
            continue
        waits = change.state is ApprovalState.PROPOSED
        holds = change.state is ApprovalState.EFFECTIVE and still_replaces(change, plan.points)
        if waits or holds:
            yield change
