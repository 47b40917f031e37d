"""topology.yaml: the single line of every station, each busbar, switch and point checked."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from domain.ids import AssetId, PointKey
from domain.topology import Busbar, Cell, CellKind, Switch, SwitchKind, Topology
from service.site.found import Found, document
from service.site.nodes import Fields, Value

CELLS: Final = {kind.value: kind for kind in CellKind}
SWITCHES: Final = {kind.value: kind for kind in SwitchKind}


def read_topology(folder: Path, found: Found) -> Topology:
    """Empty where there is no file: then no station has a picture."""
    if not (folder / "topology.yaml").exists():
        return Topology()
    fields = document(folder, folder / "topology.yaml", found)
    if fields is None:
        return Topology()
    fields.name = "topology.yaml"
    busbars: dict[str, Busbar] = {}
    cells: list[Cell] = []
    for station in fields.groups("stations", "a station"):
        _read_station(station, found, busbars, cells)
    fields.done()
    return Topology(busbars=tuple(busbars.values()), cells=tuple(cells))


def _read_station(
    fields: Fields, found: Found, busbars: dict[str, Busbar], cells: list[Cell]
) -> None:
    station = fields.text("station")
    at = fields.value("station")
    stations = {asset.station for asset in found.assets.values()}
    if at and station:
        found.expect(at, "station", station, stations)
    for each in fields.groups("busbars", "a busbar"):
        busbar = Busbar(
            busbar_id=each.text("id"),
            station=station,
            name=each.text("name"),
            voltage=each.text("voltage"),
        )
        each.done()
        if busbar.busbar_id and found.is_new("busbar", busbar.busbar_id, each.value("id") or each):
            busbars[busbar.busbar_id] = busbar
    for each in fields.groups("cells", "a cell"):
        cells.append(_cell(each, station, found, busbars))
    fields.done()


def _cell(fields: Fields, station: str, found: Found, busbars: dict[str, Busbar]) -> Cell:
    kind = fields.choice("kind", CELLS, CellKind.FEEDER)
    fields.value("kind", required=True)
    cell = Cell(
        station=station,
        bay=_known(fields, "bay", "bay", {a.bay for a in found.assets.values()}, found),
        name=fields.text("name"),
        kind=kind,
        busbar_id=_known(fields, "busbar", "busbar", busbars, found),
        switches=_switches(fields, "switches", found),
        to_busbar_id=_known(fields, "to_busbar", "busbar", busbars, found, fallback="") or None,
        to_switches=_switches(fields, "to_switches", found),
        feeds=fields.text("feeds", fallback=""),
        asset_id=AssetId(_known(fields, "device", "device", found.assets, found, fallback=""))
        or None,
        measurements=_measurements(fields, found),
    )
    fields.done()
    needs_other_end = kind in {CellKind.TIE, CellKind.TRANSFORMER}
    if needs_other_end and cell.to_busbar_id is None:
        fields.wrong(f"a {kind.value} needs to_busbar: it joins two busbars")
    return cell


def _known(
    fields: Fields,
    key: str,
    kind: str,
    known: Iterable[str],
    found: Found,
    fallback: str | None = None,
) -> str:
    name = fields.text(key, fallback=fallback)
    value = fields.value(key)
    if value and name:
        found.expect(value, kind, name, known)
    return name


def _switches(fields: Fields, key: str, found: Found) -> tuple[Switch, ...]:
    switches = [_switch(value, found) for value in fields.texts(key)]
    return tuple(switch for switch in switches if switch)


def _switch(value: Value, found: Found) -> Switch | None:
    """`breaker 113 LY/113/position`: kind, number, and the point that tells its position, if any."""
    written = value.text()
    words = written.split() if written else []
    if len(words) not in {2, 3} or words[0] not in SWITCHES:
        if written is not None:
            kinds = ", ".join(SWITCHES)
            value.wrong(
                f"{written!r} is no switch: write its kind ({kinds}), its number and its point"
            )
        return None
    position = PointKey(words[2]) if len(words) == 3 else None
    if position:
        found.expect(value, "point", position, found.points)
    return Switch(kind=SWITCHES[words[0]], number=words[1], position=position)


def _measurements(fields: Fields, found: Found) -> dict[str, PointKey] | None:
    value = fields.value("measurements")
    measurements: dict[str, PointKey] = {}
    for name, point in value.pairs() if value else []:
        word, key = name.text(), point.text()
        if word and key and found.expect(point, "point", key, found.points):
            measurements[word] = PointKey(key)
    return measurements or None
