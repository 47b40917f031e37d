"""The next version of a frozen thing.

As `dataclasses.replace` does it, in less than half of its time: a flood makes tens of thousands of them.
"""

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

_T = TypeVar("_T")


def changed(thing: _T, **changes: object) -> _T:
    """For what is made by all of its fields, and has at least two. Raises TypeError for a field that it
    lacks."""
    kind: Any = type(thing)  # mypy takes no type variable for hashable
    names, values_of = fields_of(kind)
    after: _T = kind(**{**dict(zip(names, values_of(thing), strict=True)), **changes})
    return after


@cache
def fields_of(kind: type) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """The names of its fields, and what takes the values of all of them from one."""
    names = tuple(field.name for field in fields(kind))
    return names, attrgetter(*names)
