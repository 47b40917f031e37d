"""Which limits hold now: the site's, the changes made to them in the console, and the modes that are on."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import structlog

from domain.assets import ActiveLimits
from domain.clock import Clock, to_datetime
from domain.ids import PointKey
from domain.limit_changes import Campaign, LimitChange, with_changes
from domain.ports import StorageUnavailable
from domain.records import LimitsActivated, Record
from service.site.model import Site
from service.workers import Worker
from storage.records import SqlRecords

log = structlog.get_logger(__name__)

LOOK_EVERY_S: Final = 20.0  # a season begins at midnight, not on the second


def modes_on(site: Site, campaigns: Iterable[Campaign], at_us: int) -> tuple[str, ...]:
    """Seasons by the day of the site's clock, campaigns as somebody switched them last."""
    day = to_datetime(at_us).astimezone(site.zone).strftime("%m-%d")
    switched = {each.mode_id: each.is_on for each in campaigns}
    return tuple(
        sorted(
            mode.mode_id
            for mode in site.modes
            if mode.is_season_on(day) or (mode.days is None and switched.get(mode.mode_id, False))
        )
    )


def limits_now(
    site: Site,
    numbers: Mapping[PointKey, int],
    changes: Iterable[LimitChange],
    on: Sequence[str],
    version: int,
) -> ActiveLimits:
    """A change replaces the base value; what a mode says beside it stays."""
    changed = replace(site, points=with_changes(site.points, changes))
    return changed.active_limits(numbers, version, on)


class LimitsKeeper:
    """Puts a version into the journal whenever other limits hold. `renew` from any thread."""

    def __init__(
        self,
        site: Site,
        numbers: Mapping[PointKey, int],
        records: SqlRecords,
        clock: Clock,
        put: Callable[[Sequence[Record]], object],
        last: ActiveLimits,
    ) -> None:
        self._site = site
        self._numbers = numbers
        self._records = records
        self._clock = clock
        self._put = put
        self._last = last
        self._lock = threading.Lock()
        self.worker = Worker("limits", self._step)

    def first_records(self) -> list[Record]:
        """At a start: the version that holds, where it is not the last one already."""
        with self._lock:
            return self._new_version()

    def renew(self) -> None:
        """What does not answer now is asked again at the next look."""
        try:
            with self._lock:
                records = self._new_version()
                if records:
                    self._put(records)
        except StorageUnavailable as error:
            log.warning("limits_not_renewed", reason=str(error))

    def _new_version(self) -> list[Record]:
        now_us = self._clock()
        wanted = limits_now(
            self._site,
            self._numbers,
            self._records.effective_limit_changes(),
            modes_on(self._site, self._records.campaigns(), now_us),
            self._last.version,
        )
        if wanted == self._last:
            return []
        self._last = replace(wanted, version=self._last.version + 1)
        log.info("limits_activated", version=self._last.version, points=len(wanted.points))
        return [LimitsActivated(at_us=now_us, limits=self._last)]

    def _step(self) -> None:
        self.worker.wait(LOOK_EVERY_S)
        if not self.worker.stopping:
            self.renew()
