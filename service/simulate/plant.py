"""The simulated plant: every point of a site at an ordinary value, with the story laid over it."""

import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Self

import msgspec

from domain.clock import Clock, system_clock
from domain.ids import PointKey
from service.simulate.connection import FieldClient
from service.simulate.story import STORY_S, standing_values, story_of, values_at
from service.site.model import Site

FIRST_SCENE_AFTER_S: Final = 4.0  # core has connected by then
WHOLE_EVERY_S: Final = 10.0
STEP_S: Final = 1.0
_READINGS_PER_MESSAGE: Final = 100
_STILL: Final = frozenset({"status", "position"})  # no noise on a contact


class SimulatedPlant:
    """Publishes canonical JSON: the whole site every ten seconds, what the story moves every second."""

    def __init__(
        self,
        site: Site,
        *,
        clock: Clock = system_clock,
        chance: Callable[[], float] = random.random,
        first_scene_after_s: float = FIRST_SCENE_AFTER_S,
    ) -> None:
        self._site = site
        self._clock = clock
        self._chance = chance
        self._first_scene_after_s = first_scene_after_s
        self._standing = standing_values(site)
        self._story = story_of(site)
        self._units = {point.key: point.unit for point in site.points}
        self._topics = _topics(site)
        self._client = FieldClient(f"plant-{site.code}")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="plant", daemon=True)

    def start(self, host: str, port: int) -> Self:
        self._client.start(host, port)
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(5.0)
        self._client.stop()

    def messages(self, values: Mapping[PointKey, float]) -> Iterator[tuple[str, bytes]]:
        """Topic and payload, at most a hundred readings in one."""
        time_ms = self._clock() // 1_000
        by_topic: dict[str, list[dict[str, object]]] = defaultdict(list)
        for key, value in values.items():
            reading = {"point": key, "time": time_ms, "value": value, "unit": self._units[key]}
            by_topic[self._topics[key]].append(reading)
        for topic, readings in by_topic.items():
            for start in range(0, len(readings), _READINGS_PER_MESSAGE):
                part = readings[start : start + _READINGS_PER_MESSAGE]
                yield topic, msgspec.json.encode({"readings": part})

    def _run(self) -> None:
        began = time.monotonic()
        whole_at, moved = began, dict[PointKey, float]()
        while not self._stopping.is_set():
            now = time.monotonic()
            moving = self.moving(now - began)
            if now >= whole_at:
                whole_at = now + WHOLE_EVERY_S
                self._publish(self.ordinary() | moving)
            else:
                over = {key: self._standing[key] for key in moved.keys() - moving.keys()}
                self._publish(moving | over)
            moved = moving
            self._stopping.wait(STEP_S)

    def moving(self, since_start_s: float) -> dict[PointKey, float]:
        """What the story moves; nothing before its first scene."""
        story_s = since_start_s - self._first_scene_after_s
        return values_at(self._story, story_s % STORY_S) if story_s >= 0 else {}

    def ordinary(self) -> dict[PointKey, float]:
        """Every point of a calm day."""
        return {key: self._noisy(key, value) for key, value in self._standing.items()}

    def _publish(self, values: Mapping[PointKey, float]) -> None:
        for topic, payload in self.messages(values):
            self._client.publish(topic, payload)

    def _noisy(self, key: PointKey, value: float) -> float:
        if self._units[key] in _STILL:
            return value
        # the grid's frequency hardly moves; everything else by half a percent
        width = 0.0004 if self._units[key] == "Hz" else 0.01
        return round(value * (1 + width * (self._chance() - 0.5)), 3)


def _topics(site: Site) -> dict[PointKey, str]:
    """Each station speaks on a topic of its own, as far as the source has topics."""
    topics = {
        source.source_id: [
            each.topic
            for each in source.subscriptions
            if "/telemetry/" in each.topic and not {"+", "#"} & set(each.topic)
        ]
        for source in site.sources
    }
    stations = list(dict.fromkeys(asset.station for asset in site.assets.values()))
    return {
        point.key: topics[point.source_id][
            stations.index(site.assets[point.asset_id].station) % len(topics[point.source_id])
        ]
        for point in site.points
    }
