"""What hung on a bay that tripped, on the single line of the example site (DESIGN 7)."""

from collections.abc import Collection

import pytest

from domain.disturbances import Reached
from domain.ids import AssetId, PointKey
from domain.topology import Busbar, Cell, CellKind, Switch, SwitchKind, Topology
from linkage.network import Network
from tests.support.switches import as_usual, asked, example_plan

SP, LY = "110kV石坪变", "35kV柳塬变"
LY_10_1 = {
    *("LY/113", "LY/114", "LY/115", "LY/PT10-1", "LY/100", "LY/117", "LY/ZYB"),
    *("LY/ZS1", "LY/ZS2"),
}
LY_35_1 = {"LY/300", "LY/PT35-1", "LY/1T", "LY/301", "LY/101"}
LY_10_2 = {"LY/121", "LY/122", "LY/123", "LY/PT10-2", "LY/100"}
LY_35_2 = {"LY/300", "LY/2T", "LY/302", "LY/102"}


@pytest.fixture(scope="module")
def network() -> Network:
    plan = example_plan()
    return Network(plan.topology, plan.assets)


def assets(reached: Collection[Reached]) -> set[str]:
    return {each.asset_id for each in reached}


@pytest.mark.parametrize(
    ("bay", "opened", "closed", "wanted"),
    [
        pytest.param((LY, "113联合站线间隔"), ["LY/113/position"], [], set(), id="a-feeder"),
        pytest.param(
            (LY, "1号主变间隔"), ["LY/101/position"], [], LY_10_1, id="one-side-of-a-transformer"
        ),
        pytest.param(
            (LY, "1号主变间隔"),
            ["LY/301/position", "LY/101/position"],
            [],
            LY_10_1,
            id="both-sides-of-a-transformer",
        ),
        pytest.param(
            (LY, "1号主变间隔"),
            ["LY/101/position"],
            ["LY/100/position", "LY/100/truck"],
            set(),
            id="with-the-section-closed-the-other-transformer-supplies",
        ),
        pytest.param(
            (LY, "311石柳Ⅰ线间隔"), ["LY/311/position"], [], LY_35_1 | LY_10_1, id="an-incomer"
        ),
        pytest.param(
            (SP, "311石柳Ⅰ线间隔"),
            ["SP/311/position"],
            [],
            {"LY/311"} | LY_35_1 | LY_10_1,
            id="over-the-line-between-stations",
        ),
        pytest.param(
            (SP, "311石柳Ⅰ线间隔"),
            ["SP/311/position", "LY/301/position"],
            [],
            {"LY/311"} | LY_35_1,
            id="what-was-switched-off-before-hangs-on-nothing",
        ),
        pytest.param(
            (LY, "311石柳Ⅰ线间隔"),
            ["LY/311/position"],
            ["LY/300/position", "LY/300/truck"],
            set(),
            id="a-ring-is-supplied-from-its-other-end",
        ),
        pytest.param((LY, "113联合站线间隔"), [], [], set(), id="no-breaker-opened"),
        pytest.param((LY, "no such bay"), [], [], set(), id="not-in-the-drawing"),
    ],
)
def test_what_hung_on_a_bay(
    network: Network,
    bay: tuple[str, str],
    opened: list[str],
    closed: list[str],
    wanted: set[str],
) -> None:
    reached = network.supplied_through(bay, asked(as_usual(opened=opened, closed=closed)))
    assert assets(reached) == wanted
    assert not any(each.unknown for each in reached)


def test_a_switch_that_opened_with_the_trip_was_closed_before_it(network: Network) -> None:
    """The incomer of the station that lost its supply opens by its own no-voltage protection."""
    states = as_usual(opened=["SP/311/position", "LY/311/position"])
    bay = (SP, "311石柳Ⅰ线间隔")
    assert assets(network.supplied_through(bay, asked(states))) == {"LY/311"}
    together = network.supplied_through(bay, asked(states), {PointKey("LY/311/position")})
    assert assets(together) == {"LY/311"} | LY_35_1 | LY_10_1
    assert all(each.over_line for each in together)


def test_what_may_be_connected_counts_and_is_named(network: Network) -> None:
    bay = (SP, "311石柳Ⅰ线间隔")
    states = as_usual(opened=["SP/311/position"], unknown=["LY/301/position"])
    by_asset = {each.asset_id: each for each in network.supplied_through(bay, asked(states))}
    assert set(by_asset) == {"LY/311"} | LY_35_1 | LY_10_1
    assert by_asset[AssetId("LY/PT35-1")].unknown == ()
    assert by_asset[AssetId("LY/113")].unknown == ("301",)


def test_a_tie_that_is_not_known_may_supply_and_is_named(network: Network) -> None:
    """But what another incomer surely supplies does not hang on the trip."""
    states = as_usual(
        opened=["LY/311/position"], unknown=["LY/300/position"], closed=["LY/300/truck"]
    )
    reached = network.supplied_through((LY, "311石柳Ⅰ线间隔"), asked(states))
    assert assets(reached) == LY_35_1 | LY_10_1
    assert {each.unknown for each in reached} == {("300",)}
    assert "LY/121" not in assets(reached)


def test_a_breaker_that_is_not_known_may_have_tripped(network: Network) -> None:
    states = as_usual(unknown=["LY/101/position"])
    reached = network.supplied_through((LY, "1号主变间隔"), asked(states))
    assert assets(reached) == LY_10_1
    assert {each.unknown for each in reached} == {("101",)}


def test_a_drawing_without_a_source_is_read_as_it_is_drawn() -> None:
    def cell(bay: str, kind: CellKind, busbar: str, to: str | None = None) -> Cell:
        return Cell(
            station="站",
            bay=bay,
            name=bay,
            kind=kind,
            busbar_id=busbar,
            to_busbar_id=to,
            asset_id=AssetId(bay),
            switches=(Switch(kind=SwitchKind.BREAKER, number=bay),),
        )

    topology = Topology(
        busbars=(
            Busbar(busbar_id="a", station="站", name="a", voltage="35kV"),
            Busbar(busbar_id="b", station="站", name="b", voltage="10kV"),
        ),
        cells=(
            cell("1T", CellKind.TRANSFORMER, "a", "b"),
            cell("2", CellKind.FEEDER, "b"),
            cell("3", CellKind.FEEDER, "a"),
        ),
    )
    network = Network(topology, {})
    assert assets(network.supplied_through(("站", "1T"), asked({}))) == {"2"}
    assert network.supplied_through(("站", "2"), asked({})) == []
