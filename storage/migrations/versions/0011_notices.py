"""Escalations, notices, and what happened with each notice."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0011"
down_revision: str | None = "0013"
branch_labels: str | None = None
depends_on: str | None = None


def _words(length: int) -> TypeEngine[str]:
    return sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "escalations",
        sa.Column("escalation_id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("asset_id", _words(200), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("kind", _words(40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("began_at_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_at_us", sa.BigInteger(), nullable=True),
        sa.Column("ended", _words(40), nullable=False),
        sa.Column("ended_by", _words(200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("escalation_id", name="pk_escalations"),
    )
    op.create_index("ix_escalations_incident_id", "escalations", ["incident_id"])
    op.create_index("ix_escalations_ended_at_us", "escalations", ["ended_at_us"])
    op.create_table(
        "notices",
        sa.Column(
            "number",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            primary_key=True,
            nullable=False,
        ),
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.Column("escalation_id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("asset_id", _words(200), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("who", _words(40), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("kind", _words(40), nullable=False),
        sa.Column("person_id", _words(200), nullable=False),
        sa.Column("person", _words(200), nullable=False),
        sa.Column("channel", _words(80), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("not_before_us", sa.BigInteger(), nullable=False),
        sa.Column("valid_until_us", sa.BigInteger(), nullable=False),
        sa.Column("state", _words(40), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_us", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("digest_id", sa.Uuid(), nullable=True),
        sa.Column("sent_at_us", sa.BigInteger(), nullable=True),
        sa.Column("ended_at_us", sa.BigInteger(), nullable=True),
        sa.Column("answered_by", _words(200), nullable=False),
        sa.Column("sender", _words(200), nullable=False),
        sa.Column("lease_until_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_notices"),
        sa.UniqueConstraint("notice_id", name="uq_notices_notice_id"),
    )
    op.create_index("ix_notices_state_channel", "notices", ["state", "channel", "number"])
    op.create_index("ix_notices_incident_id", "notices", ["incident_id"])
    op.create_index("ix_notices_escalation_id", "notices", ["escalation_id"])
    op.create_index("ix_notices_created_at_us", "notices", ["created_at_us"])
    op.create_table(
        "notice_entries",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("what", _words(40), nullable=False),
        sa.Column("by", _words(200), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name="pk_notice_entries"),
    )
    op.create_index("ix_notice_entries_notice_id", "notice_entries", ["notice_id", "at_us"])


def downgrade() -> None:
    op.drop_table("notice_entries")
    op.drop_table("notices")
    op.drop_table("escalations")
