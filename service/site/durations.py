"""Durations as a person writes them: 500ms, 60s, 5min, 2h, 1d."""

import re
from decimal import Decimal
from typing import Final

_UNITS_US: Final = {
    "ms": 1_000,
    "s": 1_000_000,
    "min": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
}
_WRITTEN: Final = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?) ?(ms|s|min|h|d)")


class BadDuration(ValueError):
    """Not a number with one of our units."""


def parse_duration(written: str) -> int:
    """Microseconds. Negative ones are read too, so that the caller can say what is wrong with them."""
    match = _WRITTEN.fullmatch(written.strip())
    if match is None:
        raise BadDuration(
            f"{written!r} is no duration: write a number and ms, s, min, h or d, as in 60s or 5min"
        )
    return int(Decimal(match[1]) * _UNITS_US[match[2]])
