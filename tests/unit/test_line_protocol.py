"""Readings as lines: by the documented rules, exact to the bit."""

import math
import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.readings import USABLE_QUALITIES, Origin, Quality, Readings
from storage import line_protocol


def _line(value: float, quality: Quality = Quality.GOOD) -> str:
    (line,) = line_protocol.lines(
        Readings.from_rows([(7, 10, 20, value, quality, Origin.STATE)]), "reading"
    )
    return line


@pytest.mark.parametrize(
    ("value", "quality", "line"),
    [
        pytest.param(
            1.5,
            Quality.GOOD,
            "reading,point=7 value=1.5,quality=0i,origin=1i,arrival=20i 10",
            id="usable",
        ),
        pytest.param(
            1e300,
            Quality.SUBSTITUTED,
            "reading,point=7 value=1e+300,quality=2i,origin=1i,arrival=20i 10",
            id="large",
        ),
        pytest.param(
            -0.0,
            Quality.INVALID,
            "reading,point=7 unusable=-0.0,quality=5i,origin=1i,arrival=20i 10",
            id="unusable",
        ),
        pytest.param(
            math.nan,
            Quality.NOT_TOPICAL,
            "reading,point=7 quality=4i,origin=1i,arrival=20i 10",
            id="no-number-keeps-its-quality",
        ),
        pytest.param(
            -math.inf,
            Quality.OVERFLOW,
            "reading,point=7 infinite=-1i,quality=6i,origin=1i,arrival=20i 10",
            id="infinite",
        ),
    ],
)
def test_a_reading_is_one_line(value: float, quality: Quality, line: str) -> None:
    assert _line(value, quality) == line


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(Quality),
)
def test_a_float_is_written_so_that_it_is_the_same_again(value: float, quality: Quality) -> None:
    found = re.fullmatch(
        r"reading,point=7 (value|unusable)=(\S+?),quality=\di,.*", _line(value, quality)
    )
    assert found
    assert (found[1] == "value") == (quality in USABLE_QUALITIES)
    assert struct.pack("<d", float(found[2])) == struct.pack("<d", value)


def test_lines_stand_in_the_order_of_the_readings() -> None:
    readings = Readings.from_rows([(point, 9 - point, 0, 1.0, 0, 0) for point in range(5)])
    lines = line_protocol.lines(readings, line_protocol.measurement("a b"))
    assert [line.split(" value")[0] for line in lines] == [
        rf"a\ b,point={point}" for point in range(5)
    ]
    assert line_protocol.lines(Readings.from_rows([]), "reading") == []


@pytest.mark.parametrize(
    ("name", "of_measurement", "of_tag"),
    [
        pytest.param("plain", "plain", "plain", id="plain"),
        pytest.param("a,b c=d", r"a\,b\ c=d", r"a\,b\ c\=d", id="comma-space-equals"),
        pytest.param("柳园 1号", r"柳园\ 1号", r"柳园\ 1号", id="chinese"),
        pytest.param(r"a\b", r"a\b", r"a\b", id="backslash-inside"),
        pytest.param('say "x"', r"say\ " + '"x"', r"say\ " + '"x"', id="quotes-need-nothing"),
    ],
)
def test_names_are_escaped_as_documented(name: str, of_measurement: str, of_tag: str) -> None:
    assert line_protocol.measurement(name) == of_measurement
    assert line_protocol.tag(name) == of_tag


@pytest.mark.parametrize("name", ["", "a\nb", "a\\", "\x00", "#comment", "_internal"])
def test_a_name_that_no_line_can_carry_is_refused(name: str) -> None:
    with pytest.raises(line_protocol.NotWritable):
        line_protocol.measurement(name)
