"""The outages that are under way, and what linkage lends for them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from domain.changes import Changes
from domain.events import Event
from domain.ids import AssetId
from domain.outages import EarthFault, Outage, Phase, PlannedOutage
from domain.responsibility import Answer, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutages:
    """What the records hold when linkage begins."""

    outages: tuple[Outage, ...] = ()  # open
    planned: tuple[PlannedOutage, ...] = ()  # announced or under way
    earth_faults: tuple[EarthFault, ...] = ()  # open, or over for so short that they may come again

    def of(self, is_ours: Callable[[AssetId], bool]) -> "HeldOutages":
        """Those of our devices alone: another worker holds the others."""
        return HeldOutages(
            outages=tuple(each for each in self.outages if is_ours(each.asset_id)),
            planned=tuple(each for each in self.planned if is_ours(each.asset_id)),
            earth_faults=tuple(each for each in self.earth_faults if is_ours(each.asset_id)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """What linkage does for outages."""

    answer: Callable[[AssetId, int, Kind], Answer]
    told: Callable[[Event, Changes], None]


class OpenOutages:
    """By id, by feeder and by the event that opened the breaker; forgotten when they are over."""

    def __init__(self, outages: Iterable[Outage] = ()) -> None:
        self._by_id = {each.outage_id: each for each in outages if each.is_open}

    def get(self, outage_id: UUID) -> Outage | None:
        return self._by_id.get(outage_id)

    def every(self) -> list[Outage]:
        return list(self._by_id.values())

    def of_feeder(self, feeder_id: str) -> list[Outage]:
        """The newest first."""
        found = [each for each in self._by_id.values() if each.feeder_id == feeder_id]
        return sorted(found, key=lambda each: -each.started_at_us)

    def of_opening(self, event_id: UUID) -> Outage | None:
        return next((each for each in self._by_id.values() if each.opening == event_id), None)

    def busy_crews(self, but_not: UUID | None = None) -> frozenset[str]:
        """Sent out, and not done yet."""
        done = {Phase.REPAIRED, Phase.RESTORED, Phase.CLOSED}
        return frozenset(
            each.crew_id
            for each in self._by_id.values()
            if each.crew_id and each.phase not in done and each.outage_id != but_not
        )

    def keep(self, outage: Outage, changes: Changes) -> None:
        if self._by_id.get(outage.outage_id) is outage:
            return
        self._by_id[outage.outage_id] = outage
        if not outage.is_open:
            del self._by_id[outage.outage_id]
        changes.outages.append(outage)
