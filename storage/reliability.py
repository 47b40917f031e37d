"""Reliability indices over a period, each with the query that gives it (DOMAIN E3).

`domain.reliability` says the same in Python, and the tests hold the two together. Portable SQL over
`interruptions`; the bounds are microseconds since 1970 UTC, the second one excluded. An interruption counts
in the period in which it began, once it is over.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import Engine, Text, bindparam, select, text

from domain.reliability import MAJOR_BETAS, MAJOR_YEARS_US, Interruption, Served
from storage.engines import reading
from storage.outages import interruption_of, interruptions

_LASTED_US: Final = "(ended_at_us - began_at_us)"
_OVER: Final = (
    "counts AND ended_at_us IS NOT NULL AND began_at_us >= :from_us AND began_at_us < :to_us"
)
_SUSTAINED: Final = f"{_OVER} AND {_LASTED_US} > :momentary_us"
_MOMENTARY: Final = f"{_OVER} AND {_LASTED_US} <= :momentary_us"
_LONG: Final = f"{_OVER} AND {_LASTED_US} > :short_us"  # DL/T 836
_MINUTES: Final = f"{_LASTED_US} / 60000000.0"
_PER_CUSTOMER: Final = "1.0 * coalesce(sum(customers), 0) / nullif(:customers, 0)"
_EPOCH: Final = date(1970, 1, 1)
_PERIOD_MINUTES: Final = "((:to_us - :from_us) / 60000000.0)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    key: str
    sql: str  # of {part}, the part of the plant that is asked for
    unit: str = ""  # "", "min", "h", "%"


INDICES: Final = (
    Index(
        key="saifi",
        sql=f"SELECT {_PER_CUSTOMER} FROM interruptions WHERE {_SUSTAINED}",
    ),
    Index(
        key="saidi",
        sql=(
            f"SELECT coalesce(sum({_MINUTES} * customers), 0) / nullif(:customers, 0) "
            f"FROM interruptions WHERE {_SUSTAINED}"
        ),
        unit="min",
    ),
    Index(
        key="caidi",
        sql=(
            f"SELECT sum({_MINUTES} * customers) / nullif(sum(customers), 0) "
            f"FROM interruptions WHERE {_SUSTAINED}"
        ),
        unit="min",
    ),
    Index(
        key="maifi",
        sql=f"SELECT {_PER_CUSTOMER} FROM interruptions WHERE {_MOMENTARY}",
    ),
    Index(
        key="asai",
        sql=(
            f"SELECT 100.0 * (1 - coalesce(sum({_MINUTES} * customers), 0) / nullif(:customers, 0) "
            f"/ {_PERIOD_MINUTES}) FROM interruptions WHERE {_SUSTAINED}"
        ),
        unit="%",
    ),
    Index(
        key="aihc_1",
        sql=(
            f"SELECT coalesce(sum({_MINUTES} / 60.0 * transformer_users), 0) / nullif(:users, 0) "
            f"FROM interruptions WHERE {_LONG}"
        ),
        unit="h",
    ),
    Index(
        key="rs_1",
        sql=(
            f"SELECT 100.0 * (1 - coalesce(sum({_MINUTES} * transformer_users), 0) / nullif(:users, 0) "
            f"/ {_PERIOD_MINUTES}) FROM interruptions WHERE {_LONG}"
        ),
        unit="%",
    ),
    Index(
        key="interrupted",
        sql=f"SELECT coalesce(sum(customers), 0) FROM interruptions WHERE {_SUSTAINED}",
    ),
    Index(
        key="customer_minutes",
        sql=f"SELECT coalesce(sum({_MINUTES} * customers), 0) FROM interruptions WHERE {_SUSTAINED}",
        unit="min",
    ),
    Index(
        key="momentary",
        sql=f"SELECT coalesce(sum(customers), 0) FROM interruptions WHERE {_MOMENTARY}",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Of what the indices are asked for. `feeders` are those of it; `planned` None: both kinds."""

    feeders: Collection[str]
    served: Served
    planned: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    index: Index
    value: float | None  # None: nothing can be divided
    query: str  # with everything in it, to be run as it stands


def reliability(engine: Engine, part: Part, from_us: int, to_us: int) -> list[Found]:
    """Raises StorageUnavailable, ValueError where the period has no length."""
    if to_us <= from_us:
        raise ValueError("the period ends before it begins")
    facts = _facts(part, from_us, to_us)
    with reading(engine) as connection:
        return [
            Found(index=index, value=_number(value), query=written(sql, facts))
            for index in INDICES
            for sql in (index.sql + _where(part),)
            for value in (connection.execute(_asked(sql), dict(facts)).scalar(),)
        ]


