"""Outages, planned outages and earth faults in the records, and the interruptions that the indices count.

What people look for stands in columns; the rest is one document, the newest version. The interruptions are
plain rows: every index can be computed again from them by one query.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Executable,
    Index,
    Integer,
    RowMapping,
    Table,
    Text,
    Uuid,
    or_,
    select,
)

from domain.changes import Changes
from domain.ids import AssetId
from domain.outages import EarthFault, Outage, Phase, PlannedOutage, PlanState
from domain.reliability import Interruption
from storage.engines import reading
from storage.inserts import newest
from storage.rows import as_json
from storage.tables import _words, metadata
from storage.typed import read_json

_T = TypeVar("_T")
_Row = dict[str, Any]

outages: Final = Table(
    "outages",
    metadata,
    Column("outage_id", Uuid, primary_key=True),
    Column("feeder_id", _words(200), nullable=False),
    Column("station", _words(200), nullable=False),
    Column("asset_id", _words(200), nullable=False),
    Column("incident_id", Uuid),
    Column("phase", _words(40), nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("started_at_us", BigInteger, nullable=False),
    Column("body", Text, nullable=False),  # JSON
    Column("version", Integer, nullable=False),
    Index("ix_outages_is_open", "is_open"),
    Index("ix_outages_started_at_us", "started_at_us"),
)
planned_outages: Final = Table(
    "planned_outages",
    metadata,
    Column("planned_id", Uuid, primary_key=True),
    Column("feeder_id", _words(200), nullable=False),
    Column("station", _words(200), nullable=False),
    Column("asset_id", _words(200), nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("from_us", BigInteger, nullable=False),
    Column("body", Text, nullable=False),  # JSON
    Column("version", Integer, nullable=False),
    Index("ix_planned_outages_from_us", "from_us"),
)
earth_faults: Final = Table(
    "earth_faults",
    metadata,
    Column("earth_id", Uuid, primary_key=True),
    Column("network_id", _words(200), nullable=False),
    Column("station", _words(200), nullable=False),
    Column("asset_id", _words(200), nullable=False),
    Column("incident_id", Uuid),
    Column("started_at_us", BigInteger, nullable=False),
    Column("ended_at_us", BigInteger),
    Column("body", Text, nullable=False),  # JSON
    Column("version", Integer, nullable=False),
    Index("ix_earth_faults_started_at_us", "started_at_us"),
)
interruptions: Final = Table(
    "interruptions",
    metadata,
    Column("source_id", Uuid, primary_key=True),  # the outage, or the planned one
    Column("section_id", _words(200), primary_key=True),
    Column("feeder_id", _words(200), nullable=False),
    Column("station", _words(200), nullable=False),
    Column("planned", Boolean, nullable=False),
    Column("counts", Boolean, nullable=False),  # not while it is only suspected, nor when withdrawn
    Column("customers", Integer, nullable=False),
    Column("transformer_users", Integer, nullable=False),
    Column("began_at_us", BigInteger, nullable=False),
    Column("ended_at_us", BigInteger),
    Column("version", Integer, nullable=False),
    Index("ix_interruptions_began_at_us", "began_at_us"),
)

_DO_NOT_COUNT: Final = frozenset({Phase.SUSPECTED, Phase.WITHDRAWN})
_LONGEST_US: Final = 62 * 86_400_000_000  # that an outage is planned for
ALL_SECTIONS: Final = "*"  # a planned outage begins and ends as one


@cache
def _statements(dialect: str) -> tuple[Executable, Executable, Executable, Executable]:
    return (
        newest(dialect, outages, "outage_id", "version"),
        newest(dialect, planned_outages, "planned_id", "version"),
        newest(dialect, earth_faults, "earth_id", "version"),
        newest(dialect, interruptions, ("source_id", "section_id"), "version"),
    )


def write(connection: Connection, changes: Changes) -> None:
    """In the caller's transaction. May be repeated."""
    if not (changes.outages or changes.planned_outages or changes.earth_faults):
        return
    outage, planned, earth, interruption = _statements(connection.dialect.name)
    for statement, key, found in (
        (outage, ("outage_id",), map(_outage_row, changes.outages)),
        (planned, ("planned_id",), map(_planned_row, changes.planned_outages)),
        (earth, ("earth_id",), map(_earth_row, changes.earth_faults)),
        (interruption, ("source_id", "section_id"), _interruption_rows(changes)),
    ):
        last = {tuple(row[name] for name in key): row for row in found}
        if last:
            connection.execute(statement, [last[each] for each in sorted(last, key=str)])


