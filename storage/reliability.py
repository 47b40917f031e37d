"""Reliability indices over a period, each with the query that gives it (DOMAIN E3).

`domain.reliability` says the same in Python, and the tests hold the two together. Portable SQL over
`interruptions`; the bounds are microseconds since 1970 UTC, the second one excluded. An interruption counts
in the period in which it began, once it is over.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Engine, Text, bindparam, select, text

from domain.reliability import Interruption, Served
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
