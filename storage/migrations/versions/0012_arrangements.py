"""What people arrange beside the site: leave, delegation, swaps, planned days, holidays, moves, tenures."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision: str | None = "0009"
branch_labels: str | None = None
depends_on: str | None = None


def _words(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "arrangements",
        sa.Column("arrangement_id", sa.Uuid(), nullable=False),
        sa.Column("kind", _words(40), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=True),
        sa.Column("by", _words(200), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("private", sa.Text(), nullable=False),
        sa.Column("state", _words(40), nullable=False),
        sa.Column("needs", sa.Text(), nullable=False),
        sa.Column("agreed", sa.Text(), nullable=False),
        sa.Column("ended_by", _words(200), nullable=True),
        sa.Column("ended_at_us", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("arrangement_id", name="pk_arrangements"),
    )
    op.create_index("ix_arrangements_until_us", "arrangements", ["until_us"])


def downgrade() -> None:
    op.drop_table("arrangements")
