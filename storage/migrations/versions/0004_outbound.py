"""What leaves for Kafka, and the key of our own records there."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "outbound",
        sa.Column(
            "number",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            primary_key=True,
            nullable=False,
        ),
        sa.Column("outbound_id", _words(200), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("outlet", _words(40), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("outbound_id", name="uq_outbound_outbound_id"),
    )
    op.create_index("ix_outbound_partition", "outbound", ["partition", "number"])
    op.create_table(
        "journal_keys",
        sa.Column("name", _words(80), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_journal_keys"),
    )


def downgrade() -> None:
    op.drop_table("journal_keys")
    op.drop_table("outbound")


def _words(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")
