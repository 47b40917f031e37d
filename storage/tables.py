"""The tables of the records. Moments are microseconds since 1970 UTC; NaN is stored as NULL.

The schema changes by migrations only; a test compares them with this module.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
)

REVISION: Final = "0001"  # of the newest migration; a test compares them

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

applied: Final = Table(
    "applied",
    metadata,
    Column("projection", String(40), primary_key=True),
    Column("seq", BigInteger, nullable=False),  # of the journal
)

events: Final = Table(
    "events",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("site", String(80), nullable=False),
    Column("point", String(200), nullable=False),
    Column("asset_id", String(200), nullable=False),
    Column("signal", String(200), nullable=False),
    Column("unit", String(40), nullable=False),
    Column("condition", String(40), nullable=False),
    Column("alarm_class", String(40), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("started_at_us", BigInteger, nullable=False),
    Column("raised_at_us", BigInteger, nullable=False),
    Column("detected_at_us", BigInteger, nullable=False),
    Column("value", Float(53)),
    Column("limit_value", Float(53)),
    Column("limits_version", Integer, nullable=False),
    Column("degraded", Boolean, nullable=False),
    Column("found_late", Boolean, nullable=False),
    Column("output_allowed", Boolean, nullable=False),
    Column("incident_id", Uuid),  # NULL where no person need take it
    # of its clearing; all NULL while it stands
    Column("ended_at_us", BigInteger),
    Column("cleared_detected_at_us", BigInteger),
    Column("cleared_value", Float(53)),
    Column("clear_reason", String(40)),
    Index("ix_events_raised_at_us", "raised_at_us"),
    Index("ix_events_ended_at_us", "ended_at_us"),
    Index("ix_events_incident_id", "incident_id"),
)

incidents: Final = Table(
    "incidents",
    metadata,
    Column("incident_id", Uuid, primary_key=True),
    Column("asset_id", String(200), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("opened_at_us", BigInteger, nullable=False),
    Column("responsible", String(200), nullable=False),
    Column("because", Text, nullable=False),
    Column("state", String(40), nullable=False),
    Column("event_count", Integer, nullable=False),
    Column("acknowledged_by", String(200)),
    Column("acknowledged_at_us", BigInteger),
    Column("closed_at_us", BigInteger),
    Column("version", Integer, nullable=False),
    Index("ix_incidents_state", "state"),
)

commands: Final = Table(
    "commands",
    metadata,
    Column("command_id", Uuid, primary_key=True),
    Column("event_id", Uuid, nullable=False),
    Column("device_id", String(200), nullable=False),
    Column("action", String(40), nullable=False),
    Column("text", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("valid_until_us", BigInteger, nullable=False),
    Column("max_on_s", Integer, nullable=False),
    Column("state", String(40), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("sent_at_us", BigInteger),
    Column("ended_at_us", BigInteger),
    Column("outcome", Text, nullable=False),
    Column("sent_before_recorded", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Index("ix_commands_state", "state"),
    Index("ix_commands_event_id", "event_id"),
)

outbox: Final = Table(
    "outbox",
    metadata,
    Column("outbox_id", Uuid, primary_key=True),
    Column("command_id", Uuid, ForeignKey("commands.command_id"), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("done_at_us", BigInteger),
    Column("outcome", String(40)),
    Index("ix_outbox_done_at_us", "done_at_us"),
)

dead_letters: Final = Table(
    "dead_letters",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("source_id", String(80), nullable=False),
    Column("reason", String(80), nullable=False),
    Column("detail", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Index("ix_dead_letters_at_us", "at_us"),
)

dead_letter_counts: Final = Table(
    "dead_letter_counts",
    metadata,
    Column("source_id", String(80), primary_key=True),
    Column("reason", String(80), primary_key=True),
    Column("day", String(10), primary_key=True),  # of arrival, UTC: 2026-07-31
    Column("count", BigInteger, nullable=False),  # with those whose payload was not kept
)

points: Final = Table(
    "points",
    metadata,
    # AUTOINCREMENT: a number is never given again, even if its row went
    Column("number", Integer, primary_key=True),
    Column("key", String(200), nullable=False, unique=True),
    sqlite_autoincrement=True,
)
