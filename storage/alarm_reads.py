"""What the console reads of alarms: the operator's list by the page, groups, and what is withheld."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, RowMapping, Select, case, func, or_, select

from domain.alarms import (
    FLOOD_ABOVE,
    FLOOD_WINDOW_US,
    Alarm,
    Flood,
    Rationalisation,
    Withheld,
    Withholding,
)
from domain.assets import Condition, Priority
from domain.ids import AssetId
from domain.limit_changes import Campaign, LimitChange
from storage import alarm_rows
from storage.alarm_rows import CLOSED_RANK, WITHHELD_RANK
from storage.engines import reading
from storage.records import RecordedEvent, recorded_of
from storage.tables import (
    alarms,
    campaigns,
    events,
    floods,
    incidents,
    limit_changes,
    rationalisations,
    tags,
    withholdings,
)

T = TypeVar("T")


class AlarmView(StrEnum):
    CURRENT = "current"
    SHELVED = "shelved"  # by a person: on a shelf, or out of service
    SUPPRESSED = "suppressed"  # by design: a rule of the site
    TAGGED = "tagged"  # by what hangs on the device
    PAST = "past"


class AlarmOrder(StrEnum):
    IMPORTANCE = "importance"  # what waits first, then the most urgent, then the newest
    NEWEST = "newest"
    OLDEST = "oldest"
    PLACE = "place"


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodedPosition:
    position: str
    since_us: int
    alarms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmFilter:
    """Empty collections mean everything."""

    view: AlarmView = AlarmView.CURRENT
    priorities: Collection[Priority] = ()
    classes: Collection[str] = ()
    conditions: Collection[str] = ()
    asset_ids: Collection[AssetId] | None = None  # None: every asset
    points: Collection[str] | None = None  # beside the assets: found by their signal
    folded_at: Collection[
        str
    ] = ()  # positions whose consequences stand behind their cause; never level 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedAlarm:
    alarm: Alarm
    event: RecordedEvent
    consequences: int = 0  # open alarms that its incident explains


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmGroup:
    """So many alarms of one kind, with the most urgent level among them."""

    key: str
    count: int
    waiting: int
    priority: Priority


_KEPT_BACK: Final = alarms.c.rank == WITHHELD_RANK
_BY_TAG: Final = alarms.c.withheld_by.in_(select(tags.c.tag_id))
_BY_DESIGN: Final = alarms.c.withheld == Withheld.SUPPRESSED.value
_VIEWS: Final[Mapping[AlarmView, ColumnElement[bool]]] = {
    AlarmView.CURRENT: alarms.c.rank < WITHHELD_RANK,
    AlarmView.SHELVED: _KEPT_BACK & ~_BY_DESIGN,
    AlarmView.SUPPRESSED: _KEPT_BACK & _BY_DESIGN & ~_BY_TAG,
    AlarmView.TAGGED: _KEPT_BACK & _BY_DESIGN & _BY_TAG,
    AlarmView.PAST: alarms.c.rank == CLOSED_RANK,
}
KEPT_BACK_VIEWS: Final = (AlarmView.SHELVED, AlarmView.SUPPRESSED, AlarmView.TAGGED)
_ORDERS: Final[Mapping[AlarmOrder, tuple[Any, ...]]] = {
    AlarmOrder.IMPORTANCE: (alarms.c.rank, alarms.c.priority, alarms.c.raised_at_us.desc()),
    AlarmOrder.NEWEST: (alarms.c.raised_at_us.desc(),),
    AlarmOrder.OLDEST: (alarms.c.raised_at_us,),
    AlarmOrder.PLACE: (alarms.c.asset_id, alarms.c.point, alarms.c.raised_at_us.desc()),
}
_WAITING_BELOW: Final = 2  # rank: unacknowledged, returned
_GROUPS: Final = {
    "asset": alarms.c.asset_id,
    "priority": alarms.c.priority,
    "condition": alarms.c.condition,
    "point": alarms.c.point,
    "class": alarms.c.alarm_class,
}
GROUPS: Final = tuple(_GROUPS)


class AlarmReads:
    """Raises StorageUnavailable where the records do not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def engine(self) -> Engine:
        """For what counts in the same database."""
        return self._engine

    def page(
        self,
        wanted: AlarmFilter,
        order: AlarmOrder = AlarmOrder.IMPORTANCE,
        limit: int = 50,
        offset: int = 0,
    ) -> list[ListedAlarm]:
        chosen = _which(select(alarms), wanted)
        chosen = chosen.order_by(*_ORDERS[order], alarms.c.event_id).limit(limit).offset(offset)
        return self._listed(self._all(chosen, alarm_rows.alarm))

    def count(self, wanted: AlarmFilter) -> int:
        query = _which(select(func.count()).select_from(alarms), wanted)
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def kept_back(self, asset_ids: Collection[AssetId] | None = None) -> dict[AlarmView, int]:
        """How many are kept from the operator, by which list has them."""
        which = case(
            *((_VIEWS[view], view.value) for view in KEPT_BACK_VIEWS), else_=AlarmView.SHELVED.value
        ).label("view")
        query = select(which, func.count()).where(_KEPT_BACK).group_by(which)
        if asset_ids is not None:
            query = query.where(alarms.c.asset_id.in_(list(asset_ids)))
        with reading(self._engine) as connection:
            return {AlarmView(view): int(count) for view, count in connection.execute(query)}

    def kept_by(self, because: Collection[UUID]) -> dict[UUID, int]:
        """How many each of these tags, shelves and rules keeps back now."""
        query = (
            select(alarms.c.withheld_by, func.count())
            .where(_KEPT_BACK, alarms.c.withheld_by.in_(list(because)))
            .group_by(alarms.c.withheld_by)
        )
        with reading(self._engine) as connection:
            return {kept_by: int(count) for kept_by, count in connection.execute(query)}

    def groups(self, wanted: AlarmFilter, by: str) -> list[AlarmGroup]:
        """The largest first. Raises KeyError for what nothing is grouped by."""
        key = _GROUPS[by]
        count = func.count().label("count")
        waiting = func.sum(case((alarms.c.rank < _WAITING_BELOW, 1), else_=0))
        query = (
            _which(select(key, count, waiting, func.min(alarms.c.priority)), wanted)
            .group_by(key)
            .order_by(count.desc(), key)
        )
        with reading(self._engine) as connection:
            return [
                AlarmGroup(
                    key=str(key),
                    count=int(count),
                    waiting=int(waiting or 0),
                    priority=Priority(priority),
                )
                for key, count, waiting, priority in connection.execute(query)
            ]

    def alarm(self, event_id: UUID) -> ListedAlarm | None:
        found = self._all(select(alarms).where(alarms.c.event_id == event_id), alarm_rows.alarm)
        listed = self._listed(found)
        return listed[0] if listed else None

    def of_assets(self, asset_ids: Collection[AssetId]) -> list[Alarm]:
        """Open ones, withheld or not."""
        query = select(alarms).where(
            alarms.c.asset_id.in_(list(asset_ids)), alarms.c.rank < CLOSED_RANK
        )
        return self._all(query, alarm_rows.alarm)

    def before(self, point: str, condition: Condition, limit: int = 20) -> list[RecordedEvent]:
        """The same alarm in the past, the newest first."""
        query = (
            select(events)
            .where(events.c.point == point, events.c.condition == condition.value)
            .order_by(events.c.started_at_us.desc())
            .limit(limit)
        )
        return self._all(query, recorded_of)

    def withholdings(self, *, ended: bool = False, limit: int = 200) -> list[Withholding]:
        which = withholdings.c.ended_at_us.is_(None)
        query = (
            select(withholdings)
            .where(~which if ended else which)
            .order_by(withholdings.c.at_us.desc())
            .limit(limit)
        )
        return self._all(query, alarm_rows.withholding)

    def limit_changes(self, limit: int = 200) -> list[LimitChange]:
        """Whatever became of them, the newest first."""
        query = select(limit_changes).order_by(limit_changes.c.proposed_at_us.desc()).limit(limit)
        return self._all(query, alarm_rows.limit_change)

    def campaigns(self) -> list[Campaign]:
        return self._all(select(campaigns), alarm_rows.campaign)

    def rationalisations(self) -> list[Rationalisation]:
        return self._all(select(rationalisations), alarm_rows.rationalisation)

    def rationalisation(self, point: str, condition: Condition) -> Rationalisation | None:
        query = select(rationalisations).where(
            rationalisations.c.point == point, rationalisations.c.condition == condition.value
        )
        found = self._all(query, alarm_rows.rationalisation)
        return found[0] if found else None

    def lasting_floods(self) -> list[Flood]:
        query = select(floods).where(floods.c.ended_at_us.is_(None))
        return self._all(query, alarm_rows.flood)

    def flooded(self, now_us: int) -> list[FloodedPosition]:
        """Each operator who has a flood, once. With partitions each counts its own stations, so what came to
        him in the last ten minutes counts too, though no partition by itself had more than ten."""
        of_position: dict[str, list[Flood]] = {}
        for flood in self.lasting_floods():
            of_position.setdefault(flood.position, []).append(flood)
        came = {each.position: each for each in self._came_above(now_us - FLOOD_WINDOW_US)}
        return [
            FloodedPosition(
                position=position,
                since_us=min(
                    [flood.started_at_us for flood in recorded] or [came[position].since_us]
                ),
                alarms=max(
                    sum(flood.alarms for flood in recorded),
                    came[position].alarms if position in came else 0,
                ),
            )
            for position in sorted({*of_position, *came})
            for recorded in (of_position.get(position, []),)
        ]

    def _came_above(self, after_us: int) -> list[FloodedPosition]:
        """The positions to which more came than a person can take."""
        query = (
            select(
                alarms.c.position,
                func.min(alarms.c.detected_at_us).label("since_us"),
                func.count().label("alarms"),
            )
            .where(alarms.c.position != "", alarms.c.detected_at_us > after_us)
            .group_by(alarms.c.position)
            .having(func.count() > FLOOD_ABOVE)
        )
        return self._all(query, lambda row: FloodedPosition(**row))

    def _listed(self, found: Sequence[Alarm]) -> list[ListedAlarm]:
        ids = [alarm.event_id for alarm in found]
        with reading(self._engine) as connection:
            rows = connection.execute(select(events).where(events.c.event_id.in_(ids))).mappings()
            told = {row["event_id"]: recorded_of(row) for row in rows}
        behind = self._consequences({each.incident_id for each in found if each.incident_id})
        return [
            ListedAlarm(
                alarm=alarm,
                event=told[alarm.event_id],
                consequences=behind.get(alarm.incident_id, 0) if alarm.incident_id else 0,
            )
            for alarm in found
            if alarm.event_id in told
        ]

    def _consequences(self, causes: Collection[UUID]) -> dict[UUID, int]:
        """cause -> open alarms of the incidents that it explains."""
        if not causes:
            return {}
        query = (
            select(incidents.c.cause, func.count())
            .join(alarms, alarms.c.incident_id == incidents.c.incident_id)
            .where(incidents.c.cause.in_(list(causes)), _VIEWS[AlarmView.CURRENT])
            .group_by(incidents.c.cause)
        )
        with reading(self._engine) as connection:
            return {cause: int(count) for cause, count in connection.execute(query)}

    def _all(self, query: Select[Any], made: Callable[[RowMapping], T]) -> list[T]:
        with reading(self._engine) as connection:
            return [made(row) for row in connection.execute(query).mappings()]


def _which(query: Select[Any], wanted: AlarmFilter) -> Select[Any]:
    query = query.where(_VIEWS[wanted.view])
    if wanted.priorities:
        query = query.where(alarms.c.priority.in_([int(each) for each in wanted.priorities]))
    if wanted.classes:
        query = query.where(alarms.c.alarm_class.in_(list(wanted.classes)))
    if wanted.conditions:
        query = query.where(alarms.c.condition.in_(list(wanted.conditions)))
    if wanted.asset_ids is not None:
        of_place = [alarms.c.asset_id.in_(list(wanted.asset_ids))]
        if wanted.points:
            of_place.append(alarms.c.point.in_(list(wanted.points)))
        query = query.where(or_(*of_place))
    if wanted.folded_at:
        consequences = select(incidents.c.incident_id).where(
            incidents.c.cause.is_not(None), incidents.c.cause != incidents.c.incident_id
        )
        explained = (
            alarms.c.incident_id.in_(consequences)
            & (alarms.c.priority > int(Priority.URGENT))
            & alarms.c.position.in_(list(wanted.folded_at))
        )
        query = query.where(~explained | alarms.c.incident_id.is_(None))
    return query
