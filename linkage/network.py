"""The network as a graph, and what a tripped bay supplied: a breadth-first search over the live topology.

An open switch parts; a closed one connects; one whose position is not known may connect, and whoever uses the
answer is told which. Supply flows away from the sources: nothing is taken to hang on what tripped while it is
surely supplied otherwise, or stood nearer to a source than what it would hang on.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf

from domain.assets import Asset
from domain.disturbances import Reached
from domain.ids import AssetId, PointKey
from domain.topology import (
    Cell,
    CellKind,
    Positions,
    Switch,
    SwitchKind,
    SwitchState,
    Topology,
)

Bay = tuple[str, str]  # station and bay
_Node = str

_BREAKS = frozenset({SwitchKind.BREAKER, SwitchKind.LOAD_SWITCH})


@dataclass(frozen=True, slots=True)
class _Edge:
    """A cell between its busbar and what it feeds, or a line between two stations (without a cell)."""

    near: _Node
    far: _Node
    name: str
    cell: Cell | None = None
    switches: tuple[Switch, ...] = ()  # in series; an earth switch is none of them


@dataclass(frozen=True, slots=True)
class _Way:
    """How a node is reached from what tripped."""

    hops: int
    via: tuple[str, ...]
    over_line: bool
    unknown: tuple[str, ...]


@dataclass(slots=True)
class _States:
    """Of the edges, at the moment of a trip."""

    positions: Positions
    opened_since: Collection[PointKey]  # they were closed when it tripped
    known: dict[int, tuple[SwitchState, tuple[str, ...]]] = field(default_factory=dict)

    def of(self, switch: Switch) -> SwitchState:
        if switch.position is None or switch.position in self.opened_since:
            return SwitchState.CLOSED  # as it is drawn, where nothing reports it
        return self.positions(switch.position)

    def of_edge(self, edge: _Edge) -> tuple[SwitchState, tuple[str, ...]]:
        """With the numbers of the switches that are not known."""
        state = self.known.get(id(edge))
        if state is None:
            state = self.known[id(edge)] = self._look_at(edge)
        return state

    def _look_at(self, edge: _Edge) -> tuple[SwitchState, tuple[str, ...]]:
        unknown = []
        for switch in edge.switches:
            state = self.of(switch)
            if state is SwitchState.OPEN:
                return SwitchState.OPEN, ()
            if state is SwitchState.UNKNOWN:
                unknown.append(switch.number)
        return (SwitchState.UNKNOWN if unknown else SwitchState.CLOSED), tuple(unknown)


@dataclass(frozen=True, slots=True)
class _Supply:
    """How a node is supplied: steps from its source, and the switches on the way that are not known."""

    distance: int
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Search:
    """What one search goes by."""

    states: _States
    apart: frozenset[int]  # the edges that tripped
    before: Mapping[_Node, _Supply]  # with them closed
    otherwise: Mapping[_Node, _Supply]  # without them

    def hangs(self, node: _Node, on: _Node) -> bool:
        """It was supplied from there, and is not surely supplied from elsewhere."""
        otherwise = self.otherwise.get(node)
        if otherwise is not None and not otherwise.unknown:
            return False
        return self._distance(node) > self._distance(on) or self._distance(node) == inf

    def perhaps_supplied_by(self, node: _Node) -> tuple[str, ...]:
        """Switches that would supply it from elsewhere, were they closed."""
        otherwise = self.otherwise.get(node)
        return otherwise.unknown if otherwise else ()

    def lost_ends_of(self, edge: _Edge) -> list[_Node]:
        """The end of a parted edge that lost its supply with it."""
        near, far = self._distance(edge.near), self._distance(edge.far)
        if near == far == inf:
            # no source is drawn: as the cell is drawn, from the busbar outwards, an incomer inwards
            incomes = edge.cell is not None and edge.cell.kind is CellKind.INCOMER
            return [edge.near if incomes else edge.far]
        if near == far:
            return []
        away, towards = (edge.near, edge.far) if near > far else (edge.far, edge.near)
        return [away] if self.hangs(away, towards) else []

    def _distance(self, node: _Node) -> float:
        supply = self.before.get(node)
        return inf if supply is None else supply.distance


class Network:
    """Made once for a site; holds no positions."""

    def __init__(self, topology: Topology, assets: Mapping[AssetId, Asset]) -> None:
        self._assets_of_bay: dict[Bay, list[AssetId]] = {}
        for asset in assets.values():
            if asset.bay:
                bay = self._assets_of_bay.setdefault((asset.station, asset.bay), [])
                bay.append(asset.asset_id)
        self._names = {f"bus {each.busbar_id}": each.name for each in topology.busbars}
        self._sources: set[_Node] = set()
        self._edges: list[_Edge] = []
        self._of_node: dict[_Node, list[_Edge]] = {}
        self._of_bay: dict[Bay, list[_Edge]] = {}
        ends = [self._add_cell(number, cell) for number, cell in enumerate(topology.cells)]
        self._add_lines(topology.cells, ends)
        self._sources_near = self._sources_by_node()

    def assets_of(self, bay: Bay) -> list[AssetId]:
        return self._assets_of_bay.get(bay, [])

    def bays(self) -> Iterable[Bay]:
        return self._of_bay.keys()

    def position_points(self) -> Iterator[PointKey]:
        """Of every switch that reports."""
        for edge in self._edges:
            yield from (each.position for each in edge.switches if each.position)

    def supplied_through(
        self, bay: Bay, positions: Positions, opened_since: Collection[PointKey] = ()
    ) -> list[Reached]:
        """What hung on the bay when it tripped. `opened_since` are switches that opened with the trip or
        after it. Nothing while every breaker of the bay surely stands closed: it did not trip."""
        states = _States(positions, opened_since)
        now = _States(positions, ())
        parted = [edge for edge in self._of_bay.get(bay, ()) if _may_have_opened(edge, now)]
        if not parted:
            return []
        apart = frozenset(map(id, parted))
        sources = self._sources_near[parted[0].near]
        search = _Search(
            states=states,
            apart=apart,
            before=self._supply(sources, states, held=apart),
            otherwise=self._supply(sources, states, left_out=apart),
        )
        ways: dict[_Node, _Way] = {}
        for edge in parted:
            unknown = _unknown_breakers(edge, now)
            for node in search.lost_ends_of(edge):
                ways.setdefault(node, _Way(1, (self._name(node, edge),), False, unknown))
        self._spread(ways, search)
        return self._reached(bay, ways, search)

    def _spread(self, ways: dict[_Node, _Way], search: "_Search") -> None:
        waiting = deque(ways)
        while waiting:
            node = waiting.popleft()
            way = ways[node]
            for edge in self._of_node.get(node, ()):
                other = edge.far if edge.near == node else edge.near
                if id(edge) in search.apart or other in ways or not search.hangs(other, node):
                    continue
                state, unknown = search.states.of_edge(edge)
                if state is SwitchState.OPEN:
                    continue
                ways[other] = _Way(
                    way.hops + 1,
                    (*way.via, self._name(other, edge)),
                    way.over_line or edge.cell is None,
                    (*way.unknown, *unknown),
                )
                waiting.append(other)

    def _reached(self, bay: Bay, ways: Mapping[_Node, _Way], search: "_Search") -> list[Reached]:
        found: dict[AssetId, Reached] = {}
        for node, way in sorted(ways.items(), key=lambda each: (each[1].hops, each[0])):
            unknown = tuple(dict.fromkeys((*way.unknown, *search.perhaps_supplied_by(node))))
            for edge in self._of_node.get(node, ()):
                if edge.cell is None or id(edge) in search.apart:
                    continue
                its_bay = edge.cell.station, edge.cell.bay
                if its_bay == bay:
                    continue
                of_cell = [edge.cell.asset_id] if edge.cell.asset_id else []
                for asset_id in (*of_cell, *self.assets_of(its_bay)):
                    if asset_id not in found:  # else it is nearer by another way
                        found[asset_id] = Reached(
                            asset_id=asset_id,
                            hops=way.hops,
                            via=way.via,
                            over_line=way.over_line,
                            unknown=unknown,
                        )
        return list(found.values())

    def _supply(
        self,
        sources: Iterable[_Node],
        states: _States,
        *,
        held: Collection[int] = (),
        left_out: Collection[int] = (),
    ) -> "dict[_Node, _Supply]":
        """How every node is supplied over what is not open: first as far as it surely is. Edges that are
        `held` count as closed."""
        supply = {source: _Supply(0, ()) for source in sources}
        waiting = deque(supply)
        beyond: deque[tuple[_Node, _Edge, tuple[str, ...]]] = deque()
        while waiting or beyond:
            if waiting:
                node = waiting.popleft()
            else:
                before, edge, unknown = beyond.popleft()
                node = edge.far if edge.near == before else edge.near
                if node in supply:
                    continue
                of_it = supply[before]
                supply[node] = _Supply(of_it.distance + 1, (*of_it.unknown, *unknown))
            for edge in self._of_node.get(node, ()):
                other = edge.far if edge.near == node else edge.near
                if other in supply or id(edge) in left_out:
                    continue
                state, unknown = states.of_edge(edge)
                if id(edge) in held or state is SwitchState.CLOSED:
                    supply[other] = _Supply(supply[node].distance + 1, supply[node].unknown)
                    waiting.append(other)
                elif state is SwitchState.UNKNOWN:
                    beyond.append((node, edge, unknown))
        return supply

    def _add_cell(self, number: int, cell: Cell) -> _Node:
        far = f"bus {cell.to_busbar_id}" if cell.to_busbar_id else f"end {number}"
        series = (*cell.switches, *reversed(cell.to_switches))
        edge = _Edge(
            near=f"bus {cell.busbar_id}",
            far=far,
            name=cell.name,
            cell=cell,
            switches=tuple(each for each in series if each.kind is not SwitchKind.EARTH_SWITCH),
        )
        self._add(edge)
        self._of_bay.setdefault((cell.station, cell.bay), []).append(edge)
        return far

    def _add_lines(self, cells: tuple[Cell, ...], ends: list[_Node]) -> None:
        """Both ends of a line stand in the drawing, each in its station; an incomer without another end
        is where the network is supplied from."""
        stations = {cell.station for cell in cells}
        joined: set[int] = set()
        for number, cell in enumerate(cells):
            if number in joined or cell.to_busbar_id or cell.feeds not in stations:
                continue
            other = _other_end(cells, number, joined)
            if other is not None:
                joined |= {number, other}
                self._add(_Edge(near=ends[number], far=ends[other], name=cell.name))
        for number, cell in enumerate(cells):
            if cell.kind is CellKind.INCOMER and number not in joined:
                self._sources.add(ends[number])

    def _sources_by_node(self) -> dict[_Node, list[_Node]]:
        """Those that a node could ever be supplied from: a search need not leave its own network."""
        of_node: dict[_Node, list[_Node]] = {}
        for first in self._of_node:
            if first in of_node:
                continue
            sources: list[_Node] = []
            waiting = deque([first])
            of_node[first] = sources
            while waiting:
                node = waiting.popleft()
                if node in self._sources:
                    sources.append(node)
                for edge in self._of_node[node]:
                    for other in (edge.near, edge.far):
                        if other not in of_node:
                            of_node[other] = sources
                            waiting.append(other)
        return of_node

    def _add(self, edge: _Edge) -> None:
        self._edges.append(edge)
        for node in (edge.near, edge.far):
            self._of_node.setdefault(node, []).append(edge)

    def _name(self, node: _Node, edge: _Edge) -> str:
        return self._names.get(node, edge.name)


def _may_have_opened(edge: _Edge, states: _States) -> bool:
    breakers = _breakers(edge)
    return not breakers or any(
        each.position is None or states.of(each) is not SwitchState.CLOSED for each in breakers
    )


def _unknown_breakers(edge: _Edge, states: _States) -> tuple[str, ...]:
    """None where one of them surely opened."""
    by_state = [(states.of(each), each.number) for each in _breakers(edge)]
    if any(state is SwitchState.OPEN for state, _ in by_state):
        return ()
    return tuple(number for state, number in by_state if state is SwitchState.UNKNOWN)


def _breakers(edge: _Edge) -> list[Switch]:
    return [each for each in edge.switches if each.kind in _BREAKS]


def _other_end(cells: tuple[Cell, ...], number: int, joined: Collection[int]) -> int | None:
    """The bay of the same name in the station that the cell feeds; else the only one that it can be."""
    cell = cells[number]
    fitting = [
        place
        for place, each in enumerate(cells)
        if place != number
        and place not in joined
        and (each.station, each.feeds) == (cell.feeds, cell.station)
    ]
    named = [place for place in fitting if cells[place].name == cell.name]
    if len(named) == 1:
        return named[0]
    return fitting[0] if len(fitting) == 1 and not named else None
