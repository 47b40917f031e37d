"""Counts by name and labels: every refusal has one."""

import threading
from collections import defaultdict

_Key = tuple[str, tuple[tuple[str, str], ...]]


class Counted:
    """Counters in memory (domain.ports.Counters). Any thread may add."""

    def __init__(self) -> None:
        self._lock = (
            threading.Lock()
        )  # `+=` on a dict entry is two steps: a switch between loses one
        self._counts: defaultdict[_Key, int] = defaultdict(int)

    def add(self, name: str, count: int = 1, **labels: str) -> None:
        key = (name, tuple(sorted(labels.items())))
        with self._lock:
            self._counts[key] += count

    def count(self, name: str, **labels: str) -> int:
        """The sum over every count of that name that bears these labels."""
        wanted = set(labels.items())
        with self._lock:
            return sum(
                count
                for (key, have), count in self._counts.items()
                if key == name and wanted <= set(have)
            )

    def items(self) -> list[tuple[str, dict[str, str], int]]:
        """(name, labels, count) of each."""
        with self._lock:
            items = list(self._counts.items())
        return [(name, dict(labels), count) for (name, labels), count in items]

    def snapshot(self) -> dict[str, int]:
        """Written as `late` or `dead_letters{reason=unknown_point,source=liuyuan}`, sorted."""
        with self._lock:
            items = list(self._counts.items())
        return dict(sorted((_written(key), count) for key, count in items))


def _written(key: _Key) -> str:
    name, labels = key
    if not labels:
        return name
    return f"{name}{{{','.join(f'{label}={value}' for label, value in labels)}}}"
