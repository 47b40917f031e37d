"""The tables of the records. Moments are microseconds since 1970 UTC; NaN is stored as NULL.

The schema changes by migrations only; a test compares them with this module. What SQLite keeps, PostgreSQL
must keep as well: its texts have no length, are ordered by their bytes, and whole numbers have 64 bits.
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
    false,
    text,
)
from sqlalchemy.types import TypeEngine

REVISION: Final = "0023"  # of the newest migration; a test compares them


def _words(length: int) -> TypeEngine[str]:
    """The length is for the reader: SQLite does not look at it."""
    return String(length).with_variant(Text(collation="C"), "postgresql")


words: Final = _words  # for tables in modules of their own


# a number that people write down somewhere and may mistype
_WHOLE: Final = Integer().with_variant(BigInteger(), "postgresql")

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
    Column("projection", _words(40), primary_key=True),
    Column("seq", BigInteger, nullable=False),  # of the journal
)

events: Final = Table(
    "events",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("site", _words(80), nullable=False),
    Column("point", _words(200), nullable=False),
    Column("asset_id", _words(200), nullable=False),
    Column("signal", _words(200), nullable=False),
    Column("unit", _words(40), nullable=False),
    Column("condition", _words(40), nullable=False),
    Column("alarm_class", _words(40), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("started_at_us", BigInteger, nullable=False),
    Column("raised_at_us", BigInteger, nullable=False),
    Column("detected_at_us", BigInteger, nullable=False),
    Column("value", Float(53)),
    Column("limit_value", Float(53)),
    Column("limits_version", _WHOLE, nullable=False),
    Column("degraded", Boolean, nullable=False),
    Column("found_late", Boolean, nullable=False),
    Column("output_allowed", Boolean, nullable=False),
    Column("latching", Boolean, nullable=False, server_default=false()),
    Column("incident_id", Uuid),  # NULL where no person need take it
    # of its clearing; all NULL while it stands
    Column("ended_at_us", BigInteger),
    Column("cleared_detected_at_us", BigInteger),
    Column("cleared_value", Float(53)),
    Column("clear_reason", _words(40)),
    Index("ix_events_raised_at_us", "raised_at_us"),
    Index("ix_events_ended_at_us", "ended_at_us"),
    Index("ix_events_incident_id", "incident_id"),
    Index("ix_events_point", "point", "started_at_us"),
)

# how each event is treated; `rank` is its place in the operator's list
alarms: Final = Table(
    "alarms",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("point", _words(200), nullable=False),
    Column("condition", _words(40), nullable=False),
    Column("asset_id", _words(200), nullable=False),
    Column("alarm_class", _words(40), nullable=False),  # as judged
    Column("priority", Integer, nullable=False),
    Column("started_at_us", BigInteger, nullable=False),
    Column("raised_at_us", BigInteger, nullable=False),
    Column("detected_at_us", BigInteger, nullable=False),
    Column("latching", Boolean, nullable=False),
    Column("state", _words(40), nullable=False),
    Column("standing", Boolean, nullable=False),
    Column("withheld", _words(40)),
    Column("withheld_by", Uuid),
    Column("incident_id", Uuid),
    Column("acknowledged_by", _words(200)),
    Column("acknowledged_at_us", BigInteger),
    Column("silenced_by", _words(200)),
    Column("silenced_at_us", BigInteger),
    Column("reset_by", _words(200)),
    Column("reset_at_us", BigInteger),
    Column("ended_at_us", BigInteger),
    Column("chattering", Boolean, nullable=False),
    Column("fleeting", Boolean, nullable=False),
    Column("position", _words(80), nullable=False),
    Column("rank", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Index("ix_alarms_rank", "rank", "priority", "raised_at_us"),
    Index("ix_alarms_detected_at_us", "detected_at_us"),
    Index("ix_alarms_incident_id", "incident_id"),
    Index("ix_alarms_asset_id", "asset_id", "rank"),
)

withholdings: Final = Table(
    "withholdings",
    metadata,
    Column("withholding_id", Uuid, primary_key=True),
    Column("kind", _words(40), nullable=False),
    Column("point", _words(200), nullable=False),
    Column("condition", _words(40)),
    Column("reason", Text, nullable=False),
    Column("by", _words(200), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("until_us", BigInteger),
    Column("ticket_id", Uuid),
    Column("ended_at_us", BigInteger),
    Column("ended_by", _words(200)),
    Column("version", Integer, nullable=False),
    Index("ix_withholdings_ended_at_us", "ended_at_us"),
)

floods: Final = Table(
    "floods",
    metadata,
    Column("flood_id", Uuid, primary_key=True),
    Column("position", _words(80), nullable=False),
    Column("started_at_us", BigInteger, nullable=False),
    Column("alarms", Integer, nullable=False),
    Column("peak", Integer, nullable=False),
    Column("ended_at_us", BigInteger),
    Column("version", Integer, nullable=False),
    Index("ix_floods_started_at_us", "started_at_us"),
)

# why an alarm exists and what is to be done (ISA-18.2); the newest version of each
rationalisations: Final = Table(
    "rationalisations",
    metadata,
    Column("point", _words(200), primary_key=True),
    Column("condition", _words(40), primary_key=True),
    Column("cause", Text, nullable=False),
    Column("consequence", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("respond_within_us", BigInteger),
    Column("severity", _words(40), nullable=False),
    Column("by", _words(200), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
)

limit_changes: Final = Table(
    "limit_changes",
    metadata,
    Column("change_id", Uuid, primary_key=True),
    Column("point", _words(200), nullable=False),
    Column("condition", _words(40), nullable=False),
    Column("setting", Text, nullable=False),  # JSON
    Column("was", Text, nullable=False),  # JSON of the site's own limit
    Column("reason", Text, nullable=False),
    Column("state", _words(40), nullable=False),
    Column("proposed_by", _words(200), nullable=False),
    Column("proposed_at_us", BigInteger, nullable=False),
    Column("effective_at_us", BigInteger),
    Column("version", Integer, nullable=False),
    Index("ix_limit_changes_state", "state"),
)

campaigns: Final = Table(
    "campaigns",
    metadata,
    Column("mode_id", _words(80), primary_key=True),
    Column("is_on", Boolean, nullable=False),
    Column("by", _words(200), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
)

incidents: Final = Table(
    "incidents",
    metadata,
    Column("incident_id", Uuid, primary_key=True),
    Column("asset_id", _words(200), nullable=False),
    Column("kind", _words(40), nullable=False, server_default="fault"),
    Column("priority", Integer, nullable=False),
    Column("opened_at_us", BigInteger, nullable=False),
    Column("zone_id", _words(200)),  # of the answer, for lists
    Column("acting_id", _words(200)),
    Column("answer", Text, nullable=False),  # JSON of domain.responsibility.Answer
    Column("state", _words(40), nullable=False),
    Column("event_count", Integer, nullable=False),
    Column("acknowledged_by", _words(200)),
    Column("acknowledged_at_us", BigInteger),
    Column("silenced_at_us", BigInteger),
    Column("closed_at_us", BigInteger),
    Column("closed_by", _words(200)),
    Column("note", Text, nullable=False),
    Column("cause", Uuid),  # the incident that explains it
    Column("because", Text, nullable=False, server_default="[]"),  # JSON of the reasons
    Column("grouped_by", _words(200), nullable=False, server_default=""),
    Column("found", Text, nullable=False, server_default="{}"),  # JSON of the Explanation
    Column("version", Integer, nullable=False),
    Index("ix_incidents_state", "state"),
    Index("ix_incidents_opened_at_us", "opened_at_us"),
    Index("ix_incidents_cause", "cause"),
    Index("ix_incidents_kind", "kind"),
)

commands: Final = Table(
    "commands",
    metadata,
    Column("command_id", Uuid, primary_key=True),
    Column("event_id", Uuid, nullable=False),
    Column("device_id", _words(200), nullable=False),
    Column("action", _words(40), nullable=False),
    Column("text", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("valid_until_us", BigInteger, nullable=False),
    Column("max_on_s", _WHOLE, nullable=False),
    Column("state", _words(40), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("sent_at_us", BigInteger),
    Column("ended_at_us", BigInteger),
    Column("outcome", Text, nullable=False),
    Column("sent_before_recorded", Boolean, nullable=False),
    Column("origin", _words(40), nullable=False, server_default="event"),
    Column("by", _words(200), nullable=False, server_default=""),
    Column("because", Text, nullable=False, server_default="[]"),  # JSON of the reasons
    Column("version", Integer, nullable=False),
    Index("ix_commands_state", "state"),
    Index("ix_commands_event_id", "event_id"),
    Index("ix_commands_device_id", "device_id", "created_at_us"),
)

outbox: Final = Table(
    "outbox",
    metadata,
    Column("outbox_id", Uuid, primary_key=True),
    Column("command_id", Uuid, ForeignKey("commands.command_id"), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("done_at_us", BigInteger),
    Column("outcome", _words(40)),
    Index("ix_outbox_done_at_us", "done_at_us"),
)

dead_letters: Final = Table(
    "dead_letters",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("source_id", _words(80), nullable=False),
    Column("reason", _words(80), nullable=False),
    Column("detail", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("replayed_at_us", BigInteger),  # when it was sent through again
    Index("ix_dead_letters_at_us", "at_us"),
)

dead_letter_counts: Final = Table(
    "dead_letter_counts",
    metadata,
    Column("source_id", _words(80), primary_key=True),
    Column("reason", _words(80), primary_key=True),
    Column("day", _words(10), primary_key=True),  # of arrival, UTC: 2026-07-31
    Column("count", BigInteger, nullable=False),  # with those whose payload was not kept
)

points: Final = Table(
    "points",
    metadata,
    # AUTOINCREMENT: a number is never given again, even if its row went
    Column("number", Integer, primary_key=True),
    Column("key", _words(200), nullable=False, unique=True),
    sqlite_autoincrement=True,
)

# what waits for judgement, and what was judged; the sentences are JSON lists
reviews: Final = Table(
    "reviews",
    metadata,
    Column("review_id", Uuid, primary_key=True),
    Column("kind", _words(40), nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("proposed_by", _words(200), nullable=False),
    Column("text", Text, nullable=False),
    Column("code", _words(40), nullable=False),
    Column("item_id", _words(80), nullable=False),
    Column("rule_version", _WHOLE, nullable=False),
    Column("account", _words(40)),
    Column("person_id", _words(200)),
    Column("points_hundredths", _WHOLE, nullable=False),
    Column("event_id", Uuid),
    Column("incident_id", Uuid),
    Column("asset_id", _words(200)),
    Column("zone_id", _words(200)),
    Column("owner_id", _words(200)),
    Column("corrects", Uuid),
    Column("reasons", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("files", Text, nullable=False, server_default="[]"),
    Column("shadow", Boolean, nullable=False),
    Column("state", _words(40), nullable=False),
    Column("judged_by", _words(200)),
    Column("judged_at_us", BigInteger),
    Column("judgement", Text, nullable=False),
    Column("station", _words(200), nullable=False, server_default=""),
    Column("level", Integer),
    Column("sighting", Text, nullable=False, server_default="null"),  # JSON
    Column("established", Text, nullable=False, server_default="null"),  # JSON
    Column("same_as", Uuid),
    Column("version", Integer, nullable=False),
    Index("ix_reviews_state", "state"),
    Index("ix_reviews_created_at_us", "created_at_us"),
    Index("ix_reviews_incident_id", "incident_id"),
)

# append-only; an entry is sealed by a row of `seals`, never changed
entries: Final = Table(
    "entries",
    metadata,
    Column("entry_id", Uuid, primary_key=True),
    Column("account", _words(40), nullable=False),
    Column("person_id", _words(200), nullable=False),
    Column("item_id", _words(80), nullable=False),
    Column("rule_version", _WHOLE, nullable=False),
    Column("points_hundredths", _WHOLE, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("review_id", Uuid, nullable=False),
    Column("zone_id", _words(200)),
    Column("effective_at_us", BigInteger, nullable=False),
    Column("recorded_at_us", BigInteger, nullable=False),
    Column("confirmed_by", _words(200), nullable=False),
    Column("reasons", Text, nullable=False),
    Column("corrects", Uuid),
    Column("shadow", Boolean, nullable=False),
    Index(
        "ux_entries_once",
        "account",
        "event_id",
        "item_id",
        "person_id",
        unique=True,
        sqlite_where=text("corrects IS NULL"),
        postgresql_where=text("corrects IS NULL"),
    ),
    Index("ux_entries_corrects", "corrects", unique=True),  # NULLs differ from each other
    Index("ix_entries_person_id", "person_id"),
)

seals: Final = Table(
    "seals",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),  # 1, 2, 3 without a gap
    Column("entry_id", Uuid, nullable=False, unique=True),
    Column("previous", _words(64), nullable=False),  # hash of the seal before; zeros for the first
    Column("hash", _words(64), nullable=False),
    Column("sealed_at_us", BigInteger, nullable=False),
)

tickets: Final = Table(
    "tickets",
    metadata,
    Column("ticket_id", Uuid, primary_key=True),
    Column("number", _words(200), nullable=False),
    Column("type", _words(40), nullable=False),
    Column("task", Text, nullable=False),
    Column("station", _words(200), nullable=False),
    Column("asset_ids", Text, nullable=False),  # JSON
    Column("team_id", _words(200), nullable=False),
    Column("leader", _words(200), nullable=False),
    Column("from_us", BigInteger, nullable=False),
    Column("to_us", BigInteger, nullable=False),
    Column("created_by", _words(200), nullable=False),
    Column("state", _words(40), nullable=False),
    Column("changed_at_us", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Index("ix_tickets_state", "state"),
)

tags: Final = Table(
    "tags",
    metadata,
    Column("tag_id", Uuid, primary_key=True),
    Column("kind", _words(40), nullable=False),
    Column("asset_id", _words(200), nullable=False),
    Column("note", Text, nullable=False),
    Column("hung_by", _words(200), nullable=False),
    Column("hung_at_us", BigInteger, nullable=False),
    Column("ticket_id", Uuid),
    Column("whole_bay", Boolean, nullable=False, server_default=false()),
    Column("number", _words(100), nullable=False, server_default=""),  # of a portable earth
    Column("until_us", BigInteger),
    Column("forgotten_at_us", BigInteger),
    Column("removed_by", _words(200)),
    Column("removed_at_us", BigInteger),
    Column("version", Integer, nullable=False),
    Index("ix_tags_removed_at_us", "removed_at_us"),
)

approvals: Final = Table(
    "approvals",
    metadata,
    Column("approval_id", Uuid, primary_key=True),
    Column("subject", _words(40), nullable=False),
    Column("subject_id", _words(200), nullable=False),
    Column("summary", Text, nullable=False),  # JSON list
    Column("proposed_by", _words(200), nullable=False),
    Column("proposed_at_us", BigInteger, nullable=False),
    Column("state", _words(40), nullable=False),
    Column("decided_by", _words(200)),
    Column("decided_at_us", BigInteger),
    Column("words", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Index("ix_approvals_state", "state"),
)

site_versions: Final = Table(
    "site_versions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("files", LargeBinary, nullable=False),
    Column("digest", _words(64), nullable=False),
    Column("state", _words(40), nullable=False),
    Column("proposed_by", _words(200), nullable=False),
    Column("proposed_at_us", BigInteger, nullable=False),
    Column("effective_at_us", BigInteger),
)

users: Final = Table(
    "users",
    metadata,
    Column("name", _words(200), primary_key=True),
    Column("password", _words(400), nullable=False),
    Column("roles", Text, nullable=False),  # JSON list
    Column("person_id", _words(200)),
    Column("stations", Text, nullable=False),  # JSON list
    Column("language", _words(10), nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("must_change", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
)

# every request with its outcome; passwords and folders are left out of `request`
audit: Final = Table(
    "audit",
    metadata,
    Column("request_id", Uuid, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("actor", _words(200), nullable=False),
    Column("act", _words(80), nullable=False),  # AcknowledgeIncident
    Column("request", Text, nullable=False),  # JSON
    Column("done", Boolean, nullable=False),
    Column("why", Text, nullable=False),  # JSON of the Reason of a refusal
    Column("subject", _words(200), nullable=False),
    Index("ix_audit_at_us", "at_us"),
    Index("ix_audit_subject", "subject"),
)

# who decides for a partition of the site's topic; the epoch rises with each claim
owners: Final = Table(
    "owners",
    metadata,
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
    Column("worker", _words(200), nullable=False),
    Column("claimed_at_us", BigInteger, nullable=False),
)

# numbers that hold for all workers of a site, such as how many partitions its topic has
site_facts: Final = Table(
    "site_facts",
    metadata,
    Column("name", _words(80), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# where a new owner of a partition begins: storage.checkpoints writes the same bytes into files
checkpoints: Final = Table(
    "checkpoints",
    metadata,
    Column("name", _words(80), primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("part_digests", Text, nullable=False),  # JSON list: the parts it leans on
)

checkpoint_parts: Final = Table(
    "checkpoint_parts",
    metadata,
    Column("name", _words(80), primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("digest", _words(64), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

# by which a worker learns what another one decided about people and paper
paper_changes: Final = Table(
    "paper_changes",
    metadata,
    Column("number", _WHOLE, primary_key=True),
    Column("kind", _words(40), nullable=False),
    Column("key", _words(200), nullable=False),
    Column("partition", Integer),  # whose decision it was; NULL: of a core without partitions
    Column("at_us", BigInteger, nullable=False),
    Index("ix_paper_changes_at_us", "at_us"),
    sqlite_autoincrement=True,
)

deadlines: Final = Table(
    "deadlines",
    metadata,
    Column("deadline_id", Uuid, primary_key=True),
    Column("kind", _words(40), nullable=False),
    Column("subject", _words(200), nullable=False),
    Column("step", Integer, nullable=False),
    Column("due_at_us", BigInteger, nullable=False),
    Column("partition", Integer),
    Column("state", _words(40), nullable=False),
    Column("ended_at_us", BigInteger),
    Column("worker", _words(200)),  # who acted on it
    Index("ix_deadlines_state_due_at_us", "state", "due_at_us"),
    Index("ix_deadlines_subject", "subject"),
)

# what must leave for Kafka and has not
outbound: Final = Table(
    "outbound",
    metadata,
    Column(
        "number",
        Integer().with_variant(BigInteger(), "postgresql"),
        primary_key=True,
    ),
    Column("outbound_id", _words(200), nullable=False, unique=True),
    Column("partition", Integer, nullable=False),
    Column("outlet", _words(40), nullable=False),
    Column("key", Text, nullable=False),
    Column("headers", Text, nullable=False),  # JSON
    Column("value", LargeBinary, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Index("ix_outbound_partition", "partition", "number"),
)

# by which our own records in a topic are known from what a gateway may write there
journal_keys: Final = Table(
    "journal_keys",
    metadata,
    Column("name", _words(80), primary_key=True),
    Column("key", LargeBinary, nullable=False),
)

# what the judgement makes of a problem, in its newest version
findings: Final = Table(
    "findings",
    metadata,
    Column("finding_id", Uuid, primary_key=True),
    Column("asset_id", _words(200), nullable=False),
    Column("cause", _words(40), nullable=False),
    Column("verdict", _words(40), nullable=False),
    Column("confidence", Float(53), nullable=False),
    Column("degraded", Boolean, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("began_at_us", BigInteger, nullable=False),
    Column("told_at_us", BigInteger, nullable=False),
    Column("ended_at_us", BigInteger),
    Column("opinions", Text, nullable=False),  # JSON list
    Column("signature", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("answered_by", _words(200), nullable=False),
    Column("answered_cause", _words(40)),
    Column("version", Integer, nullable=False),
    Index("ix_findings_asset_id", "asset_id"),
    Index("ix_findings_told_at_us", "told_at_us"),
)

# what people said to findings that could not be settled
cases: Final = Table(
    "cases",
    metadata,
    Column("case_id", Uuid, primary_key=True),
    Column("finding_id", Uuid, nullable=False),
    Column("asset_id", _words(200), nullable=False),
    Column("signature", Text, nullable=False),
    Column("cause", _words(40), nullable=False),
    Column("words", Text, nullable=False),
    Column("by", _words(200), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Index("ix_cases_at_us", "at_us"),
)

# what people arranged beside the site: leave, delegation, swaps, planned days, holidays, moves, hand-overs
arrangements: Final = Table(
    "arrangements",
    metadata,
    Column("arrangement_id", Uuid, primary_key=True),
    Column("kind", _words(40), nullable=False),
    Column("body", Text, nullable=False),  # JSON of what is arranged
    Column("from_us", BigInteger, nullable=False),
    Column("until_us", BigInteger),
    Column("by", _words(200), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("private", Text, nullable=False),  # for those whom it concerns
    Column("state", _words(40), nullable=False),
    Column("needs", Text, nullable=False),  # JSON list
    Column("agreed", Text, nullable=False),  # JSON list
    Column("ended_by", _words(200)),
    Column("ended_at_us", BigInteger),
    Column("version", Integer, nullable=False),
    Index("ix_arrangements_until_us", "until_us"),
)
