"""Portable earths hang like tags, by their number."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision: str | None = "0020"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    words = sa.String(100).with_variant(sa.Text(collation="C"), "postgresql")
    op.add_column("tags", sa.Column("number", words, nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("tags", "number")
