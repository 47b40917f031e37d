"""The tables of escalations and notices, on the metadata of the records (storage.tables)."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, Uuid

from storage.tables import _WHOLE, _words, metadata

# every incident that climbs or climbed, at each level
escalations: Final = Table(
    "escalations",
    metadata,
    Column("escalation_id", Uuid, primary_key=True),
    Column("incident_id", Uuid, nullable=False),
    Column("event_id", Uuid),  # the alarm that speaks for it
    Column("asset_id", _words(200), nullable=False),
    Column("level", Integer, nullable=False),
    Column("kind", _words(40), nullable=False),
    Column("text", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("began_at_us", BigInteger, nullable=False),
    Column("ended_at_us", BigInteger),
    Column("ended", _words(40), nullable=False),
    Column("ended_by", _words(200), nullable=False),
    Column("version", Integer, nullable=False),
    Index("ix_escalations_incident_id", "incident_id"),
    Index("ix_escalations_ended_at_us", "ended_at_us"),
)

# who is to be told, and what became of it; numbers and addresses of people never stand here
notices: Final = Table(
    "notices",
    metadata,
    Column("number", _WHOLE, primary_key=True),  # the order in which they were decided
    Column("notice_id", Uuid, nullable=False, unique=True),
    Column("escalation_id", Uuid, nullable=False),
    Column("incident_id", Uuid, nullable=False),
    Column("asset_id", _words(200), nullable=False),
    Column("step", Integer, nullable=False),
    Column("who", _words(40), nullable=False),
    Column("level", Integer, nullable=False),
    Column("kind", _words(40), nullable=False),
    Column("person_id", _words(200), nullable=False),
    Column("person", _words(200), nullable=False),
    Column("channel", _words(80), nullable=False),
    Column("text", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("why", Text, nullable=False),  # JSON list of Reasons
    Column("created_at_us", BigInteger, nullable=False),
    Column("not_before_us", BigInteger, nullable=False),
    Column("valid_until_us", BigInteger, nullable=False),
    Column("state", _words(40), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_us", BigInteger, nullable=False),
    Column("error", Text, nullable=False),
    Column("digest_id", Uuid),
    Column("sent_at_us", BigInteger),
    Column("ended_at_us", BigInteger),
    Column("answered_by", _words(200), nullable=False),
    # who sends it now: another worker takes it over after that
    Column("sender", _words(200), nullable=False),
    Column("lease_until_us", BigInteger, nullable=False),
    Index("ix_notices_state_channel", "state", "channel", "number"),
    Index("ix_notices_incident_id", "incident_id"),
    Index("ix_notices_escalation_id", "escalation_id"),
    Index("ix_notices_created_at_us", "created_at_us"),
)

# one line for everything that happened with a notice; never changed
notice_entries: Final = Table(
    "notice_entries",
    metadata,
    Column("entry_id", Uuid, primary_key=True),
    Column("notice_id", Uuid, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("what", _words(40), nullable=False),
    Column("by", _words(200), nullable=False),
    Column("words", Text, nullable=False),
    Index("ix_notice_entries_notice_id", "notice_id", "at_us"),
)
