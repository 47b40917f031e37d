"""The operation log, the watches that hand over to each other, and the pages that were signed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0013"
down_revision: str | None = "0012"
branch_labels: str | None = None
depends_on: str | None = None


def _words(length: int) -> TypeEngine[str]:
    return sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "log_entries",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("station", _words(200), nullable=False),
        sa.Column("kind", _words(40), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("written_at_us", sa.BigInteger(), nullable=False),
        sa.Column("by", _words(200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("giver", _words(200), nullable=False),
        sa.Column("receiver", _words(200), nullable=False),
        sa.Column("given_at_us", sa.BigInteger(), nullable=True),
        sa.Column("read_back", sa.Boolean(), nullable=False),
        sa.Column("executed_at_us", sa.BigInteger(), nullable=True),
        sa.Column("corrects", sa.Uuid(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name="pk_log_entries"),
    )
    op.create_index("ix_log_entries_at_us", "log_entries", ["at_us"])
    op.create_index("ix_log_entries_station", "log_entries", ["station", "at_us"])
    op.create_index("ix_log_entries_corrects", "log_entries", ["corrects"])
    op.create_table(
        "watches",
        sa.Column("watch_id", sa.Uuid(), nullable=False),
        sa.Column("post_id", _words(80), nullable=False),
        sa.Column("crew_id", _words(80), nullable=False),
        sa.Column("crew", _words(200), nullable=False),
        sa.Column("persons", sa.Text(), nullable=False),
        sa.Column("duty_date", _words(10), nullable=False),
        sa.Column("shift", _words(80), nullable=False),
        sa.Column("starts_us", sa.BigInteger(), nullable=False),
        sa.Column("ends_us", sa.BigInteger(), nullable=False),
        sa.Column("began_at_us", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.Uuid(), nullable=True),
        sa.Column("state", _words(40), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("page", _words(64), nullable=False),
        sa.Column("signed_by", _words(200), nullable=True),
        sa.Column("signed_at_us", sa.BigInteger(), nullable=True),
        sa.Column("taken_by", _words(200), nullable=True),
        sa.Column("taken_at_us", sa.BigInteger(), nullable=True),
        sa.Column("refused_by", _words(200), nullable=True),
        sa.Column("refused_at_us", sa.BigInteger(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=False),
        sa.Column("late_since_us", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("watch_id", name="pk_watches"),
    )
    op.create_index("ix_watches_post_id", "watches", ["post_id", "began_at_us"])
    op.create_table(
        "signed_pages",
        sa.Column("digest", _words(64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_signed_pages"),
    )


def downgrade() -> None:
    op.drop_table("signed_pages")
    op.drop_table("watches")
    op.drop_table("log_entries")
