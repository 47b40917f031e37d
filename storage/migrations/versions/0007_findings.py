"""Findings of the judgement, and the cases that people settled."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0007"
down_revision: str | None = "0006"
branch_labels: str | None = None
depends_on: str | None = None


def _words(length: int) -> TypeEngine[str]:
    return sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "findings",
        sa.Column("finding_id", sa.Uuid(), nullable=False),
        sa.Column("asset_id", _words(200), nullable=False),
        sa.Column("cause", _words(40), nullable=False),
        sa.Column("verdict", _words(40), nullable=False),
        sa.Column("confidence", sa.Float(precision=53), nullable=False),
        sa.Column("degraded", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("began_at_us", sa.BigInteger(), nullable=False),
        sa.Column("told_at_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_at_us", sa.BigInteger(), nullable=True),
        sa.Column("opinions", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_by", _words(200), nullable=False),
        sa.Column("answered_cause", _words(40), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("finding_id", name="pk_findings"),
    )
    op.create_index("ix_findings_asset_id", "findings", ["asset_id"])
    op.create_index("ix_findings_told_at_us", "findings", ["told_at_us"])
    op.create_table(
        "cases",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("finding_id", sa.Uuid(), nullable=False),
        sa.Column("asset_id", _words(200), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("cause", _words(40), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("by", _words(200), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", name="pk_cases"),
    )
    op.create_index("ix_cases_at_us", "cases", ["at_us"])


def downgrade() -> None:
    op.drop_table("cases")
    op.drop_table("findings")
