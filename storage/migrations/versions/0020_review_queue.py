"""What was established, seen by whom, and rectification notices."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0020"
down_revision: str | None = "0010"
branch_labels: str | None = None
depends_on: str | None = None


def _words(length: int) -> TypeEngine[str]:
    return sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    for column in (
        sa.Column("station", _words(200), nullable=False, server_default=""),
        sa.Column("level", sa.Integer(), nullable=True),
        sa.Column("sighting", sa.Text(), nullable=False, server_default="null"),
        sa.Column("established", sa.Text(), nullable=False, server_default="null"),
        sa.Column("same_as", sa.Uuid(), nullable=True),
    ):
        op.add_column("reviews", column)
    op.create_table(
        "review_marks",
        sa.Column("user", _words(200), nullable=False),
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user", "review_id", name="pk_review_marks"),
    )
    op.create_table(
        "rectifications",
        sa.Column("rectification_id", sa.Uuid(), nullable=False),
        sa.Column("number", _words(40), nullable=False),
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.Column("asset_id", _words(200), nullable=True),
        sa.Column("station", _words(200), nullable=False),
        sa.Column("zone_id", _words(200), nullable=True),
        sa.Column("member_id", _words(200), nullable=True),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("issued_by", _words(200), nullable=False),
        sa.Column("issued_at_us", sa.BigInteger(), nullable=False),
        sa.Column("due_us", sa.BigInteger(), nullable=False),
        sa.Column("state", _words(40), nullable=False),
        sa.Column("root_cause", sa.Text(), nullable=False),
        sa.Column("done_words", sa.Text(), nullable=False),
        sa.Column("done_by", _words(200), nullable=True),
        sa.Column("done_at_us", sa.BigInteger(), nullable=True),
        sa.Column("files", sa.Text(), nullable=False),
        sa.Column("looked_by", _words(200), nullable=True),
        sa.Column("looked_at_us", sa.BigInteger(), nullable=True),
        sa.Column("looked_words", sa.Text(), nullable=False),
        sa.Column("sent_back", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("rectification_id", name="pk_rectifications"),
    )
    op.create_index("ix_rectifications_review_id", "rectifications", ["review_id"])
    op.create_index("ix_rectifications_state", "rectifications", ["state"])


def downgrade() -> None:
    op.drop_table("rectifications")
    op.drop_table("review_marks")
    for name in ("same_as", "established", "sighting", "level", "station"):
        op.drop_column("reviews", name)
