"""Readings as InfluxDB's line protocol, and what has to be escaped in it.

One line is one reading: `reading,point=7 value=1.5,quality=0i,origin=0i,arrival=20i 10`, times in
microseconds. InfluxDB stores neither NaN nor infinity: a reading without a value keeps its quality, an
infinite one says its sign in the field `infinite`. What a detector could not use stands in `unusable` instead
of `value`, so that `value` alone may be averaged.

https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from domain.readings import USABLE_QUALITIES, Readings

_IN_MEASUREMENT: Final = str.maketrans({",": r"\,", " ": r"\ "})
_IN_TAG: Final = str.maketrans({",": r"\,", " ": r"\ ", "=": r"\="})
_USABLE: Final = np.array([quality in USABLE_QUALITIES for quality in range(256)])
_VALUE, _UNUSABLE, _NOTHING = 0, 1, 2
_NAMES: Final = ("value=", "unusable=", "")
_AFTER: Final = (",", ",", "")


class NotWritable(ValueError):
    """A name that the line protocol cannot carry."""


def measurement(name: str) -> str:
    """Escaped. Raises NotWritable."""
    if name.startswith(("#", "_")):  # a comment; InfluxDB's own
        raise NotWritable(f"a measurement cannot begin with {name[0]}: {name!r}")
    return _writable(name).translate(_IN_MEASUREMENT)


def tag(text: str) -> str:
    """A tag's key or value, or a field's key, escaped. Raises NotWritable."""
    return _writable(text).translate(_IN_TAG)


def lines(readings: Readings, of_measurement: str) -> list[str]:
    """A line for each, in their order; `of_measurement` is escaped already. Floats are written with the
    fewest digits that give the same float again."""
    value = readings.value
    finite = np.isfinite(value)
    usable = _USABLE[readings.quality]
    kind = np.where(finite, np.where(usable, _VALUE, _UNUSABLE), _NOTHING)
    texts = [
        f"{_NAMES[how]}{text}{_AFTER[how]}" if how != _NOTHING else _not_finite(number)
        for how, text, number in zip(
            kind.tolist(), map(repr, value.tolist()), value.tolist(), strict=True
        )
    ]
    head = f"{of_measurement},point="
    columns = (
        readings.point.tolist(),
        texts,
        readings.quality.tolist(),
        readings.origin.tolist(),
        readings.arrival_time.tolist(),
        readings.event_time.tolist(),
    )
    return [
        f"{head}{point} {text}quality={quality}i,origin={origin}i,arrival={arrival}i {time}"
        for point, text, quality, origin, arrival, time in zip(*columns, strict=True)
    ]


def body(of_lines: Sequence[str]) -> bytes:
    return "\n".join(of_lines).encode()


def _not_finite(number: float) -> str:
    if number != number:
        return ""
    return "infinite=1i," if number > 0 else "infinite=-1i,"


def _writable(text: str) -> str:
    # a backslash at the end would escape what follows; a line ends at a line break, whatever is before it
    if not text or text.endswith("\\") or any(ord(letter) < 32 for letter in text):
        raise NotWritable(f"InfluxDB's line protocol cannot carry the name {text!r}")
    return text
