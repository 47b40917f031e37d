"""The drawings of a finding: well-formed SVG, whatever the numbers are."""

from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.findings import Drawing
from web.components.drawings import series_svg, triangle_svg

ZONE = ZoneInfo("Asia/Shanghai")
SVG = "{http://www.w3.org/2000/svg}"


def test_the_triangle_has_its_seven_zones_and_the_sample() -> None:
    drawn = ElementTree.fromstring(triangle_svg((33.0, 0.5, 66.5), "Duval"))
    assert len(drawn.findall(f"{SVG}polygon")) == 7
    (dot,) = drawn.findall(f"{SVG}circle")
    # near the corner of C2H4, below the middle
    assert float(dot.attrib["cx"]) > 200
    assert float(dot.attrib["cy"]) > 170


def test_the_triangle_without_a_sample_is_empty() -> None:
    assert ElementTree.fromstring(triangle_svg((), "Duval")).findall(f"{SVG}circle") == []


values = st.one_of(st.none(), st.floats(-1e6, 1e6))


@given(st.lists(st.tuples(values, values), max_size=20), st.one_of(st.none(), st.floats(-1e3, 1e3)))
def test_a_series_is_drawn_from_any_numbers(
    pairs: list[tuple[float | None, float | None]], limit: float | None
) -> None:
    drawing = Drawing(
        kind="series",
        unit="degC",
        times_us=tuple(1_790_000_000_000_000 + row * 60_000_000 for row in range(len(pairs))),
        measured=tuple(each[0] for each in pairs),
        expected=tuple(each[1] for each in pairs),
        limit=limit,
    )
    drawn = series_svg(drawing, ("a<b", "c&d"), ZONE, "x")
    both = [pair for pair in pairs if None not in pair]
    if not both:
        assert drawn == ""
        return
    lines = ElementTree.fromstring(drawn).findall(f"{SVG}polyline")
    assert [len(line.attrib["points"].split()) for line in lines] == [len(both)] * 2


def test_columns_of_unequal_length_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="shorter"):
        series_svg(Drawing(kind="series", times_us=(1,)), ("a", "b"), ZONE, "x")
