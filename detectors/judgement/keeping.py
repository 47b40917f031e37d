"""What a learned detector remembers, as named arrays: saved, read back, and it goes on as if never stopped.

The names are the places in the detector ("_streams._parts.0._forecast._moments"). Only arrays and numbers go
in and out, so a file of them cannot carry code.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_ROOM: Final = __name__.rpartition(".")[0]  # only objects of this package have a memory
_ROWS: Final = "[]"  # a list of arrays of one shape, stacked


class UnfitMemory(ValueError):
    """Arrays of another detector, or of another release."""


def memory_of(detector: object) -> dict[str, NDArray[Any]]:
    """Copies nothing: write it before the next tick."""
    found: dict[str, NDArray[Any]] = {}
    for place, owner in _owners("", detector):
        for name, value in vars(owner).items():
            if isinstance(value, np.ndarray | bool | int | float):
                found[place + name] = np.asarray(value)
            elif _is_rows(value):
                found[place + name + _ROWS] = np.array(value)
    return found


def remember(detector: object, memory: Mapping[str, NDArray[Any]]) -> None:
    """Into a detector that was built in the same way. Raises UnfitMemory, and leaves the detector half
    changed then: build another."""
    used = set()
    for place, owner in list(_owners("", detector)):
        for name, before in list(vars(owner).items()):
            if place + name in memory:
                setattr(owner, name, _fitting(place + name, before, memory[place + name]))
                used.add(place + name)
            elif _is_rows(before) and place + name + _ROWS in memory:
                setattr(owner, name, list(memory[place + name + _ROWS]))
                used.add(place + name + _ROWS)
            elif isinstance(before, np.ndarray | bool | int | float) or _is_rows(before):
                raise UnfitMemory(f"{place + name} is missing")
    if unknown := memory.keys() - used:
        raise UnfitMemory(f"{min(unknown)} has no place in this detector")


def _owners(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every object of ours that can change, with its place; settings are frozen and have no `__dict__`."""
    match value:
        case dict():
            for key, each in value.items():
                yield from _owners(f"{place}{key}.", each)
        case tuple():
            for row, each in enumerate(value):
                yield from _owners(f"{place}{row}.", each)
        case _ if type(value).__module__.startswith(_ROOM) and hasattr(value, "__dict__"):
            yield place, value
            for name, each in vars(value).items():
                yield from _owners(f"{place}{name}.", each)


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, np.ndarray) for each in value)


def _fitting(place: str, before: Any, array: NDArray[Any]) -> Any:
    """None stands where nothing was learnt yet."""
    if before is None:
        return array.copy()
    wanted = np.asarray(before)
    if wanted.shape != array.shape or wanted.dtype != array.dtype:
        raise UnfitMemory(
            f"{place} is {array.dtype}{array.shape}, not {wanted.dtype}{wanted.shape}"
        )
    return array.copy() if isinstance(before, np.ndarray) else type(before)(array.item())
