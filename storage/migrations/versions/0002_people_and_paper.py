"""Who answers for an incident, and the tables of people and paper."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None

_NEW_TABLES = (
    "reviews", "entries", "seals", "tickets", "tags", "approvals", "site_versions", "users", "audit",
)  # fmt: skip


def upgrade() -> None:
    with op.batch_alter_table("incidents") as incidents:
        incidents.add_column(sa.Column("zone_id", sa.String(length=200), nullable=True))
        incidents.add_column(sa.Column("acting_id", sa.String(length=200), nullable=True))
        incidents.add_column(sa.Column("answer", sa.Text(), nullable=False, server_default="{}"))
        incidents.add_column(sa.Column("silenced_at_us", sa.BigInteger(), nullable=True))
        incidents.add_column(sa.Column("closed_by", sa.String(length=200), nullable=True))
        incidents.add_column(sa.Column("note", sa.Text(), nullable=False, server_default=""))
    _answers_from_words()
    with op.batch_alter_table("incidents") as incidents:
        incidents.drop_column("responsible")
        incidents.drop_column("because")
        incidents.alter_column("answer", server_default=None)
        incidents.alter_column("note", server_default=None)
    op.create_index("ix_incidents_opened_at_us", "incidents", ["opened_at_us"])
    _create_tables()


def downgrade() -> None:
    for table in reversed(_NEW_TABLES):
        op.drop_table(table)
    op.drop_index("ix_incidents_opened_at_us", "incidents")
    with op.batch_alter_table("incidents") as incidents:
        incidents.add_column(
            sa.Column("responsible", sa.String(length=200), nullable=False, server_default="")
        )
        incidents.add_column(sa.Column("because", sa.Text(), nullable=False, server_default=""))
    _words_from_answers()
    with op.batch_alter_table("incidents") as incidents:
        incidents.alter_column("responsible", server_default=None)
        incidents.alter_column("because", server_default=None)
        for column in ("zone_id", "acting_id", "answer", "silenced_at_us", "closed_by", "note"):
            incidents.drop_column(column)


_INCIDENTS = sa.table(
    "incidents",
    sa.column("incident_id", sa.Uuid()),
    sa.column("responsible", sa.String()),
    sa.column("because", sa.Text()),
    sa.column("answer", sa.Text()),
)


def _answers_from_words() -> None:
    """The name and the sentence that stood there become an answer with one reason."""
    columns = _INCIDENTS.c
    rows = op.get_bind().execute(
        sa.select(columns.incident_id, columns.responsible, columns.because)
    )
    for incident_id, responsible, because in rows.all():
        answer = {
            "acting": {"person_id": "", "name": responsible},
            "reasons": [{"code": "site_default", "facts": [["words", because]]}],
        }
        _set(incident_id, answer=json.dumps(answer, ensure_ascii=False))


def _words_from_answers() -> None:
    columns = _INCIDENTS.c
    for incident_id, written in (
        op.get_bind().execute(sa.select(columns.incident_id, columns.answer)).all()
    ):
        answer = json.loads(written)
        acting = answer.get("acting") or answer.get("owner") or {}
        facts = [fact for reason in answer.get("reasons", ()) for _, fact in reason["facts"]]
        _set(incident_id, responsible=acting.get("name", ""), because=" ".join(facts))


def _set(incident_id: object, **values: str) -> None:
    op.get_bind().execute(
        sa.update(_INCIDENTS).where(_INCIDENTS.c.incident_id == incident_id).values(**values)
    )


def _create_tables() -> None:
    op.create_table(
        "reviews",
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("proposed_by", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("item_id", sa.String(length=80), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=True),
        sa.Column("person_id", sa.String(length=200), nullable=True),
        sa.Column("points_hundredths", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("incident_id", sa.Uuid(), nullable=True),
        sa.Column("asset_id", sa.String(length=200), nullable=True),
        sa.Column("zone_id", sa.String(length=200), nullable=True),
        sa.Column("owner_id", sa.String(length=200), nullable=True),
        sa.Column("corrects", sa.Uuid(), nullable=True),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("shadow", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("judged_by", sa.String(length=200), nullable=True),
        sa.Column("judged_at_us", sa.BigInteger(), nullable=True),
        sa.Column("judgement", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("review_id", name="pk_reviews"),
    )
    op.create_index("ix_reviews_created_at_us", "reviews", ["created_at_us"])
    op.create_index("ix_reviews_incident_id", "reviews", ["incident_id"])
    op.create_index("ix_reviews_state", "reviews", ["state"])
    op.create_table(
        "entries",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("person_id", sa.String(length=200), nullable=False),
        sa.Column("item_id", sa.String(length=80), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("points_hundredths", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.Column("zone_id", sa.String(length=200), nullable=True),
        sa.Column("effective_at_us", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at_us", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_by", sa.String(length=200), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("corrects", sa.Uuid(), nullable=True),
        sa.Column("shadow", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name="pk_entries"),
    )
    op.create_index("ix_entries_person_id", "entries", ["person_id"])
    op.create_index("ux_entries_corrects", "entries", ["corrects"], unique=True)
    op.create_index(
        "ux_entries_once",
        "entries",
        ["account", "event_id", "item_id", "person_id"],
        unique=True,
        sqlite_where=sa.text("corrects IS NULL"),
        postgresql_where=sa.text("corrects IS NULL"),
    )
    op.create_table(
        "seals",
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("sealed_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_seals"),
        sa.UniqueConstraint("entry_id", name="uq_seals_entry_id"),
    )
    op.create_table(
        "tickets",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=200), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("station", sa.String(length=200), nullable=False),
        sa.Column("asset_ids", sa.Text(), nullable=False),
        sa.Column("team_id", sa.String(length=200), nullable=False),
        sa.Column("leader", sa.String(length=200), nullable=False),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
        sa.Column("to_us", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("changed_at_us", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_tickets"),
    )
    op.create_index("ix_tickets_state", "tickets", ["state"])
    op.create_table(
        "tags",
        sa.Column("tag_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("asset_id", sa.String(length=200), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("hung_by", sa.String(length=200), nullable=False),
        sa.Column("hung_at_us", sa.BigInteger(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("removed_by", sa.String(length=200), nullable=True),
        sa.Column("removed_at_us", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tag_id", name="pk_tags"),
    )
    op.create_index("ix_tags_removed_at_us", "tags", ["removed_at_us"])
    op.create_table(
        "approvals",
        sa.Column("approval_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.String(length=200), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.String(length=200), nullable=False),
        sa.Column("proposed_at_us", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.Column("decided_at_us", sa.BigInteger(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("approval_id", name="pk_approvals"),
    )
    op.create_index("ix_approvals_state", "approvals", ["state"])
    op.create_table(
        "site_versions",
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("files", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("proposed_by", sa.String(length=200), nullable=False),
        sa.Column("proposed_at_us", sa.BigInteger(), nullable=False),
        sa.Column("effective_at_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_site_versions"),
    )
    op.create_table(
        "users",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("password", sa.String(length=400), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("person_id", sa.String(length=200), nullable=True),
        sa.Column("stations", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_users"),
    )
    op.create_table(
        "audit",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("act", sa.String(length=80), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("request_id", name="pk_audit"),
    )
    op.create_index("ix_audit_at_us", "audit", ["at_us"])
    op.create_index("ix_audit_subject", "audit", ["subject"])
