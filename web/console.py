"""What every page has at hand: site, records, core and the live feed. One per process."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.assets import Asset
from domain.clock import system_clock
from domain.ids import AssetId, PersonId
from linkage.plan import LinkagePlan
from linkage.responsibility import Responsibility
from linkage.watches import REMEMBERED_US
from service.core_client import CoreClient
from service.records import records_engine
from service.site.compiled import read_compiled
from service.site.model import Site
from service.who import responsibility_of
from storage.alarm_reads import AlarmReads
from storage.console_reads import ConsoleReads
from storage.dead_letters import SqlDeadLetters
from storage.ledger import SqlLedger
from storage.logbook import LogReads
from storage.notices import SqlNotices
from storage.outages import OutageReads
from storage.reviews import ReviewReads
from web.arranged import Arranged
from web.auth import SignIn
from web.feed import Feed
from web.system_watch import SystemWatch

# "desk": a person did something at another worker
_OF_ARRANGEMENTS = frozenset({"arrangement", "connected", "missed", "desk"})


@dataclass(slots=True)
class Console:
    """Read-only but for what is asked of core."""

    data: Path
    compiled: Path
    language: str
    session_hours: int
    site: Site
    plan: LinkagePlan
    arranged: Arranged
    reads: ConsoleReads
    alarms: AlarmReads
    outages: OutageReads
    dead_letters: SqlDeadLetters
    ledger: SqlLedger
    notices: SqlNotices
    logbook: LogReads
    review_reads: ReviewReads
    core: CoreClient
    feed: Feed
    system: SystemWatch
    sign_in: SignIn
    watching: "asyncio.Task[None] | None" = None  # held, else it might be collected

    @classmethod
    def open(cls, data: Path, compiled: Path, language: str, session_hours: int) -> "Console":
        """Raises BrokenCompiledSite, StorageUnavailable."""
        site = read_compiled(compiled)
        engine = records_engine(data, role="web", busy_ms=1_000, at_most_ms=3_000)
        reads = ConsoleReads(engine)
        core, feed = CoreClient(data), Feed()
        console = cls(
            data=data,
            compiled=compiled,
            language=language,
            session_hours=session_hours,
            site=site,
            plan=site.plan(language),
            arranged=Arranged(reads),
            reads=reads,
            alarms=AlarmReads(engine),
            outages=OutageReads(engine),
            dead_letters=SqlDeadLetters(engine),
            ledger=SqlLedger(engine),
            notices=SqlNotices(engine),
            logbook=LogReads(engine),
            review_reads=ReviewReads(engine),
            core=core,
            feed=feed,
            system=SystemWatch(core, feed),
            sign_in=SignIn(reads),
        )
        console.core.subscribe(console._heard)
        return console

    @property
    def responsibility(self) -> Responsibility:
        """With everything that people arranged. Raises StorageUnavailable."""
        return self.arranged.responsibility(self.site)

    def responsibility_now(self) -> Responsibility:
        """With who has the watch and what was arranged since. Raises StorageUnavailable."""
        now_us = system_clock()
        watches = self.logbook.watches_since(now_us - REMEMBERED_US)
        return responsibility_of(self.site, watches, now_us, self.arranged.every())

    def asset(self, asset_id: AssetId) -> Asset:
        return self.plan.asset(asset_id)

    def person(self, person_id: PersonId | str | None) -> str:
        persons = self.site.organisation.persons
        found = next((each for each in persons if each.person_id == person_id), None)
        return found.name if found else str(person_id or "-")

    def zone_name(self, zone_id: str | None) -> str:
        zones = self.site.organisation.zones
        return next((zone.name for zone in zones if zone.zone_id == zone_id), zone_id or "-")

    def _heard(self, change: Mapping[str, Any]) -> None:
        if change.get("kind") == "connected":
            self._look_for_another_site()
        if change.get("kind") in _OF_ARRANGEMENTS:
            self.arranged.heard()
        self.feed.heard(change)

    def _look_for_another_site(self) -> None:
        """Core came back, perhaps with a new version of the site."""
        site = read_compiled(self.compiled)
        if site != self.site:
            self.site, self.plan = site, site.plan(self.language)
