"""The next version of a frozen thing.

As `dataclasses.replace` does it, in a quarter of its time: a flood makes tens of thousands of them.
"""

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

_T = TypeVar("_T")
# what takes the values of all fields, the place of each among them, and what puts it into a new one
_Slots = tuple[
    Callable[[Any], tuple[Any, ...]], dict[str, int], tuple[Callable[[Any, Any], None], ...]
]


def changed(thing: _T, **changes: object) -> _T:
    """For what has slots, at least two, and does not look at its fields when it is made. Raises TypeError
    for a field that it lacks."""
    kind: Any = type(thing)  # mypy takes no type variable for hashable
    values_of, places, setters = _slots_of(kind)
    values = list(values_of(thing))
    for name, value in changes.items():
        if name not in places:
            raise TypeError(f"{kind.__name__} has no field {name}")
        values[places[name]] = value
    after: _T = object.__new__(kind)
    for put, value in zip(setters, values, strict=True):
        put(after, value)
    return after


@cache
def fields_of(kind: type) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """The names of its fields, and what takes the values of all of them from one."""
    names = tuple(field.name for field in fields(kind))
    return names, attrgetter(*names)


@cache
def _slots_of(kind: type) -> _Slots:
    if hasattr(kind, "__post_init__"):
        raise TypeError(f"{kind.__name__} looks at its fields when it is made: use replace")
    names, values_of = fields_of(kind)
    places = {name: place for place, name in enumerate(names)}
    return values_of, places, tuple(getattr(kind, name).__set__ for name in names)