_DAILY: Final = (
    "SELECT (began_at_us + :offset_us) / 86400000000 AS day, "
    f"sum({_MINUTES} * customers) / nullif(:customers, 0) AS minutes "
    f"FROM interruptions WHERE {_SUSTAINED} AND NOT planned AND feeder_id IN :feeders GROUP BY 1"
)
# the sum of squares in place of a deviation, which SQLite does not have
_LIMIT: Final = (
    f"SELECT exp(avg(x) + {MAJOR_BETAS} * sqrt(abs(sum(x * x) - count(*) * avg(x) * avg(x)) "
    f"/ nullif(count(*) - 1, 0))) FROM (SELECT ln(minutes) AS x FROM ({_DAILY}) AS daily "
    "WHERE minutes > 0) AS logarithms"
)
_BEYOND: Final = (
    f"SELECT day, minutes FROM ({_DAILY}) AS daily WHERE minutes > :limit_minutes ORDER BY day"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MajorEvents:
    """Days of the period that are reported apart, and what makes them so (IEEE 1366, 2.5 beta)."""

    limit_minutes: float | None  # None: fewer than two days had any in the years before
    limit_query: str
    days: tuple[tuple[date, float], ...]  # with its SAIDI in minutes, the oldest first
    days_query: str  # "" where there is no limit


def major_events(
    engine: Engine, part: Part, from_us: int, to_us: int, offset: timedelta
) -> MajorEvents:
    """By the five years before the period; unplanned only. `offset`: of the people's days from UTC."""
    offset_us = offset // timedelta(microseconds=1)
    before = _facts(part, from_us - MAJOR_YEARS_US, from_us) | {"offset_us": offset_us}
    within = _facts(part, from_us, to_us) | {"offset_us": offset_us}
    with reading(engine) as connection:
        limit = _number(connection.execute(_asked(_LIMIT), _named(_LIMIT, before)).scalar())
        if limit is None:
            return MajorEvents(
                limit_minutes=None, limit_query=written(_LIMIT, before), days=(), days_query=""
            )
        within |= {"limit_minutes": limit}
        rows = connection.execute(_asked(_BEYOND), _named(_BEYOND, within)).all()
    return MajorEvents(
        limit_minutes=limit,
        limit_query=written(_LIMIT, before),
        days=tuple((_EPOCH + timedelta(days=int(day)), float(minutes)) for day, minutes in rows),
        days_query=written(_BEYOND, within),
    )


def _named(sql: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Those that the query asks for."""
    return {name: value for name, value in facts.items() if f":{name}" in sql}


def interruptions_of(
    engine: Engine, part: Part, from_us: int, to_us: int, limit: int = 20_000
) -> list[Interruption]:
    """Those that count, the newest first; also what lasts still."""
    query = (
        select(interruptions)
        .where(
            interruptions.c.counts,
            interruptions.c.began_at_us >= from_us,
            interruptions.c.began_at_us < to_us,
            interruptions.c.feeder_id.in_(list(part.feeders)),
        )
        .order_by(interruptions.c.began_at_us.desc(), interruptions.c.section_id)
        .limit(limit)
    )
    if part.planned is not None:
        query = query.where(interruptions.c.planned == part.planned)
    with reading(engine) as connection:
        return [interruption_of(row) for row in connection.execute(query).mappings()]


def written(sql: str, facts: Mapping[str, Any]) -> str:
    """As it can be run by hand."""
    for name, value in sorted(facts.items(), key=lambda fact: -len(fact[0])):
        sql = sql.replace(f":{name}", _literal(value))
    return sql


def _where(part: Part) -> str:
    kind = {None: "", True: " AND planned", False: " AND NOT planned"}[part.planned]
    return f" AND feeder_id IN :feeders{kind}"


def _facts(part: Part, from_us: int, to_us: int) -> dict[str, Any]:
    return {
        "from_us": from_us,
        "to_us": to_us,
        "customers": part.served.customers,
        "users": part.served.transformer_users,
        "momentary_us": part.served.momentary_us,
        "short_us": part.served.short_us,
        "feeders": sorted(part.feeders),
    }


def _asked(sql: str) -> Any:
    return text(sql).bindparams(bindparam("feeders", type_=Text(), expanding=True))


def _literal(value: object) -> str:
    if isinstance(value, Iterable) and not isinstance(value, str):
        return f"({', '.join(_literal(each) for each in value)})"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


def _number(found: object) -> float | None:
    return None if found is None else float(found)  # type: ignore[arg-type]
