"""What was heard, to wait on: by number or by a condition, never by sleeping."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import paho.mqtt.client as mqtt

WITHIN_S = 10.0

_POLL_S = 0.01

_Item = TypeVar("_Item")


class Collected(Generic[_Item]):
    """Items that arrive on other threads."""

    def __init__(self) -> None:
        self._items: list[_Item] = []
        self._arrived = threading.Condition()

    def note(self, item: _Item) -> None:
        with self._arrived:
            self._items.append(item)
            self._arrived.notify_all()

    def wait_for(self, count: int, within_s: float = WITHIN_S) -> list[_Item]:
        return self.wait_until(lambda items: len(items) >= count, within_s)

    def wait_until(
        self, enough: Callable[[list[_Item]], bool], within_s: float = WITHIN_S
    ) -> list[_Item]:
        with self._arrived:
            if not self._arrived.wait_for(lambda: enough(self._items), within_s):
                raise AssertionError(f"waited {within_s} s and only got {self._items}")
            return list(self._items)


class Heard(Collected[mqtt.MQTTMessage]):
    """MQTT messages."""


def eventually(condition: Callable[[], bool], within_s: float = WITHIN_S) -> bool:
    """For what nobody announces: looks again and again until it is so or the time is over."""
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(_POLL_S)
    return True