class OutageReads:
    """Raises StorageUnavailable where the records do not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open_outages(self) -> list[Outage]:
        """The oldest first."""
        query = select(outages.c.body).where(outages.c.is_open).order_by(outages.c.started_at_us)
        return self._decoded(query, Outage)

    def past_outages(self, limit: int = 100) -> list[Outage]:
        """The newest first."""
        query = (
            select(outages.c.body)
            .where(~outages.c.is_open)
            .order_by(outages.c.started_at_us.desc())
            .limit(limit)
        )
        return self._decoded(query, Outage)

    def outage(self, outage_id: UUID) -> Outage | None:
        query = select(outages.c.body).where(outages.c.outage_id == outage_id)
        return next(iter(self._decoded(query, Outage)), None)

    def outage_of_incident(self, incident_id: UUID) -> Outage | None:
        query = (
            select(outages.c.body)
            .where(outages.c.incident_id == incident_id)
            .order_by(outages.c.started_at_us.desc())
        )
        return next(iter(self._decoded(query, Outage)), None)

    def open_planned(self) -> list[PlannedOutage]:
        """Announced or under way, the next first."""
        query = (
            select(planned_outages.c.body)
            .where(planned_outages.c.is_open)
            .order_by(planned_outages.c.from_us)
        )
        return self._decoded(query, PlannedOutage)

    def past_planned(self, limit: int = 100) -> list[PlannedOutage]:
        query = (
            select(planned_outages.c.body)
            .where(~planned_outages.c.is_open)
            .order_by(planned_outages.c.from_us.desc())
            .limit(limit)
        )
        return self._decoded(query, PlannedOutage)

    def planned_between(self, from_us: int, to_us: int) -> list[PlannedOutage]:
        """Whatever became of them, by their time; one that began long before may reach in."""
        query = (
            select(planned_outages.c.body)
            .where(
                planned_outages.c.from_us >= from_us - _LONGEST_US,
                planned_outages.c.from_us < to_us,
            )
            .order_by(planned_outages.c.from_us)
        )
        return [each for each in self._decoded(query, PlannedOutage) if each.to_us > from_us]

    def earth_faults(self, since_us: int = 0, limit: int = 100) -> list[EarthFault]:
        """Open, or ended at `since_us` or later; the newest first."""
        query = (
            select(earth_faults.c.body)
            .where(
                or_(earth_faults.c.ended_at_us.is_(None), earth_faults.c.ended_at_us >= since_us)
            )
            .order_by(earth_faults.c.started_at_us.desc())
            .limit(limit)
        )
        return self._decoded(query, EarthFault)

    def earth_fault_of_incident(self, incident_id: UUID) -> EarthFault | None:
        query = (
            select(earth_faults.c.body)
            .where(earth_faults.c.incident_id == incident_id)
            .order_by(earth_faults.c.started_at_us.desc())
        )
        return next(iter(self._decoded(query, EarthFault)), None)

    def earth_fault(self, earth_id: UUID) -> EarthFault | None:
        query = select(earth_faults.c.body).where(earth_faults.c.earth_id == earth_id)
        return next(iter(self._decoded(query, EarthFault)), None)

    def asset_of(self, thing_id: UUID) -> AssetId | None:
        """Of an outage, a planned one or an earth fault."""
        for table, key in (
            (outages, outages.c.outage_id),
            (planned_outages, planned_outages.c.planned_id),
            (earth_faults, earth_faults.c.earth_id),
        ):
            with reading(self._engine) as connection:
                found = connection.execute(select(table.c.asset_id).where(key == thing_id)).scalar()
            if found is not None:
                return AssetId(found)
        return None

    def interruptions(self, from_us: int, until_us: int) -> list[Interruption]:
        """Those that began in this time and count, the oldest first."""
        query = (
            select(interruptions)
            .where(
                interruptions.c.counts,
                interruptions.c.began_at_us >= from_us,
                interruptions.c.began_at_us < until_us,
            )
            .order_by(
                interruptions.c.began_at_us, interruptions.c.feeder_id, interruptions.c.section_id
            )
        )
        with reading(self._engine) as connection:
            return [interruption_of(row) for row in connection.execute(query).mappings()]

    def _decoded(self, query: Any, kind: type[_T]) -> list[_T]:
        with reading(self._engine) as connection:
            return [read_json(kind, body) for body in connection.execute(query).scalars()]


def _outage_row(outage: Outage) -> _Row:
    return {
        "outage_id": outage.outage_id,
        "feeder_id": outage.feeder_id,
        "station": outage.station,
        "asset_id": outage.asset_id,
        "incident_id": outage.incident_id,
        "phase": outage.phase.value,
        "is_open": outage.is_open,
        "started_at_us": outage.started_at_us,
        "body": as_json(outage),
        "version": outage.version,
    }


def _planned_row(planned: PlannedOutage) -> _Row:
    return {
        "planned_id": planned.planned_id,
        "feeder_id": planned.feeder_id,
        "station": planned.station,
        "asset_id": planned.asset_id,
        "is_open": planned.is_open,
        "from_us": planned.from_us,
        "body": as_json(planned),
        "version": planned.version,
    }


def _earth_row(fault: EarthFault) -> _Row:
    return {
        "earth_id": fault.earth_id,
        "network_id": fault.network_id,
        "station": fault.station,
        "asset_id": fault.asset_id,
        "incident_id": fault.incident_id,
        "started_at_us": fault.started_at_us,
        "ended_at_us": fault.ended_at_us,
        "body": as_json(fault),
        "version": fault.version,
    }


def _interruption_rows(changes: Changes) -> Iterable[_Row]:
    for outage in changes.outages:
        for section in outage.sections:
            yield {
                "source_id": outage.outage_id,
                "section_id": section.section_id,
                "feeder_id": outage.feeder_id,
                "station": outage.station,
                "planned": False,
                "counts": outage.phase not in _DO_NOT_COUNT,
                "customers": section.customers,
                "transformer_users": section.transformer_users,
                "began_at_us": section.out_at_us,
                "ended_at_us": section.restored_at_us,
                "version": outage.version,
            }
    for planned in changes.planned_outages:
        if planned.began_at_us is not None:
            yield {
                "source_id": planned.planned_id,
                "section_id": ALL_SECTIONS,
                "feeder_id": planned.feeder_id,
                "station": planned.station,
                "planned": True,
                "counts": planned.state is not PlanState.CANCELLED,
                "customers": planned.customers,
                "transformer_users": planned.transformer_users,
                "began_at_us": planned.began_at_us,
                "ended_at_us": planned.ended_at_us,
                "version": planned.version,
            }


def interruption_of(row: RowMapping) -> Interruption:
    held = dict(row)
    del held["counts"], held["version"]
    return Interruption(**held)
