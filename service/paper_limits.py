"""What a back-test needs of an installation: the limits that hold, those on paper, and the stored history."""

import re
from base64 import b64decode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from domain.assets import ActiveLimits, Condition, Point
from domain.clock import system_clock
from domain.ids import PointKey
from domain.limit_changes import (
    LimitChange,
    LimitSetting,
    faults,
    limit_of,
    with_changes,
    with_settings,
)
from domain.ports import Telemetry
from domain.readings import Readings
from domain.reasons import reason_text
from service.backtest import History
from service.beginning import effective_version, stored_records
from service.counting import Counted
from service.limiting import limits_now, modes_on
from service.local_socket import SOCKET_NAME, is_served, request
from service.settings import Settings
from service.site.durations import BadDuration, parse_duration
from service.site.model import Site
from service.site.problems import did_you_mean
from service.site.versions import site_of
from service.stored_history import arrived
from service.stores import open_telemetry
from service.wiring import Folders
from storage.records import SqlRecords

_ROWS_FROM_CORE: Final = 20_000
_FIELD: Final = re.compile(r"(value|deadband|on_delay|off_delay)=(\S+)")


class BadSetting(ValueError):
    """A limit on paper that cannot be tried; one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class OnPaper:
    """The limits that hold now, and the same with what was changed on paper."""

    site: Site
    before: ActiveLimits
    after: ActiveLimits


def on_paper(data: Path, settings: Iterable[str] = (), folder: Site | None = None) -> OnPaper:
    """`folder` is a site as it would be. Raises BadSetting, NoSite, StorageUnavailable, BrokenSite,
    MalformedVersion."""
    records = stored_records(data)
    site = _numbered(site_of(effective_version(data)), records.known_numbers())
    base = site if folder is None else _numbered(folder, records.known_numbers())
    held = held_by(base, records.effective_limit_changes())
    return with_paper(site, records, [setting_of(text, held) for text in settings], held)


def held_by(site: Site, changes: Iterable[LimitChange]) -> Site:
    """With what was changed in the console."""
    return replace(site, points=with_changes(site.points, changes))


def with_paper(
    site: Site, records: SqlRecords, settings: Sequence[LimitSetting], held: Site | None = None
) -> OnPaper:
    """`held` is the site that `settings` are tried on; else the one that holds. Raises BadSetting."""
    numbers, changes = records.known_numbers(), records.effective_limit_changes()
    site = _numbered(site, numbers)
    on = modes_on(site, records.campaigns(), system_clock())
    base = held_by(site, changes) if held is None else held
    points = with_settings(base.points, settings)
    _expect_sense(points, {each.point for each in settings})
    return OnPaper(
        site=site,
        before=limits_now(site, numbers, changes, on, 1),
        after=replace(base, points=points).active_limits(numbers, 2, on),
    )


def setting_of(text: str, site: Site) -> LimitSetting:
    """`LY/1T/top_oil_temp H value=80 on_delay=30s`, or `... H off`. Raises BadSetting."""
    words = text.split()
    if len(words) < 3:
        raise BadSetting(
            f"{text!r} is no change: write POINT CONDITION and what is changed, as in"
            " LY/1T/top_oil_temp H value=80 on_delay=30s, or `off`"
        )
    points = {point.key: point for point in site.points}
    point = points.get(PointKey(words[0]))
    if point is None:
        raise BadSetting(f"no point is named {words[0]!r}{did_you_mean(words[0], points)}")
    limit = None
    if words[1] in set(Condition):
        limit = limit_of(point, Condition(words[1]))
    if limit is None:
        given = [each.condition.value for each in point.limits]
        raise BadSetting(f"{point.key} has no {words[1]}; it has {', '.join(given) or 'none'}")
    setting = LimitSetting.of(point.key, limit)
    if words[2:] == ["off"]:
        return replace(setting, value=None)
    for word in words[2:]:
        setting = _changed(setting, word)
    return setting


def history_of(settings: Settings) -> History:
    """From core where it runs: it alone may open a file of its own."""
    path = settings.data / SOCKET_NAME
    if path.exists() and is_served(path):
        return CoreHistory(settings.data)
    return StoredHistory(
        open_telemetry(settings.telemetry, Folders(settings.data).telemetry, Counted())
    )


class StoredHistory:
    """What a store holds that nobody serves. Raises StorageUnavailable."""

    def __init__(self, store: Telemetry) -> None:
        self._store = store

    def arrived(
        self, from_us: int, to_us: int, points: Sequence[int], limit: int, offset: int
    ) -> Readings:
        return arrived(self._store, from_us, to_us, points, limit, offset)


class CoreHistory:
    """What is stored, asked of the core that owns it. Raises CoreUnreachable, RequestRefused."""

    def __init__(self, data: Path) -> None:
        self._socket = data / SOCKET_NAME
        self._names: dict[int, str] = {}

    def knows(self, limits: ActiveLimits) -> "CoreHistory":
        """Core is asked by keys."""
        self._names |= {point.number: point.key for point in limits.points}
        return self

    def arrived(
        self, from_us: int, to_us: int, points: Sequence[int], limit: int, offset: int
    ) -> Readings:
        keys = [self._names[number] for number in points if number in self._names]
        parts: list[Readings] = []
        while sum(map(len, parts)) < limit:
            had = sum(map(len, parts))
            answer = request(
                self._socket,
                "arrived",
                from_us=from_us,
                to_us=to_us,
                points=keys,
                at_most=min(_ROWS_FROM_CORE, limit - had),
                offset=offset + had,
            )
            some = Readings.from_bytes(b64decode(answer["columns"]))
            parts.append(some)
            if len(some) < _ROWS_FROM_CORE:
                break
        return Readings.concat(parts)


def _changed(setting: LimitSetting, word: str) -> LimitSetting:
    found = _FIELD.fullmatch(word)
    if found is None:
        raise BadSetting(f"{word!r} is no change: write value=, deadband=, on_delay= or off_delay=")
    name, written = found[1], found[2]
    try:
        if name in {"value", "deadband"}:
            return replace(setting, **{name: float(written)})  # type: ignore[arg-type]
        return replace(setting, **{f"{name}_us": parse_duration(written)})  # type: ignore[arg-type]
    except (ValueError, BadDuration) as error:
        raise BadSetting(f"{word}: {error}") from error


def _numbered(site: Site, numbers: dict[PointKey, int]) -> Site:
    """Without the points that never had a reading: they have no number."""
    return replace(site, points=tuple(point for point in site.points if point.key in numbers))


def _expect_sense(points: Iterable[Point], tried: set[PointKey]) -> None:
    for point in points:
        for fault in faults(point) if point.key in tried else ():
            raise BadSetting(f"{point.key}: {reason_text(fault, 'en')}")
