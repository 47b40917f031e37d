"""The single line of a station as SVG: busbars, bays, switches (closed red, open green), live values.

The highest voltage lies above, every other busbar beside each other below; transformers join the two rows.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

from domain.ids import PointKey
from domain.topology import Busbar, Cell, CellKind, Switch, SwitchKind, Topology
from web.theme import CLOSED, OPEN, UNKNOWN

Latest = Mapping[str, tuple[float | None, int, int]]

_SLOT: Final = 84.0
_GAP: Final = 96.0
_UPPER_Y: Final = 236.0
_LOWER_Y: Final = 520.0
_REACH: Final = 190.0  # from a busbar to the end of a bay
_STEP: Final = 32.0  # between two switches
_LINE: Final = "#37474f"
_SYMBOLS: Final = {
    CellKind.VOLTAGE_TRANSFORMER: "PT",
    CellKind.STATION_TRANSFORMER: "TS",
    CellKind.CAPACITOR: "C",
    CellKind.PV: "PV",
    CellKind.WIND: "W",
}


@dataclass(slots=True)
class _Row:
    y: float
    up: bool  # whether bays hang upwards
    starts: dict[str, float] = field(default_factory=dict)  # busbar -> x
    widths: dict[str, float] = field(default_factory=dict)
    taken: dict[str, int] = field(default_factory=dict)  # slots used towards the other row


@dataclass(frozen=True, slots=True)
class Picture:
    svg: str
    width: float
    height: float


def draw(
    topology: Topology,
    station: str,
    latest: Latest,
    troubled: Collection[str] = (),
    tagged: Mapping[str, str] | None = None,
    link: Callable[[str], str] = lambda asset: "#",
) -> Picture:
    """`troubled`: assets with an open incident; `tagged`: asset -> words on its tags."""
    drawing = _Drawing(topology, station, latest, troubled, tagged or {}, link)
    return drawing.picture()


def points_of(topology: Topology, station: str) -> list[PointKey]:
    """Every point that the picture shows."""
    found: list[PointKey] = []
    for cell in topology.cells:
        if cell.station == station:
            found += [
                each.position for each in (*cell.switches, *cell.to_switches) if each.position
            ]
            found += (cell.measurements or {}).values()
    return list(dict.fromkeys(found))


class _Drawing:
    def __init__(
        self,
        topology: Topology,
        station: str,
        latest: Latest,
        troubled: Collection[str],
        tagged: Mapping[str, str],
        link: Callable[[str], str],
    ) -> None:
        self._cells = [cell for cell in topology.cells if cell.station == station]
        self._busbars = [each for each in topology.busbars if each.station == station]
        self._latest = latest
        self._troubled = troubled
        self._tagged = tagged
        self._link = link
        self._out: list[str] = []
        self._width = 0.0
        top = self._busbars[0].voltage if self._busbars else ""
        self._upper = self._row([b for b in self._busbars if b.voltage == top], _UPPER_Y, up=True)
        self._lower = self._row([b for b in self._busbars if b.voltage != top], _LOWER_Y, up=False)

    def picture(self) -> Picture:
        for busbar in self._busbars:
            self._bus(busbar)
        for cell in self._of_kind(CellKind.TIE):
            self._tie(cell)
        self._transformers()
        for busbar in self._busbars:
            for slot, cell in enumerate(self._hanging(busbar.busbar_id)):
                self._cell(cell, slot)
        height = _LOWER_Y + _REACH + 46 if self._lower.starts else _UPPER_Y + 40
        body = "".join(self._out)
        svg = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self._width:.0f} {height:.0f}" '
            f'width="{self._width:.0f}" height="{height:.0f}" font-size="12" '
            'font-family="system-ui, Noto Sans CJK SC, sans-serif">'
            f'<defs><pattern id="unknown" width="5" height="5" patternUnits="userSpaceOnUse">'
            f'<path d="M0 5 5 0" stroke="{UNKNOWN}"/></pattern></defs>{body}</svg>'
        )
        return Picture(svg, self._width, height)

    def _row(self, busbars: Sequence[Busbar], y: float, *, up: bool) -> _Row:
        row = _Row(y, up)
        x = 20.0
        for busbar in busbars:
            name = busbar.busbar_id
            ends = [c for c in self._of_kind(CellKind.TRANSFORMER) if c.to_busbar_id == name]
            starts = {
                cell.asset_id
                for cell in self._of_kind(CellKind.TRANSFORMER)
                if cell.busbar_id == name
            }
            slots = max(len(self._hanging(name)), len(ends) + len(starts), 2)
            row.starts[name], row.widths[name], row.taken[name] = x, slots * _SLOT, 0
            x += slots * _SLOT + _GAP
        self._width = max(self._width, x - _GAP + 20)
        return row

    def _of_kind(self, kind: CellKind) -> list[Cell]:
        return [cell for cell in self._cells if cell.kind is kind]

    def _hanging(self, busbar: str) -> list[Cell]:
        between = {CellKind.TIE, CellKind.TRANSFORMER}
        return [c for c in self._cells if c.busbar_id == busbar and c.kind not in between]

    def _row_of(self, busbar: str) -> _Row:
        return self._upper if busbar in self._upper.starts else self._lower

    def _bus(self, busbar: Busbar) -> None:
        row = self._row_of(busbar.busbar_id)
        x, width = row.starts[busbar.busbar_id], row.widths[busbar.busbar_id]
        self._path(x, row.y, x + width, row.y, width=5)
        y = row.y + 18 if row.up else row.y - 10
        self._text(x + width, y, busbar.name, anchor="end", weight=600)

    def _tie(self, cell: Cell) -> None:
        """In the gap between its two busbars."""
        row = self._row_of(cell.busbar_id)
        if cell.to_busbar_id not in row.starts:
            return
        left = row.starts[cell.busbar_id] + row.widths[cell.busbar_id]
        right = row.starts[cell.to_busbar_id]
        self._path(left, row.y, right, row.y)
        middle = (left + right) / 2
        for number, switch in enumerate(_seen(cell.switches)):
            self._switch(switch, middle + (number * 2 - len(_seen(cell.switches)) + 1) * 16, row.y)
        self._name(cell, middle, row.y - 32)

    def _transformers(self) -> None:
        """Those of one asset leave the upper busbar together."""
        groups: dict[str, list[Cell]] = {}
        for cell in self._of_kind(CellKind.TRANSFORMER):
            groups.setdefault(cell.asset_id or cell.name, []).append(cell)
        lane = 0
        for cells in groups.values():
            x, y = self._next_slot(cells[0].busbar_id), self._upper.y
            core_y = y + 78
            self._path(x, y, x, core_y - 14)
            for number, switch in enumerate(_seen(cells[0].switches)):
                self._switch(switch, x, y + 26 + number * _STEP)
            self._windings(cells, x, core_y)
            for cell in cells:
                lane_y = core_y + 46 + lane * 12
                lane += 1
                self._secondary(cell, x, core_y + 26, lane_y)

    def _windings(self, cells: Sequence[Cell], x: float, y: float) -> None:
        self._circle(x, y)
        for number in range(len(cells)):
            shift = 0 if len(cells) == 1 else (-9 if number == 0 else 9)
            self._circle(x + shift, y + 17)
        self._name(cells[0], x + 24, y + 2, anchor="start")
        self._values(cells[0], x + 24, y + 18, anchor="start")

    def _secondary(self, cell: Cell, x: float, from_y: float, lane_y: float) -> None:
        assert cell.to_busbar_id is not None
        if cell.to_busbar_id not in self._lower.starts:
            return
        end = self._next_slot(cell.to_busbar_id)
        y = self._lower.y
        self._out.append(
            f'<path d="M{x:.0f} {from_y:.0f}V{lane_y:.0f}H{end:.0f}V{y:.0f}" fill="none" '
            f'stroke="{_LINE}" stroke-width="1.6"/>'
        )
        for number, switch in enumerate(_seen(cell.to_switches)):
            self._switch(switch, end, y - 26 - number * _STEP)

    def _next_slot(self, busbar: str) -> float:
        row = self._row_of(busbar)
        slot = row.taken[busbar]
        row.taken[busbar] += 1
        return row.starts[busbar] + (slot + 0.5) * _SLOT

    def _cell(self, cell: Cell, slot: int) -> None:
        row = self._row_of(cell.busbar_id)
        x = row.starts[cell.busbar_id] + (slot + 0.5) * _SLOT
        way = -1 if row.up else 1
        end = row.y + way * (_REACH - 62)
        self._path(x, row.y, x, end)
        for number, switch in enumerate(_seen(cell.switches)):
            self._switch(switch, x, row.y + way * (26 + number * _STEP))
        for switch in cell.switches:
            if switch.kind is SwitchKind.EARTH_SWITCH:
                self._earth(switch, x, end - way * 14)
        self._end(cell, x, end, way)
        label = end + way * 26 + (0 if way > 0 else -30)
        self._name(cell, x, label)
        self._values(cell, x, label + 29)

    def _end(self, cell: Cell, x: float, y: float, way: int) -> None:
        symbol = _SYMBOLS.get(cell.kind)
        if symbol:
            self._circle(x, y + way * 8)
            self._text(x, y + way * 8 + 4, symbol, size=9)
            return
        tip = y + way * 8
        self._out.append(
            f'<path d="M{x - 5:.0f} {y:.0f}L{x:.0f} {tip:.0f}L{x + 5:.0f} {y:.0f}Z" fill="{_LINE}"/>'
        )

    def _switch(self, switch: Switch, x: float, y: float) -> None:
        fill, stroke, word = self._look(switch)
        title = f"<title>{escape(switch.number)} {word}</title>"
        if switch.kind is SwitchKind.DISCONNECTOR:
            points = (
                f"{x:.0f},{y - 9:.0f} {x + 7:.0f},{y:.0f} {x:.0f},{y + 9:.0f} {x - 7:.0f},{y:.0f}"
            )
            shape = f'<polygon points="{points}" fill="{fill}" stroke="{stroke}" stroke-width="2">'
            self._out.append(f"{shape}{title}</polygon>")
        else:
            shape = (
                f'<rect x="{x - 7:.0f}" y="{y - 10:.0f}" width="14" height="20" fill="{fill}" '
                f'stroke="{stroke}" stroke-width="2.4">'
            )
            self._out.append(f"{shape}{title}</rect>")
        self._text(x + 11, y + 4, switch.number, size=10, anchor="start")

    def _earth(self, switch: Switch, x: float, y: float) -> None:
        fill, stroke, word = self._look(switch)
        self._out.append(
            f'<path d="M{x:.0f} {y:.0f}H{x - 22:.0f}" stroke="{_LINE}" fill="none"/>'
            f'<circle cx="{x - 12:.0f}" cy="{y:.0f}" r="5" fill="{fill}" stroke="{stroke}" '
            f'stroke-width="2"><title>{escape(switch.number)} {word}</title></circle>'
            f'<path d="M{x - 22:.0f} {y - 7:.0f}V{y + 7:.0f}M{x - 26:.0f} {y - 4:.0f}V{y + 4:.0f}'
            f'M{x - 30:.0f} {y - 2:.0f}V{y + 2:.0f}" stroke="{_LINE}" stroke-width="1.6"/>'
        )

    def _look(self, switch: Switch) -> tuple[str, str, str]:
        """Fill, stroke, word. Colour never stands alone: closed is filled, open is hollow."""
        value = self._latest.get(switch.position or "", (None, 0, 0))[0]
        if value == 2:
            return CLOSED, CLOSED, "合"
        if value == 1:
            return "#fff", OPEN, "分"
        return "url(#unknown)", UNKNOWN, "?"

    def _name(self, cell: Cell, x: float, y: float, anchor: str = "middle") -> None:
        asset = cell.asset_id or ""
        number, name = _split(cell.name)
        troubled = asset in self._troubled
        colour, weight = ("#b71c1c", 700) if troubled else ("#0d47a1", 500)
        lines = "".join(
            f'<tspan x="{x:.0f}" dy="{0 if index == 0 else 14}">{escape(line)}</tspan>'
            for index, line in enumerate(each for each in (number, name) if each)
        )
        tag = self._tagged.get(asset, "")
        mark = f" [{tag}]" if tag else ""
        bell = " ⚠" if troubled else ""
        self._out.append(
            f'<a href="{escape(self._link(asset))}"><text x="{x:.0f}" y="{y:.0f}" '
            f'text-anchor="{anchor}" fill="{colour}" font-weight="{weight}">{lines}'
            f"<tspan>{escape(mark)}{bell}</tspan></text></a>"
        )

    def _values(self, cell: Cell, x: float, y: float, anchor: str = "middle") -> None:
        words = [
            f"{value:.4g}{unit}"
            for name, unit in (("p", "MW"), ("q", "Mvar"), ("i", "A"), ("u", "kV"), ("t", "℃"))
            if (value := self._value(cell, name)) is not None
        ]
        if words:
            self._text(x, y, " ".join(words[:2]), size=10.5, anchor=anchor, colour="#37474f")

    def _value(self, cell: Cell, name: str) -> float | None:
        key = (cell.measurements or {}).get(name)
        return self._latest.get(key, (None, 0, 0))[0] if key else None

    def _path(self, x1: float, y1: float, x2: float, y2: float, width: float = 1.6) -> None:
        self._out.append(
            f'<path d="M{x1:.0f} {y1:.0f}L{x2:.0f} {y2:.0f}" stroke="{_LINE}" stroke-width="{width}"/>'
        )

    def _circle(self, x: float, y: float) -> None:
        self._out.append(
            f'<circle cx="{x:.0f}" cy="{y:.0f}" r="12" fill="#fff" fill-opacity=".6" '
            f'stroke="{_LINE}" stroke-width="1.6"/>'
        )

    def _text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = 12,
        anchor: str = "middle",
        weight: int = 400,
        colour: str = "#1c2b36",
    ) -> None:
        self._out.append(
            f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}" '
            f'font-weight="{weight}" fill="{colour}">{escape(words)}</text>'
        )


def _seen(switches: Iterable[Switch]) -> list[Switch]:
    """Those in the line itself; a truck moves its breaker and is no second symbol."""
    aside = {SwitchKind.EARTH_SWITCH, SwitchKind.TRUCK}
    return [switch for switch in switches if switch.kind not in aside]


def _split(name: str) -> tuple[str, str]:
    """113 and 联合站线."""
    digits = "".join(_leading_digits(name))
    rest = name[len(digits) :]
    # 1号主变 and 110kVⅠ母PT begin with a number that is none
    is_number = len(digits) >= 3 and not rest.startswith("kV")
    return (digits, rest) if is_number else ("", name)


def _leading_digits(name: str) -> Iterator[str]:
    for letter in name:
        if not letter.isdigit():
            return
        yield letter
