"""A simulated transformer: its oil gets hot and cools again, round and round."""

import json
import math
import threading
from typing import Final, Self

from domain.clock import SECOND_US, Clock, system_clock
from service.simulate.connection import FieldClient

STORY_S: Final = 600.0  # from cool through hot to cool, at story speed 1


class SimulatedTransformer:
    """Publishes top-oil temperature as canonical JSON, between `low` and `high` degC."""

    def __init__(
        self,
        site: str,
        source: str,
        point: str,
        *,
        low: float = 78.0,
        high: float = 100.0,
        speed: float = 10.0,
        interval_s: float = 1.0,
        clock: Clock = system_clock,
    ) -> None:
        self._topic = f"gridwarden/{site}/telemetry/{source}"
        self._point = point
        self._low = low
        self._high = high
        self._speed = speed
        self._interval_s = interval_s
        self._clock = clock
        self._began_us = clock()
        self._client = FieldClient(f"rtu-{site}-{source}")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"rtu-{source}", daemon=True)

    @property
    def ready(self) -> threading.Event:
        """Set while connected."""
        return self._client.ready

    def start(self, host: str, port: int) -> Self:
        self._client.start(host, port)
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(5.0)
        self._client.stop()

    def celsius(self, story_s: float) -> float:
        """Coolest when the story begins, hottest in its middle."""
        share = (1 - math.cos(2 * math.pi * story_s / STORY_S)) / 2
        return round(self._low + (self._high - self._low) * share, 1)

    def payload(self, at_us: int) -> bytes:
        story_s = (at_us - self._began_us) / SECOND_US * self._speed
        reading = {
            "point": self._point,
            "time": at_us // 1_000,
            "value": self.celsius(story_s),
            "unit": "degC",
            "quality": "good",
        }
        return json.dumps({"readings": [reading]}).encode()

    def _run(self) -> None:
        while not self._stopping.wait(self._interval_s):
            self._client.publish(self._topic, self.payload(self._clock()))
