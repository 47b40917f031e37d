"""The alarm system's own figures over a period (ISA-18.2, EEMUA 191), each with the query that gives it.

What is shown is what the query returns: a person who doubts a number runs it himself. Portable SQL; the
bounds are microseconds since 1970 UTC, the second one excluded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, text

from storage.engines import reading

# reached an operator: it was not withheld when it came, and needed somebody
_CAME: Final = "position <> '' AND detected_at_us >= :from_us AND detected_at_us < :to_us"
_TEN_MINUTES: Final = (
    "SELECT position, detected_at_us / 600000000 AS period, count(*) AS alarms FROM alarms "
    f"WHERE {_CAME} GROUP BY position, detected_at_us / 600000000"
)
_IN_FLOODS: Final = "started_at_us < :to_us AND coalesce(ended_at_us, :to_us) > :from_us"
# the part of each flood that lies in the period. Where a position's stations are decided in several
# partitions each counts a flood of its own: those that overlap are one
_FLOODS: Final = (
    "SELECT position, started_at_us, flood_id, "
    "CASE WHEN started_at_us > :from_us THEN started_at_us ELSE :from_us END AS since_us, "
    "CASE WHEN coalesce(ended_at_us, :to_us) < :to_us THEN coalesce(ended_at_us, :to_us) "
    f"ELSE :to_us END AS until_us FROM floods WHERE {_IN_FLOODS}"
)
_FLOODS_IN_ORDER: Final = (
    "SELECT since_us, until_us, max(until_us) OVER (PARTITION BY position "
    "ORDER BY started_at_us, flood_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before_us "
    f"FROM ({_FLOODS}) AS f"
)
_OF_PRIORITY: Final = (
    "SELECT 100.0 * sum(CASE WHEN {which} THEN 1 ELSE 0 END) / nullif(count(*), 0) "
    f"FROM alarms WHERE {_CAME}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kpi:
    """One figure: its query, and what the guides call acceptable."""

    key: str
    sql: str
    unit: str = ""  # "", "%", "s"
    at_most: float | None = None
    about: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    kpi: Kpi
    value: float | None  # None: nothing to count
    query: str  # with the bounds in it, to be run as it stands

    @property
    def is_met(self) -> bool | None:
        """None where the guides name no bound, or nothing was counted."""
        if self.kpi.at_most is None or self.value is None:
            return None
        return self.value <= self.kpi.at_most


@dataclass(frozen=True, slots=True, kw_only=True)
class BadActor:
    point: str
    condition: str
    alarms: int
    share: float  # of all, per cent
    query: str  # that gives both numbers


KPIS: Final = (
    Kpi(key="came", sql=f"SELECT count(*) FROM alarms WHERE {_CAME}"),
    Kpi(
        key="per_ten_minutes",
        sql=(
            "SELECT 1.0 * count(*) / nullif(count(DISTINCT position), 0) "
            f"/ ((:to_us - :from_us) / 600000000.0) FROM alarms WHERE {_CAME}"
        ),
        at_most=1,
    ),
    Kpi(
        key="most_in_ten_minutes", sql=f"SELECT max(alarms) FROM ({_TEN_MINUTES}) AS t", at_most=10
    ),
    Kpi(
        key="periods_above_ten",
        sql=(
            "SELECT 100.0 * count(*) / ((:to_us - :from_us) / 600000000.0) "
            f"FROM ({_TEN_MINUTES}) AS t WHERE alarms > 10"
        ),
        unit="%",
        at_most=1,
    ),
    Kpi(
        key="floods",
        sql=(
            f"SELECT count(*) FROM ({_FLOODS_IN_ORDER}) AS o "
            "WHERE before_us IS NULL OR before_us < since_us"
        ),
    ),
    Kpi(
        key="time_in_flood",
        sql=(
            "SELECT coalesce(100.0 * sum(CASE WHEN before_us IS NULL OR before_us < since_us "
            "THEN until_us - since_us WHEN before_us < until_us THEN until_us - before_us ELSE 0 END) "
            f"/ (:to_us - :from_us), 0) FROM ({_FLOODS_IN_ORDER}) AS o"
        ),
        unit="%",
        at_most=1,
    ),
    Kpi(key="urgent", sql=_OF_PRIORITY.format(which="priority = 1"), unit="%", about=5),
    Kpi(key="major", sql=_OF_PRIORITY.format(which="priority = 2"), unit="%", about=15),
    Kpi(key="minor", sql=_OF_PRIORITY.format(which="priority >= 3"), unit="%", about=80),
    Kpi(
        key="chattering",
        sql=f"SELECT count(*) FROM alarms WHERE chattering AND {_CAME}",
        at_most=0,
    ),
    Kpi(key="fleeting", sql=f"SELECT count(*) FROM alarms WHERE fleeting AND {_CAME}", at_most=0),
    Kpi(
        key="stale",
        sql=(
            "SELECT count(*) FROM alarms WHERE position <> '' AND raised_at_us < :to_us - 86400000000 "
            "AND coalesce(ended_at_us, :to_us) >= :from_us "
            "AND coalesce(ended_at_us, :to_us) - raised_at_us > 86400000000"
        ),
        at_most=5,
    ),
    Kpi(
        key="duplicates",
        sql=(
            "SELECT coalesce(sum(alarms - 1), 0) FROM (SELECT count(*) AS alarms FROM alarms "
            f"WHERE incident_id IS NOT NULL AND {_CAME} "
            "GROUP BY incident_id, point, condition HAVING count(*) > 1) AS t"
        ),
    ),
    Kpi(
        key="top_ten",
        sql=(
            "SELECT 100.0 * sum(alarms) / nullif((SELECT count(*) FROM alarms "
            f"WHERE {_CAME}), 0) FROM (SELECT count(*) AS alarms FROM alarms WHERE {_CAME} "
            "GROUP BY point, condition ORDER BY count(*) DESC LIMIT 10) AS t"
        ),
        unit="%",
        at_most=5,
    ),
    Kpi(
        key="seconds_to_acknowledge",
        sql=(
            "SELECT avg((acknowledged_at_us - detected_at_us) / 1000000.0) FROM alarms "
            f"WHERE acknowledged_at_us IS NOT NULL AND {_CAME}"
        ),
        unit="s",
    ),
    Kpi(
        key="unacknowledged",
        sql=f"SELECT count(*) FROM alarms WHERE acknowledged_at_us IS NULL AND {_CAME}",
    ),
    Kpi(
        key="withheld",
        sql=(
            "SELECT count(*) FROM alarms WHERE position = '' AND withheld IS NOT NULL "
            "AND detected_at_us >= :from_us AND detected_at_us < :to_us"
        ),
    ),
    Kpi(
        key="shelves",
        sql=(
            "SELECT count(*) FROM withholdings WHERE kind = 'shelved' AND at_us < :to_us "
            "AND coalesce(ended_at_us, :to_us) >= :from_us"
        ),
    ),
)
BAD_ACTORS: Final = (
    "SELECT point, condition, count(*) AS alarms, "
    f"100.0 * count(*) / (SELECT count(*) FROM alarms WHERE {_CAME}) AS share FROM alarms "
    f"WHERE {_CAME} GROUP BY point, condition ORDER BY count(*) DESC, point, condition LIMIT 20"
)


def figures(engine: Engine, from_us: int, to_us: int) -> list[Figure]:
    """Every figure of the period. Raises StorageUnavailable, ValueError where it has no length."""
    bounds = _bounds(from_us, to_us)
    with reading(engine) as connection:
        return [
            Figure(kpi=kpi, value=_number(found), query=written(kpi.sql, from_us, to_us))
            for kpi in KPIS
            for found in (connection.execute(text(kpi.sql), bounds).scalar(),)
        ]


def bad_actors(engine: Engine, from_us: int, to_us: int) -> list[BadActor]:
    """What alarms most, the worst first."""
    bounds = _bounds(from_us, to_us)
    query = written(BAD_ACTORS, from_us, to_us)
    with reading(engine) as connection:
        return [
            BadActor(
                point=point, condition=condition, alarms=alarms, share=float(share), query=query
            )
            for point, condition, alarms, share in connection.execute(text(BAD_ACTORS), bounds)
        ]


def written(sql: str, from_us: int, to_us: int) -> str:
    """As it can be run by hand."""
    return sql.replace(":from_us", str(from_us)).replace(":to_us", str(to_us))


def _bounds(from_us: int, to_us: int) -> Mapping[str, int]:
    if to_us <= from_us:
        raise ValueError("the period ends before it begins")
    return {"from_us": from_us, "to_us": to_us}


def _number(found: object) -> float | None:
    return None if found is None else float(found)  # type: ignore[arg-type]
