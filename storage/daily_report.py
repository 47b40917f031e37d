"""What a day brought (运行日报), counted in SQL: each number with the query that gives it.

What is shown is what the query returns: a person who doubts a number runs it himself. Portable SQL; the
bounds are microseconds since 1970 UTC, the second one excluded. Of people it counts and never names.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Engine, String, bindparam, select, text

from domain.assets import Priority
from domain.ids import AssetId
from domain.logbook import LogEntry, LogKind
from storage.engines import reading
from storage.logbook import LogFilter, LogReads
from storage.records import RecordedEvent, recorded_of
from storage.tables import events

LISTED_AT_MOST: Final = 500


class By(StrEnum):
    """By which column a row belongs to a station."""

    ASSET = "asset_id"
    STATION = "station"
    DEVICE = "device_id"
    POINT = "point"
    POST = "post_id"
    NOTHING = ""  # it is counted for the whole site alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What belongs to the station that is reported on. None everywhere: the whole site."""

    station: str | None = None
    customers: int = 0  # of the whole site: what SAIDI divides by
    momentary_us: int = 0  # up to here an interruption is not sustained
    asset_ids: Collection[AssetId] = ()
    devices: Collection[str] = ()
    points: Collection[str] = ()
    posts: Collection[str] = ()

    def names(self, by: By) -> list[str]:
        return sorted(
            {
                By.ASSET: list(map(str, self.asset_ids)),
                By.STATION: [self.station or ""],
                By.DEVICE: list(self.devices),
                By.POINT: list(self.points),
                By.POST: list(self.posts),
                By.NOTHING: [],
            }[by]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    key: str
    sql: str
    by: By = By.ASSET


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    key: str
    value: float
    query: str  # with everything in it, to be run as it stands


def _alarms(which: str) -> str:
    """That reached an operator."""
    return (
        f"SELECT count(*) FROM alarms WHERE {which} AND position <> '' "
        "AND detected_at_us >= :from_us AND detected_at_us < :to_us"
    )


def _log(kind: LogKind) -> str:
    """A correction tells of the same thing."""
    return (
        f"SELECT count(*) FROM log_entries WHERE kind = '{kind.value}' AND corrects IS NULL "
        "AND at_us >= :from_us AND at_us < :to_us"
    )


def _within(table: str, column: str, which: str = "") -> str:
    extra = f"{which} AND " if which else ""
    return f"SELECT count(*) FROM {table} WHERE {extra}{column} >= :from_us AND {column} < :to_us"


# by IEEE 1366: it counts on the day on which it began, once it is over (domain.reliability)
_SUSTAINED: Final = (
    "FROM interruptions WHERE counts AND ended_at_us IS NOT NULL "
    "AND ended_at_us - began_at_us > :momentary_us "
    "AND began_at_us >= :from_us AND began_at_us < :to_us"
)
_MINUTES: Final = "coalesce(sum(customers * (ended_at_us - began_at_us) / 60000000.0), 0)"

COUNTS: Final = (
    Count(key="class_fault", sql=_alarms("alarm_class = 'fault'")),
    Count(key="class_abnormal", sql=_alarms("alarm_class = 'abnormal'")),
    Count(key="class_limit", sql=_alarms("alarm_class = 'limit'")),
    Count(key="class_state_change", sql=_alarms("alarm_class = 'state_change'")),
    Count(key="class_information", sql=_alarms("alarm_class = 'information'")),
    Count(key="urgent", sql=_alarms("priority = 1")),
    Count(key="major", sql=_alarms("priority = 2")),
    Count(key="minor", sql=_alarms("priority = 3")),
    Count(key="notices", sql=_within("events", "detected_at_us", "priority = 4")),
    Count(key="trips", sql=_log(LogKind.TRIP), by=By.STATION),
    Count(
        key="outages",
        sql=_within(
            "outages", "started_at_us", "phase NOT IN ('suspected', 'waiting', 'withdrawn')"
        ),
        by=By.STATION,
    ),
    Count(
        key="outages_planned",
        sql=_within("planned_outages", "from_us"),
        by=By.STATION,
    ),
    Count(key="earth_faults", sql=_within("earth_faults", "started_at_us"), by=By.STATION),
    Count(key="customer_minutes", sql=f"SELECT {_MINUTES} {_SUSTAINED}", by=By.STATION),
    Count(
        key="saidi_minutes",
        sql=f"SELECT coalesce({_MINUTES} / nullif(:customers, 0), 0) {_SUSTAINED}",
        by=By.STATION,
    ),
    Count(key="incidents", sql=_within("incidents", "opened_at_us")),
    Count(
        key="incidents_open",
        sql="SELECT count(*) FROM incidents WHERE opened_at_us < :to_us "
        "AND (closed_at_us IS NULL OR closed_at_us >= :to_us)",
    ),
    Count(key="tickets_permitted", sql=_log(LogKind.TICKET_PERMITTED), by=By.STATION),
    Count(key="tickets_ended", sql=_log(LogKind.TICKET_ENDED), by=By.STATION),
    Count(key="tags_hung", sql=_within("tags", "hung_at_us")),
    Count(key="tags_removed", sql=_within("tags", "removed_at_us")),
    Count(
        key="tags_hanging",
        sql="SELECT count(*) FROM tags WHERE hung_at_us < :to_us "
        "AND (removed_at_us IS NULL OR removed_at_us >= :to_us)",
    ),
    Count(
        key="devices_failed",
        sql="SELECT count(DISTINCT device_id) FROM commands WHERE state IN ('failed', 'expired') "
        "AND created_at_us >= :from_us AND created_at_us < :to_us",
        by=By.DEVICE,
    ),
    Count(
        key="limits_changed",
        sql=_within("limit_changes", "effective_at_us", "state = 'effective'"),
        by=By.POINT,
    ),
    Count(key="orders_received", sql=_log(LogKind.ORDER_RECEIVED), by=By.STATION),
    Count(key="orders_given", sql=_log(LogKind.ORDER_GIVEN), by=By.STATION),
    Count(
        key="handovers",
        sql=_within("watches", "taken_at_us", "state = 'handed_over'"),
        by=By.POST,
    ),
    Count(key="handovers_late", sql=_within("watches", "late_since_us"), by=By.POST),
    Count(
        key="violations_confirmed",
        sql=_within("reviews", "judged_at_us", "kind = 'violation' AND state = 'confirmed'"),
    ),
)


def counted(engine: Engine, from_us: int, to_us: int, scope: Scope) -> list[Counted]:
    """Every number of the day. Raises StorageUnavailable, ValueError where the day has no length."""
    if to_us <= from_us:
        raise ValueError("the day ends before it begins")
    with reading(engine) as connection:
        found = []
        for count in COUNTS:
            sql, bound = _asked(count, from_us, to_us, scope)
            statement = text(sql)
            if "names" in bound:
                statement = statement.bindparams(bindparam("names", type_=String, expanding=True))
            value = float(connection.execute(statement, bound).scalar() or 0)
            found.append(Counted(key=count.key, value=value, query=_written(sql, bound)))
        return found


def notices(
    engine: Engine, from_us: int, to_us: int, scope: Scope, limit: int = LISTED_AT_MOST
) -> list[RecordedEvent]:
    """What called nobody (level 4), the oldest first."""
    query = select(events).where(
        events.c.priority == int(Priority.NOTICE),
        events.c.detected_at_us >= from_us,
        events.c.detected_at_us < to_us,
    )
    if scope.station is not None:
        query = query.where(events.c.asset_id.in_(scope.names(By.ASSET)))
    query = query.order_by(events.c.detected_at_us, events.c.event_id).limit(limit)
    with reading(engine) as connection:
        return [recorded_of(row) for row in connection.execute(query).mappings()]


def trips(engine: Engine, from_us: int, to_us: int, scope: Scope) -> list[LogEntry]:
    """The oldest first."""
    wanted = LogFilter(
        from_us=from_us,
        to_us=to_us,
        stations=None if scope.station is None else [scope.station],
        kinds=[LogKind.TRIP],
    )
    return LogReads(engine).entries(wanted, limit=LISTED_AT_MOST)[::-1]


def _asked(count: Count, from_us: int, to_us: int, scope: Scope) -> tuple[str, dict[str, Any]]:
    bound: dict[str, Any] = {"from_us": from_us, "to_us": to_us}
    for name in ("customers", "momentary_us"):
        if f":{name}" in count.sql:
            bound[name] = getattr(scope, name)
    if scope.station is None or count.by is By.NOTHING:
        return count.sql, bound
    return f"{count.sql} AND {count.by.value} IN :names", bound | {"names": scope.names(count.by)}


def _written(sql: str, bound: Mapping[str, Any]) -> str:
    """As it can be run by hand."""
    told = sql
    for name in ("from_us", "to_us", "customers", "momentary_us"):
        told = told.replace(f":{name}", str(bound.get(name)))
    if "names" not in bound:
        return told
    quoted = ", ".join("'" + name.replace("'", "''") + "'" for name in bound["names"])
    return told.replace("IN :names", f"IN ({quoted or 'NULL'})")
