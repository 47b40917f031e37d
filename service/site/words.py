"""The words that a site folder may use, and names that stand in topics."""

import re
from typing import Final

from domain.assets import AlarmClass, Condition, Priority
from service.site.nodes import Fields

UNITS: Final = frozenset(
    [
        *(
            "",
            "status",
            "position",
            "pu",
            "%",
            "degC",
            "K",
            "s",
            "Hz",
            "rpm",
            "m/s",
            "mm",
            "mm/s",
            "deg",
        ),
        *("V", "kV", "A", "mA", "kA", "W", "kW", "MW", "kvar", "Mvar", "kVA", "MVA", "kWh", "MWh"),
        *("ohm", "mohm", "kohm", "kPa", "MPa", "uL/L", "W/m2", "dB", "dBm", "dBmV"),
    ]
)
PRIORITIES: Final = {priority.name.lower(): priority for priority in Priority}
CLASSES: Final = {alarm_class.value: alarm_class for alarm_class in AlarmClass}
CONDITIONS: Final = {condition.value: condition for condition in Condition}
MARKS: Final = {mark: mark for mark in "VCUD"}  # read, computed, unverified, our default

_TOPIC_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def topic_word(fields: Fields, key: str) -> str:
    """A name that becomes a part of a topic."""
    word = fields.text(key)
    value = fields.value(key)
    if value and word and not _TOPIC_WORD.fullmatch(word):
        value.wrong(f"{key} {word!r} stands in topics: use letters, digits, '-', '_' and '.' only")
    return word
