"""Whether the cause of a closed rectification notice stayed away."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0023"
down_revision: str | None = "0022"
branch_labels: str | None = None
depends_on: str | None = None


def _words(length: int) -> TypeEngine[str]:
    return sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    for column in (
        sa.Column("looked_back", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("looked_back_by", _words(200), nullable=True),
        sa.Column("looked_back_at_us", sa.BigInteger(), nullable=True),
        sa.Column("looked_back_words", sa.Text(), nullable=False, server_default=""),
    ):
        op.add_column("rectifications", column)


def downgrade() -> None:
    for column in ("looked_back_words", "looked_back_at_us", "looked_back_by", "looked_back"):
        op.drop_column("rectifications", column)
